package onetime

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// Values of [Verification.Kind].
const (
	KindOTP   = "otp"
	KindToken = "token"

	// Of package factor: the code of an authenticator app, of a hardware token, and a recovery code.
	KindTOTP     = "totp"
	KindHOTP     = "hotp"
	KindRecovery = "recovery"
)

// A Verification is a proof: that the person who showed the secret holds the inbox, phone or link of the Subject.
// [Manager.InspectToken] returns one that proves nothing yet: see [Verification.Used].
type Verification struct {
	// Subject is whom the proof is about, as normalised at the issue.
	Subject string
	// Purpose is that of the Manager.
	Purpose string
	// ID is that of the issue, or of the factor.
	ID string
	// Kind is what was shown: KindOTP for a code, KindToken for a token, that of a link too; KindTOTP, KindHOTP or KindRecovery
	// for a code of package factor.
	Kind string
	// Payload is what WithPayload stored; nil if nothing.
	Payload []byte
	// IssuedAt is when Redis took the issue, by its clock. It is not sealed: information, no proof. Of a factor it is when it
	// was enrolled, by the local clock, and sealed.
	IssuedAt time.Time
	// FixedCode tells that the code was one of WithDangerouslyFixedCodes.
	FixedCode bool
	// Repeated tells that another sending of the same form, see [Idempotent], used the secret less than 60 s ago: what follows
	// from the use has been done or is being done. Answer as it was answered then.
	Repeated bool

	call   string // empty if nothing was used
	usedAt time.Time
	undo   func(context.Context) error
	ticket func() []byte

	browsers func(others string) string // credentials, the one that this proof gives first
}

var errUndo = invalid("Undo: want a Verification of VerifyOTP or VerifyToken")

// verification returns a proof. Without a call nothing was used.
func (m *Manager) verification(p core.Proof) Verification {
	v := Verification{
		Subject: p.Subject, Purpose: m.config.policy.Purpose, ID: keyring.Encoding.EncodeToString([]byte(p.Issue)), Kind: p.Kind,
		Payload: p.Payload, IssuedAt: p.IssuedAt, FixedCode: p.FixedCode, Repeated: p.Repeated,
		call: keyring.Encoding.EncodeToString([]byte(p.Call)), undo: p.Undo, ticket: p.Ticket,
	}
	if v.Used() {
		at := m.config.now()
		v.usedAt = at
		v.browsers = func(others string) string {
			return m.ring.AddBrowser(p.Subject, m.ring.BrowserCredential(p.Subject, at), others)
		}
	}
	return v
}

// Used reports whether the secret was used up for this Verification. It is false for that of [Manager.InspectToken], for a
// literal and for the zero value. Whatever acts on a proof demands it.
func (v Verification) Used() bool { return v.call != "" }

// Call names the use, in 16 characters of A-Z a-z 0-9 - _: the same for whoever repeats the call, another for another use of
// the secret, after an Undo. It is empty unless [Verification.Used].
func (v Verification) Call() string { return v.call }

// UsedAt returns when the answer that the secret was used arrived, by the local clock; of a Repeated one when that was
// repeated, at most 60 s later. It is the zero time unless [Verification.Used]. It says how old a proof is that was kept.
func (v Verification) UsedAt() time.Time { return v.usedAt }

// BrowserCredential returns what makes the browser that showed the secret a known one, for [WithKnownBrowser]: 28 characters
// of A-Z a-z 0-9 - _. Keep it in a cookie that is HttpOnly and Secure. It proves nothing and replaces no factor: it gives the
// browser limits that strangers cannot empty. It is bound to the Subject and to the naming key, for every purpose, and stored
// nowhere; [KnownSince] ends it, and an Undo of the proof does not. It is empty unless [Verification.Used].
func (v Verification) BrowserCredential() string { return v.BrowserCredentials("") }

// BrowserCredentials returns the credential of this proof in front of those that the browser had, of which one for the same
// subject goes, joined as [WithKnownBrowser] takes them: so a browser is known to up to four people. It is empty unless
// [Verification.Used].
func (v Verification) BrowserCredentials(before string) string {
	if v.browsers == nil {
		return ""
	}
	return v.browsers(before)
}

// Undo gives the secret back, because what it was used for did not happen: a password that could not be stored, say. It
// verifies again if it has not expired, and so do the others of its challenge. nil means that the code or the token of
// the issue is live. It is [ErrUsed] if another call has used the challenge since, or if another sending of the same form was
// answered that it is used (see [Idempotent]): somebody may have acted on it. It is [ErrNotFound] if the issue expired or
// was replaced, cancelled or revoked, [ErrInvalid] on anything that does not come from VerifyOTP or VerifyToken. Undo
// returns no attempts, guesses or failures. Whatever it answers, the Verification proves nothing any more. It may be
// repeated.
func (v Verification) Undo(ctx context.Context) error {
	if v.undo == nil {
		return errUndo
	}
	return v.undo(ctx)
}

// UndoTicket returns the right to call [Verification.Undo] in a form that another process can carry out, by
// [Manager.UndoTicket] of the same purpose and keys. It is sealed and names nobody. It is nil unless [Verification.Used].
func (v Verification) UndoTicket() []byte {
	if v.ticket == nil || !v.Used() {
		return nil
	}
	return v.ticket()
}

// UndoTicket is [Verification.Undo] by a ticket. Its answers are the same; it is [ErrInvalid] if the ticket is not one that
// a key of this Manager sealed for its purpose.
func (m *Manager) UndoTicket(ctx context.Context, ticket []byte) error {
	t, ok := m.ring.OpenTicket(m.config.policy.Purpose, ticket)
	if !ok {
		err := invalid("UndoTicket: want what Verification.UndoTicket returned, of this purpose and these keys")
		m.observe(ctx, Event{Op: "UndoTicket", Err: err}, time.Now())
		return err
	}
	return m.undo(ctx, "UndoTicket", t)
}

func (m *Manager) undo(ctx context.Context, op string, t keyring.Ticket) error {
	start, err := time.Now(), errUndo
	if t.Call != "" {
		err = m.runStatusOnly(ctx, op, undoScript, t.Challenge, t.Call, t.Scope(), t.Issue, m.config.policy.Keep)
	}
	m.observe(ctx, Event{Op: op, ID: keyring.Encoding.EncodeToString([]byte(t.Issue)), Who: m.who(t.Tag), Err: err}, start)
	return err
}

// Format prints the ID, and no person or payload, under any verb but the misplaced %p and %w, which fmt does not ask
// about.
func (v Verification) Format(f fmt.State, _ rune) { redact(f, "Verification", v.ID) }

// MarshalText returns the ID, and no person or payload; JSON and slog use it.
func (v Verification) MarshalText() ([]byte, error) { return redacted("Verification", v.ID), nil }
