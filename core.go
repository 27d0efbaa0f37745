package onetime

import (
	"context"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

func init() {
	core.Of = func(manager any) *core.Core { return manager.(*Manager).core() }
	core.WithClock = func(now func() time.Time) any {
		return onlyNew("the clock of onetimetest", func(c *config) error { c.now = now; return nil })
	}
	core.IdempotencyKey = func(op string, opts any) (string, error) {
		o, err := newCallOptions(op, opts.([]VerifyOption), VerifyOption.applyVerify)
		if err == nil && o.bound {
			err = invalid("WithBinding on %s: a factor has no challenge to bind", op)
		}
		return o.idempotencyKey, err
	}
	core.RequestOfIssue = callOption(func(s *callOptions) error { s.requestOfIssue = true; return nil })
	core.ScriptText, core.WholeScript = scriptText, wholeScript
}

func (m *Manager) core() *core.Core {
	return &core.Core{
		Purpose: m.config.policy.Purpose, Ring: m.ring, Runner: &m.config.runner, Guesses: m.config.strangers.codes,
		Subject: m.config.subject,
		Challenge: func(typed, binding string) (string, keyring.Challenge, error) {
			return m.challenge(typed, callOptions{bound: binding != "", binding: binding})
		},
		KnowsBrowser: m.knowsBrowser,
		Observe: func(ctx context.Context, op, kind, id, tag string, err error, start time.Time) {
			e := Event{Op: op, Kind: kind, ID: id, Err: err}
			if tag != "" {
				e.Who = m.who(tag)
			}
			m.observe(ctx, e, start)
		},
		Now:          m.config.now,
		Verification: func(p core.Proof) any { return m.verification(p) },
	}
}
