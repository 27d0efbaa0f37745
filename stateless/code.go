package stateless

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/code"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

const (
	letters      = 13 // of Crockford32: 65 bits
	handleLength = 22
)

// A Code is what to deliver. It prints without Code and Handle.
type Code struct {
	// Code is what the person types: 13 characters of Crockford32, or as many digits as [WithDigits] says. Never log it.
	Code string
	// Handle belongs to whoever asked, not to whoever gets the message: keep it in a session or a form, and bring it back by
	// [WithHandle]. It is empty without WithDigits.
	Handle string
	// ID names the use that the code is for, as [Proof.ID] does. It is the same for all codes of a subject, purpose and binding
	// in one window.
	ID string
	// ExpiresIn is how long the code verifies: with the defaults more than 5 min and at most 10 min.
	ExpiresIn time.Duration
}

// Format prints the ID only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (c Code) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stateless.Code(%s)", c.ID) }

// MarshalText returns the ID only; JSON and slog use it.
func (c Code) MarshalText() ([]byte, error) { return []byte("stateless.Code(" + c.ID + ")"), nil }

// A Proof says that whoever showed the code or the link holds the inbox or phone of the Subject. It prints as its ID.
type Proof struct {
	// Subject is whom the proof is about, in its own spelling: the one to act on, not what was typed.
	Subject string
	// Purpose is what the code or link was made for.
	Purpose string
	// ID names the use, in 22 characters of A-Z a-z 0-9 - _: the same however code and subject were spelled, and as often as it
	// is shown. To let it count once, insert it under a UNIQUE key before acting.
	ID string
	// Until is when the code or link ends: the row with the ID can go then.
	Until time.Time
}

// Format prints the ID, and no person, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (p Proof) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "stateless.Proof(%s)", p.ID) }

// MarshalText returns the ID, and no person; JSON and slog use it.
func (p Proof) MarshalText() ([]byte, error) { return []byte("stateless.Proof(" + p.ID + ")"), nil }

// Code returns the code of a subject for a purpose, to be delivered to the subject. The binding is a secret of the requester, in
// a session or a cookie, of at most 512 bytes: another than the one who asked cannot use the code. Empty means that anyone
// can. The error is [ErrInvalid].
func (m *Manager) Code(purpose, subject, binding string) (Code, error) {
	slot, err := m.slot(purpose, subject, binding)
	if err != nil {
		return Code{}, err
	}
	now := m.now()
	slot.Window = m.windowOf(now)
	key := m.ring.Keys[0]
	made := Code{
		Code: m.text(key.Bits(slot)), ID: keyring.Encoding.EncodeToString([]byte(key.Use(slot))),
		ExpiresIn: m.until(slot.Window).Sub(now).Truncate(time.Millisecond),
	}
	if m.digits > 0 {
		made.Handle = keyring.Encoding.EncodeToString([]byte(key.Handle(slot)))
	}
	return made, nil
}

// A VerifyOption is an option of [Manager.Verify].
type VerifyOption interface{ applyVerify(*shown) }

type shown struct {
	handle    string
	hasHandle bool
}

type verifyOption func(*shown)

func (o verifyOption) applyVerify(s *shown) { o(s) }

// WithHandle brings back the handle of the [Code]. Managers [WithDigits] demand it, others refuse it.
func WithHandle(handle string) VerifyOption {
	return verifyOption(func(s *shown) { s.handle, s.hasHandle = handle, true })
}

// Verify takes a code as it was typed, with blanks, dashes and in any case. nil means that it is the code of the subject for
// the purpose and binding, now. Otherwise the error is [ErrInvalid], [ErrMalformed] or [ErrMismatch]; with digits
// also [ErrNotFound], [ErrUsed] or [ErrLocked], or whatever else kept the [Guard] from an answer, which is undecided.
func (m *Manager) Verify(ctx context.Context, purpose, subject, binding, typed string, opts ...VerifyOption) (Proof, error) {
	var s shown
	for _, o := range opts {
		if o != nil {
			o.applyVerify(&s)
		}
	}
	if s.hasHandle != (m.digits > 0) {
		return Proof{}, invalid("Verify: want WithHandle with the codes of WithDigits, and with no others")
	}
	slot, err := m.slot(purpose, subject, binding)
	if err != nil {
		return Proof{}, err
	}
	cleaned, ok := m.clean(typed)
	if !ok {
		return Proof{}, ErrMalformed
	}
	if m.digits > 0 {
		return m.verifyDigits(ctx, slot, cleaned, s.handle)
	}
	for _, key := range m.ring.Keys {
		for slot.Window = range m.windows(m.now()) {
			if same(m.text(key.Bits(slot)), cleaned) {
				return m.proof(key, slot), nil
			}
		}
	}
	return Proof{}, ErrMismatch
}

