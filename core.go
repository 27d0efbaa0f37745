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
	core.ScriptText = scriptText
}

func (m *Manager) core() *core.Core {
	return &core.Core{
		Purpose: m.config.policy.Purpose, Ring: m.ring, Runner: &m.config.runner, Guesses: m.config.forCodes,
		Subject: m.config.subject,
		Challenge: func(typed, binding string) (string, keyring.Challenge, error) {
			return m.challenge(typed, callOptions{bound: binding != "", binding: binding})
		},
		Observe: func(ctx context.Context, op, kind, id, tag string, err error, start time.Time) {
			m.observe(ctx, Event{Op: op, Kind: kind, ID: id, Who: m.who(tag), Err: err}, start)
		},
		Now:          m.config.now,
		Verification: func(p core.Proof) any { return m.verification(p) },
	}
}
