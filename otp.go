package onetime

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
	"unicode"
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

func (a Alphabet) letters() string {
	if a == Crockford32 {
		return "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	}
	return "0123456789"
}

// maxTyped is how many bytes of a typed code are looked at.
const maxTyped = 64

// IssueOTP makes a code for a subject, stores its digest and charges the send limits. Under the default policy it
// replaces what the subject had outstanding, and refills the attempts. Send the code to the address you have stored,
// not to the one that was typed.
//
// A refusal is ErrThrottled, ErrLocked or ErrDisabled. After an undecided error a send may have been charged and the
// code of before replaced: issue again.
func (m *Manager) IssueOTP(ctx context.Context, subject string, opts ...IssueOption) (OTP, error) {
	start := time.Now()
	made, err := m.issue(ctx, "IssueOTP", subject, opts, true, false)
	m.observe(ctx, "IssueOTP", "otp", made.id, err, start)
	if err != nil {
		return OTP{}, err
	}
	return OTP{made.code, made.id, made.codeTTL, made.resendIn}, nil
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
	v, err := m.verifyOTP(ctx, subject, code, opts)
	m.observe(ctx, "VerifyOTP", "otp", v.ID, err, start)
	return v, err
}

func (m *Manager) verifyOTP(ctx context.Context, typed, code string, opts []VerifyOption) (Verification, error) {
	s, err := newSettings("VerifyOTP", opts, VerifyOption.applyVerify)
	if err != nil {
		return Verification{}, err
	}
	subject, p, err := m.place(typed, s)
	if err != nil {
		return Verification{}, err
	}
	clean, ok := m.policy.Alphabet.clean(code, m.policy.CodeLength)
	if !ok {
		return Verification{}, denied(ErrMalformed)
	}
	v, err := m.verify(ctx, "VerifyOTP", p, kindCode, modeVerify, subject, clean, m.ring.keys)
	if err != nil {
		return Verification{}, err
	}
	fixed, ok := m.config.codes[subject]
	v.FixedCode = ok && fixed == clean
	return v, nil
}

// newCode draws a code. Random bits that are no letter of the alphabet are thrown away: a remainder would prefer some.
func (m *Manager) newCode(subject string, decoy bool) string {
	if fixed, ok := m.config.codes[subject]; ok && !decoy && time.Now().Before(m.config.fixedUntil) {
		return fixed
	}
	letters := m.policy.Alphabet.letters()
	mask := byte(15)
	if len(letters) > 16 {
		mask = 31
	}
	var code [maxCodeLength]byte
	var bits [2 * maxCodeLength]byte
	for n := 0; n < m.policy.CodeLength; {
		rand.Read(bits[:])
		for _, b := range bits {
			if b &= mask; int(b) < len(letters) && n < m.policy.CodeLength {
				code[n] = letters[b]
				n++
			}
		}
	}
	return string(code[:m.policy.CodeLength])
}

// clean turns what a person typed, or pasted from a mail, into a code of n characters. It reports false where that is
// none.
func (a Alphabet) clean(typed string, n int) (string, bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	code := make([]byte, 0, maxCodeLength)
	for _, r := range typed {
		if ignored(r) {
			continue
		}
		letter, ok := a.letter(r)
		if !ok || len(code) == n {
			return "", false
		}
		code = append(code, letter)
	}
	return string(code), len(code) == n
}

// ignored tells of white space, dashes, and the invisible characters that come along with copied text.
func ignored(r rune) bool {
	return unicode.In(r, unicode.White_Space, unicode.Pd, unicode.Cf) || r == '\u2212'
}

// letter returns the letter of the alphabet that r stands for.
func (a Alphabet) letter(r rune) (byte, bool) {
	if 0xFF01 <= r && r <= 0xFF5E { // full-width forms of ASCII
		r -= 0xFF01 - '!'
	}
	if value, ok := digitValue(r); ok {
		return '0' + value, true
	}
	if a != Crockford32 {
		return 0, false
	}
	if 'a' <= r && r <= 'z' {
		r -= 'a' - 'A'
	}
	switch {
	case r == 'O':
		return '0', true
	case r == 'I' || r == 'L':
		return '1', true
	case r < 'A' || r > 'Z' || r == 'U':
		return 0, false
	}
	return byte(r), true
}

// digitValue returns the value of a decimal digit of any script. Unicode has them in runs of 0 to 9, alone or adjoining.
func digitValue(r rune) (byte, bool) {
	if !unicode.IsDigit(r) {
		return 0, false
	}
	value := 0
	for unicode.IsDigit(r - 1) {
		r--
		value++
	}
	return byte(value % 10), true
}