// verifyDigits finds the slot that a handle names, and has the guard judge the code that was typed for it.
func (m *Manager) verifyDigits(ctx context.Context, slot keyring.Slot, cleaned, handle string) (Proof, error) {
	raw, err := keyring.Encoding.DecodeString(handle)
	if err != nil || len(handle) != handleLength {
		return Proof{}, ErrMalformed
	}
	now := m.now()
	for _, key := range m.ring.Keys {
		for slot.Window = range m.windows(now) {
			if !same(key.Handle(slot), string(raw)) {
				continue
			}
			proof := m.proof(key, slot)
			right := same(m.text(key.Bits(slot)), cleaned)
			err := m.guard.Judge(ctx, Attempt{
				Account: keyring.Encoding.EncodeToString([]byte(key.Account(slot.Purpose, slot.Subject))),
				Use:     proof.ID, Until: proof.Until, Now: now, Right: right,
			})
			switch {
			case err == nil && right:
				return proof, nil
			case err == nil: // a guard that lets wrong codes pass
				return Proof{}, ErrMismatch
			}
			for _, reason := range []error{ErrMismatch, ErrNotFound, ErrUsed, ErrLocked} {
				if errors.Is(err, reason) {
					return Proof{}, err
				}
			}
			return Proof{}, undecided("Verify", err)
		}
	}
	return Proof{}, ErrNotFound
}

// slot returns what a code is for, but for its window.
func (m *Manager) slot(purpose, subject, binding string) (keyring.Slot, error) {
	own, err := m.own(purpose, subject)
	if err != nil {
		return keyring.Slot{}, err
	}
	if len(binding) > maxBinding {
		return keyring.Slot{}, invalid("binding: %d bytes: want at most %d", len(binding), maxBinding)
	}
	// Windows of another length have the same numbers, and codes of another length the same bits.
	form := strconv.Itoa(m.digits) + " " + m.window.String()
	return keyring.Slot{Form: form, Purpose: purpose, Subject: own, Binding: binding}, nil
}

func (m *Manager) proof(key keyring.StatelessKey, slot keyring.Slot) Proof {
	return Proof{Subject: slot.Subject, Purpose: slot.Purpose, ID: keyring.Encoding.EncodeToString([]byte(key.Use(slot))), Until: m.until(slot.Window)}
}

// windowOf returns the number of the window that a time is in.
func (m *Manager) windowOf(t time.Time) int64 {
	return t.UnixMilli() / m.window.Milliseconds()
}

// windows yields those whose codes verify: of the past as many as may, and of the future the next one while it is no further
// than clocks may differ.
func (m *Manager) windows(now time.Time) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for w := m.windowOf(now.Add(maxSkew)); w >= m.windowOf(now)-m.previous; w-- {
			if !yield(w) {
				return
			}
		}
	}
}

// until is when the codes of a window end.
func (m *Manager) until(window int64) time.Time {
	return time.UnixMilli((window + m.previous + 1) * m.window.Milliseconds()).UTC()
}

// text makes a code of 128 random bits. 13 letters are 65 of them. Digits are a remainder: there are at most 10^10 codes, so
// that none is likelier than another by more than 2^-94 of its chance.
func (m *Manager) text(random string) string {
	high, low := binary.BigEndian.Uint64([]byte(random)), binary.BigEndian.Uint64([]byte(random)[8:])
	if m.digits > 0 {
		codes := uint64(1)
		for range m.digits {
			codes *= 10
		}
		return fmt.Sprintf("%0*d", m.digits, bits.Rem64(high, low, codes))
	}
	alphabet := code.Crockford32.Letters()
	made := make([]byte, letters)
	for n := range made {
		made[n] = alphabet[high>>59]
		high, low = high<<5|low>>59, low<<5
	}
	return string(made)
}

func (m *Manager) clean(typed string) (string, bool) {
	if m.digits > 0 {
		return code.Digits.Clean(typed, m.digits)
	}
	return code.Crockford32.Clean(typed, letters)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
