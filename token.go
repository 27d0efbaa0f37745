package onetime

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// A Token is a long secret that a machine carries. It prints without its Value.
type Token struct {
	// Value is 76 characters of A-Z a-z 0-9 - _; never log it. It is empty for a decoy.
	Value string
	// ID names the issue, for Cancel and for logs.
	ID string
	// ExpiresIn is how long the token lives, ResendIn how long the send limits refuse another issue.
	ExpiresIn, ResendIn time.Duration
	// Repeated tells that another sending of the same form made this issue, see [Idempotent]: there is no Value to deliver.
	Repeated bool
}

// Format prints the ID only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (t Token) Format(f fmt.State, _ rune) { redact(f, "Token", t.ID) }

// MarshalText returns the ID only; JSON and slog use it.
func (t Token) MarshalText() ([]byte, error) { return redacted("Token", t.ID), nil }

// IssueToken makes a token for a subject, stores a digest of it and charges the send limits. Under the default policy it
// replaces what the subject had outstanding.
//
// A refusal is ErrThrottled or, of a command that was sent twice, ErrNotFound. After an undecided error a send may have been charged and the secrets of before replaced.
func (m *Manager) IssueToken(ctx context.Context, subject string, opts ...IssueOption) (Token, error) {
	start := time.Now()
	made, err := m.issue(ctx, "IssueToken", subject, opts, false, true)
	m.observe(ctx, Event{Op: "IssueToken", Kind: "token", ID: made.id, Who: made.who, Err: err}, start)
	if err != nil {
		return Token{}, err
	}
	return Token{made.token, made.id, made.ttl, made.resendIn, made.repeated}, nil
}

// InspectToken is VerifyToken without the use: the token verifies afterwards as before. Use it to answer the GET of a
// link, which mail scanners send too, with a page that asks the person to confirm; the POST of that page verifies.
func (m *Manager) InspectToken(ctx context.Context, token string, opts ...VerifyOption) (Verification, error) {
	return m.observeToken(ctx, "InspectToken", modeInspect, token, opts)
}

// VerifyToken takes the token of a Token or a Link and uses it up: nil means verified, and nothing else does. Of parallel
// calls one succeeds. It takes the token alone, as it stands in the link's parameter "token", and no other spelling.
//
// A refusal is ErrMalformed, ErrMismatch, ErrBinding, ErrSubject, ErrNotFound or ErrUsed; all but the last two are
// decided without Redis. No refusal uses anything up, and no guess limit applies: a token cannot be guessed.
// After an undecided error the token may have been used: if it then is ErrUsed, the person needs a new one.
func (m *Manager) VerifyToken(ctx context.Context, token string, opts ...VerifyOption) (Verification, error) {
	return m.observeToken(ctx, "VerifyToken", modeVerify, token, opts)
}

func (m *Manager) observeToken(ctx context.Context, op, mode, token string, opts []VerifyOption) (Verification, error) {
	start := time.Now()
	v, who, err := m.judgeToken(ctx, op, mode, token, opts)
	m.observe(ctx, Event{Op: op, Kind: "token", ID: v.ID, Who: who, Err: err}, start)
	return v, err
}

func (m *Manager) judgeToken(ctx context.Context, op, mode, token string, opts []VerifyOption) (v Verification, who string, err error) {
	o, err := newCallOptions(op, opts, VerifyOption.applyVerify)
	if err != nil {
		return Verification{}, "", err
	}
	var expected string
	if o.hasSubject {
		if expected, err = m.config.subject(o.expected); err != nil {
			return Verification{}, "", err
		}
	}
	c, nonce, key, err := m.ring.ReadToken(m.config.policy.Purpose, token)
	if err != nil {
		return Verification{}, "", denied(err)
	}
	who = m.who(c.Tag)
	if o.hasSubject && m.ring.Tag(c.Purpose, expected) != c.Tag {
		return Verification{}, who, denied(ErrSubject)
	}
	shown := keyring.Unbound
	if o.bound {
		shown = m.ring.BindingTag(c.Purpose, c.Tag, o.binding)
	}
	if shown != c.Binding && !o.ignoreBinding {
		return Verification{}, who, denied(ErrBinding)
	}
	v, err = m.judge(ctx, op, judged{
		Challenge: c, kind: keyring.Token, mode: mode, secret: nonce, keys: m.ring.Keys[key : key+1],
		requests: noRequest, group: m.group(op, c, keyring.Token, nonce, o),
	})
	return v, who, err
}
