package onetime

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/code"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// An OTP is a code to send to the person. It prints without its Code.
type OTP struct {
	// Code is to be delivered to the address that is stored for the subject, and to nobody else; never log it. It is
	// empty for a decoy.
	Code string
	// ID names the issue, for Cancel and for logs.
	ID string
	// ExpiresIn is how long the code lives, ResendIn how long the send limits refuse another issue.
	ExpiresIn, ResendIn time.Duration
	// Repeated tells that another sending of the same form made this issue, see [Idempotent]: there is no Code to deliver, and
	// none was promised.
	Repeated bool
}

// Format prints the ID only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (o OTP) Format(f fmt.State, _ rune) { redact(f, "OTP", o.ID) }

// MarshalText returns the ID only; JSON and slog use it.
func (o OTP) MarshalText() ([]byte, error) { return redacted("OTP", o.ID), nil }

// An Alphabet is what codes are made of.
type Alphabet uint8

const (
	// Digits are 0 to 9.
	Digits Alphabet = iota
	// Crockford32 is Douglas Crockford's Base32: digits and upper-case letters without I, L, O and U. Typed codes may be
	// in lower case, with I and L for 1 and O for 0.
	Crockford32
)

// IssueOTP makes a code for a subject, stores its digest and charges the send limits. Under the default policy it
// replaces what the subject had outstanding, and refills the attempts. Send the code to the address you have stored,
// not to the one that was typed.
//
// A refusal is ErrThrottled, ErrLocked, ErrDisabled or, of a command that was sent twice, ErrNotFound. After an undecided error a send may have been charged and the
// code of before replaced: issue again.
func (m *Manager) IssueOTP(ctx context.Context, subject string, opts ...IssueOption) (OTP, error) {
	start := time.Now()
	made, err := m.issue(ctx, "IssueOTP", subject, opts, true, false)
	m.observe(ctx, Event{Op: "IssueOTP", Kind: "otp", ID: made.id, Who: made.who, Err: err}, start)
	if err != nil {
		return OTP{}, err
	}
	return OTP{made.code, made.id, made.codeTTL, made.resendIn, made.repeated}, nil
}

// VerifyOTP takes a code as it was typed and uses it up if it is right: nil means verified, and nothing else does.
// Of parallel calls one succeeds. Spaces, dashes, invisible characters, full-width forms, other scripts' digits
// and the look-alikes of Crockford32 are understood.
//
// A refusal is ErrMalformed, ErrMismatch, ErrNotFound, ErrUsed, ErrExhausted, ErrLocked or ErrDisabled. A wrong code
// that is evaluated takes an attempt of the challenge and a guess of the subject; the same wrong code again takes none.
// After an undecided error the code may have been used: if it then is ErrUsed, the person needs a new one.
func (m *Manager) VerifyOTP(ctx context.Context, subject, code string, opts ...VerifyOption) (Verification, error) {
	start := time.Now()
	v, who, err := m.judgeOTP(ctx, subject, code, opts)
	m.observe(ctx, Event{Op: "VerifyOTP", Kind: "otp", ID: v.ID, Who: who, Err: err}, start)
	return v, err
}

func (m *Manager) judgeOTP(ctx context.Context, typed, shown string, opts []VerifyOption) (v Verification, who string, err error) {
	o, err := newCallOptions("VerifyOTP", opts, VerifyOption.applyVerify)
	if err != nil {
		return Verification{}, "", err
	}
	subject, c, err := m.challenge(typed, o)
	if err != nil {
		return Verification{}, "", err
	}
	who = m.who(c.Tag)
	clean, ok := code.Alphabet(m.config.policy.Alphabet).Clean(shown, m.config.policy.CodeLength)
	if !ok {
		return Verification{}, who, denied(ErrMalformed)
	}
	if v, err = m.judge(ctx, "VerifyOTP", judged{
		Challenge: c, kind: keyring.Code, mode: modeVerify, subject: subject, secret: clean, keys: m.ring.Keys,
		requests: o.anyRequests(), group: m.group("VerifyOTP", c, keyring.Code, clean, o),
		known: m.knowsBrowser(subject, o.browsers, o.knownSince),
	}); err != nil {
		return Verification{}, who, err
	}
	fixed, ok := m.config.codes[subject]
	v.FixedCode = ok && fixed == clean
	return v, who, nil
}

// newCode draws a code, or takes the one that is fixed for the subject.
func (m *Manager) newCode(subject string, decoy bool) string {
	c := m.config
	if fixed, ok := c.codes[subject]; ok && !decoy && c.now().Before(c.fixedUntil) {
		return fixed
	}
	return code.Alphabet(c.policy.Alphabet).Draw(c.policy.CodeLength)
}
