package onetime

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// What the script revoke does to an issue.
const (
	modeEnd   = "e"
	modeDecoy = "d"
	modeErase = "x"
)

// Cancel makes sure that one issue does not verify, because the person asked for that, say. id is that of the OTP, Token or
// Link. It succeeds on what is unknown or ended, whatever its binding. It gives no send back, and rules out an Undo.
// [Manager.CancelQuietly] is for deliveries that failed.
func (m *Manager) Cancel(ctx context.Context, subject, id string) error {
	return m.cancel(ctx, "Cancel", subject, id, modeEnd)
}

// CancelQuietly makes a decoy of one issue, because its delivery failed for good: nothing of it verifies any more, and it is
// counted, throttled and answered as before. So whoever asked for it cannot tell an address that bounced from one without
// an account, even where a page says how many attempts are left. Of an issue that was used it is a [Manager.Cancel]. In all
// else it is like that, too.
func (m *Manager) CancelQuietly(ctx context.Context, subject, id string) error {
	return m.cancel(ctx, "CancelQuietly", subject, id, modeDecoy)
}

func (m *Manager) cancel(ctx context.Context, op, subject, id, mode string) error {
	raw, err := keyring.Encoding.DecodeString(id)
	if err != nil || len(raw) != keyring.IDSize || len(id) != keyring.Encoding.EncodedLen(keyring.IDSize) { // the decoder skips line breaks
		err = invalid("%s: want the ID of an OTP, Token or Link", op)
		m.observe(ctx, Event{Op: op, Err: err}, time.Now()) // without what was given: it may be anything
		return err
	}
	return m.onSubject(ctx, op, revokeScript, subject, id, string(raw), mode, keyring.Random(keyring.DigestSize))
}

// Revoke makes sure that nothing that was issued to the subject before it verifies, bound or not; after a change of
// password or address, say. What is issued after it does, however the clock runs. It rules out every Undo.
func (m *Manager) Revoke(ctx context.Context, subject string) error {
	return m.onSubject(ctx, "Revoke", revokeScript, subject, "", "", modeEnd, "")
}

// Erase is [Manager.Revoke] that also takes out of Redis what is left of the person's secrets and sealed parts, because
// they asked to be forgotten. Limits, failures and the ids of ended issues stay until they run out: they name nobody, and
// without them anybody who signs up and erases again and again could have an inbox flooded.
func (m *Manager) Erase(ctx context.Context, subject string) error {
	return m.onSubject(ctx, "Erase", revokeScript, subject, "", "", modeErase, "")
}

// EraseAll calls [Manager.Erase] for each of the purposes that know the subject. It goes on after an error, and returns all
// of them.
func EraseAll(ctx context.Context, subject string, purposes ...*Manager) error {
	errs := make([]error, len(purposes))
	for i, m := range purposes {
		errs[i] = m.Erase(ctx, subject)
	}
	return errors.Join(errs...)
}

// Unlock forgets failures, guess limits and send limits of the subject. Secrets stay, and the attempts they have left.
// It gives whoever guesses fresh guesses: call it for a person who proved by other means who they are.
func (m *Manager) Unlock(ctx context.Context, subject string) error {
	return m.onSubject(ctx, "Unlock", unlockScript, subject, "")
}

// onSubject runs a script that is answered with its status alone. id is for the observer.
func (m *Manager) onSubject(ctx context.Context, op string, script *redis.Script, subject, id string, args ...any) error {
	start, who := time.Now(), ""
	_, c, err := m.challenge(subject, callOptions{})
	if err == nil {
		who = m.who(c.Tag)
		err = m.runStatusOnly(ctx, op, script, c, append([]any{keyring.Random(keyring.IDSize)}, args...)...)
	}
	m.observe(ctx, Event{Op: op, ID: id, Who: who, Err: err}, start)
	return err
}
