package factor

import (
	"errors"
	"fmt"
	"io"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// suffix follows the purpose of the Manager.
const suffix = ".factor"

// maxBlobs is how many authenticators one call looks at: each makes guessing that much easier.
const maxBlobs = 5

const maxWindow, minLookAhead, maxLookAhead = 2, 1, 20

// Factors are the second factors of one purpose. It is immutable and safe for concurrent use, and keeps nothing: what an
// account has is in the blobs that you store.
type Factors struct {
	manager *onetime.Manager
	core    *core.Core
	keys    []key
	config
}

type config struct {
	issuer      string
	back, ahead int
	lookAhead   int
	limits      []onetime.Option
}

// An Option sets something of Factors. Its zero value sets nothing.
type Option struct{ set func(*config) error }

// WithWindow sets how many time steps before and after that of Redis's clock count, 0 to 2 each; 1 and 1 by default, so that
// a code that was read near the end of its step, or of a clock that is off, verifies. A code of 30 s then is good for up to
// 90 s, where OWASP ASVS 5 6.5.5 asks for 30 s: WithWindow(0, 0) keeps to it, and refuses whoever types slowly. Each step
// more makes guessing easier, see [Factors.Odds].
func WithWindow(back, ahead int) Option {
	return Option{func(c *config) error {
		if back < 0 || back > maxWindow || ahead < 0 || ahead > maxWindow {
			return invalid("WithWindow(%d, %d): want 0 to %d each", back, ahead, maxWindow)
		}
		c.back, c.ahead = back, ahead
		return nil
	}}
}

// WithLookAhead sets how many counters after the next one count for a hardware token whose button was pressed in vain: 1 to
// 20, 5 by default. Each makes guessing easier, see [Factors.Odds]. [Factors.Resync] looks further.
func WithLookAhead(counters int) Option {
	return Option{func(c *config) error {
		if counters < minLookAhead || counters > maxLookAhead {
			return invalid("WithLookAhead(%d): want %d to %d", counters, minLookAhead, maxLookAhead)
		}
		c.lookAhead = counters
		return nil
	}}
}

// WithGuessLimits is [onetime.WithGuessLimits] for the codes of factors, by default those of the Manager.
func WithGuessLimits(limits ...onetime.Limit) Option {
	return Option{func(c *config) error {
		c.limits = append(c.limits, onetime.WithGuessLimits(limits...))
		return nil
	}}
}

// New returns the Factors of a purpose. They share client, prefix, observer, normaliser and guess limits with the Manager, and
// count in a purpose of their own, that of the Manager and ".factor": wrong codes of a mail lock no factor. The purpose has
// at most 57 characters, therefore. The issuer, 1 to 64 bytes without colon, is what apps show. All that is wrong is
// reported at once, as [onetime.ErrInvalid].
func New(m *onetime.Manager, keys Keys, issuer string, opts ...Option) (*Factors, error) {
	c := config{issuer: issuer, back: 1, ahead: 1, lookAhead: 5}
	errs := []error{checkName("issuer", issuer, maxIssuer)}
	for _, o := range opts {
		if o.set != nil {
			errs = append(errs, o.set(&c))
		}
	}
	if m == nil {
		errs = append(errs, invalid("New: the Manager is nil"))
	}
	if len(keys.all()) == 0 {
		errs = append(errs, invalid("New: want Keys of NewKeys"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	name := m.Policy().Purpose + suffix
	own, err := m.Purpose(name, append([]onetime.Option{onetime.WithSendLimits()}, c.limits...)...)
	if err != nil {
		return nil, err
	}
	return &Factors{own, core.Of(own), keys.all(), c}, nil
}

// Manager returns the Manager of the factors' purpose: for [onetime.Manager.Unlock] and [onetime.Manager.Status] of an
// account, and its pseudonym in events.
func (f *Factors) Manager() *onetime.Manager { return f.manager }

// who returns an account's own spelling and its challenge.
func (f *Factors) who(account string) (string, keyring.Challenge, error) {
	return f.core.Challenge(account, "")
}

// denied is a refusal that needs no Redis.
func (f *Factors) denied(reason error) error { return f.core.Runner.Denied(reason, 0, 0) }

// undecided is no answer.
func undecided(op string, cause error) error { return fault.Undecided(op, cause) }

// Format prints the purpose, under any verb.
func (f *Factors) Format(s fmt.State, _ rune) {
	purpose := ""
	if f != nil && f.core != nil {
		purpose = f.core.Purpose
	}
	io.WriteString(s, "factor.Factors("+purpose+")")
}

// redact prints a value of a type without what it holds.
func redact(s fmt.State, name string) { io.WriteString(s, "factor."+name+"()") }
