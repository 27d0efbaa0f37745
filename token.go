package onetime

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"
)

// A Token is a long secret that a machine carries. It prints without its Value.
type Token struct {
	// Value is 76 characters of A-Z a-z 0-9 - _; never log it. It is empty for a decoy.
	Value string
	// ID names the issue, for Cancel and for logs.
	ID string
	// ExpiresIn is how long the token lives, ResendIn how long the send limits refuse another issue.
	ExpiresIn, ResendIn time.Duration
}

// Format prints the ID only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (t Token) Format(f fmt.State, _ rune) { redact(f, "Token", t.ID) }

// MarshalText returns the ID only; JSON and slog use it.
func (t Token) MarshalText() ([]byte, error) { return redacted("Token", t.ID), nil }

/*
On the wire a token is base64url, without padding, of

	version  1 byte
	tag     16  of purpose and subject: where the record is
	binding  8  tag of the binding, zero if unbound
	nonce   16  random: the secret
	mac     16  of purpose and all before it

The MAC is checked before anything is asked of Redis, so nobody can make a record's trouble with invented tokens.
*/
const (
	tokenVersion = 1
	nonceSize    = 16
	macSize      = 16
	tokenBody    = 1 + tagSize + bindSize + nonceSize
	tokenSize    = tokenBody + macSize
	tokenLength  = tokenSize / 3 * 4
)

// token is the wire form of a nonce.
func (k keySet) token(p place, nonce string) string {
	wire := make([]byte, 0, tokenSize)
	wire = append(wire, tokenVersion)
	wire = append(append(append(wire, p.tag...), p.binding...), nonce...)
	wire = append(wire, k.tokenMAC(p.purpose, string(wire))...)
	return encoding.EncodeToString(wire)
}

func (k keySet) tokenMAC(purpose, body string) string {
	return k.tokens.sum(macSize, "token", purpose, body)
}

// readToken takes a token apart and finds the key that made it.
func (r *keyRing) readToken(purpose, token string) (p place, nonce string, key int, err error) {
	if len(token) != tokenLength {
		return place{}, "", 0, denied(ErrMalformed)
	}
	// The decoder skips line breaks: a token with one has too few bytes.
	raw, err := encoding.DecodeString(token)
	if err != nil || len(raw) != tokenSize || raw[0] != tokenVersion {
		return place{}, "", 0, denied(ErrMalformed)
	}
	wire := string(raw)
	key = -1
	for i, k := range r.keys {
		mac := k.tokenMAC(purpose, wire[:tokenBody])
		if subtle.ConstantTimeCompare([]byte(mac), raw[tokenBody:]) == 1 {
			key = i
		}
	}
	if key < 0 {
		return place{}, "", 0, denied(ErrMismatch)
	}
	bindingAt, nonceAt := 1+tagSize, 1+tagSize+bindSize
	p = place{purpose: purpose, tag: wire[1:bindingAt], binding: wire[bindingAt:nonceAt]}
	return p, wire[nonceAt:tokenBody], key, nil
}

// IssueToken makes a token for a subject, stores a digest of it and charges the send limits. Under the default policy it
// replaces what the subject had outstanding.
//
// A refusal is ErrThrottled. After an undecided error a send may have been charged and the secrets of before replaced.
func (m *Manager) IssueToken(ctx context.Context, subject string, opts ...IssueOption) (Token, error) {
	start := time.Now()
	made, err := m.issue(ctx, "IssueToken", subject, opts, false, true)
	m.observe(ctx, "IssueToken", "token", made.id, err, start)
	if err != nil {
		return Token{}, err
	}
	return Token{made.token, made.id, made.ttl, made.resendIn}, nil
}

// InspectToken is VerifyToken without the use: the token verifies afterwards as before. Use it to answer the GET of a
// link, which mail scanners send too, with a page that asks the person to confirm; the POST of that page verifies.
func (m *Manager) InspectToken(ctx context.Context, token string, opts ...VerifyOption) (Verification, error) {
	return m.verifyToken(ctx, "InspectToken", modeInspect, token, opts)
}

// VerifyToken takes the token of a Token or a Link and uses it up: nil means verified, and nothing else does. Of parallel
// calls one succeeds. It takes the token alone, as it stands in the link's parameter "token", and no other spelling.
//
// A refusal is ErrMalformed, ErrMismatch, ErrBinding, ErrSubject, ErrNotFound or ErrUsed; all but the last two are
// decided without Redis. No refusal uses anything up, and no guess limit applies: a token cannot be guessed.
// After an undecided error the token may have been used: if it then is ErrUsed, the person needs a new one.
func (m *Manager) VerifyToken(ctx context.Context, token string, opts ...VerifyOption) (Verification, error) {
	return m.verifyToken(ctx, "VerifyToken", modeVerify, token, opts)
}

func (m *Manager) verifyToken(ctx context.Context, op, mode, token string, opts []VerifyOption) (Verification, error) {
	start := time.Now()
	v, err := m.judgeToken(ctx, op, mode, token, opts)
	m.observe(ctx, op, "token", v.ID, err, start)
	return v, err
}

func (m *Manager) judgeToken(ctx context.Context, op, mode, token string, opts []VerifyOption) (Verification, error) {
	s, err := newSettings(op, opts, VerifyOption.applyVerify)
	if err != nil {
		return Verification{}, err
	}
	var expected string
	if s.hasSubject {
		if expected, err = m.config.subject(s.expected); err != nil {
			return Verification{}, err
		}
	}
	p, nonce, key, err := m.ring.readToken(m.policy.Purpose, token)
	if err != nil {
		return Verification{}, err
	}
	if s.hasSubject && m.ring.tag(p.purpose, expected) != p.tag {
		return Verification{}, denied(ErrSubject)
	}
	shown := unbound
	if s.bound {
		shown = m.ring.bindingTag(p.purpose, p.tag, s.binding)
	}
	if shown != p.binding && !s.foreign {
		return Verification{}, denied(ErrBinding)
	}
	return m.verify(ctx, op, p, kindToken, mode, "", nonce, m.ring.keys[key:key+1])
}
