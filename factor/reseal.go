package factor

import (
	"bytes"
	"encoding/hex"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// Reseal returns the blob under the current key of [NewKeys], and whether it was under another one; if not, it is the blob that
// was given. Store it by compare-and-set: a verification may have stored another meanwhile. It does not ask Redis. The
// error is undecided with [ErrBlob], or [onetime.ErrInvalid] for what is no account.
func (f *Factors) Reseal(account string, blob []byte) (resealed []byte, changed bool, err error) {
	own, r, err := f.read("factor.Reseal", account, blob)
	if err != nil {
		return nil, false, err
	}
	if bytes.Equal(blob[1:1+keyIDSize], []byte(f.keys[0].id)) {
		return blob, false, nil
	}
	return f.seal(own, r), true, nil
}

// Move returns a blob of one account as that of another, for whoever's id has to change. Redis forgets which of its codes were
// used in the last minutes; the blob does not. Delete the old blob in the same transaction. It does not ask Redis. The errors
// are those of [Factors.Reseal].
func (f *Factors) Move(from, to string, blob []byte) ([]byte, error) {
	_, r, err := f.read("factor.Move", from, blob)
	if err != nil {
		return nil, err
	}
	own, _, err := f.who(to)
	if err != nil {
		return nil, err
	}
	return f.seal(own, r), nil
}

// An Info is what a page or a support person may see of a blob.
type Info struct {
	// ID names the factor, as [onetime.Verification.ID] does, whatever happens to its blob.
	ID string
	// Kind is [onetime.KindTOTP], [onetime.KindHOTP] or [onetime.KindRecovery].
	Kind string
	// KeyID is that of the key that sealed the blob, see [Keys.IDs].
	KeyID string
	// CreatedAt is when it was enrolled, made or imported, by the local clock.
	CreatedAt time.Time
	// Pending tells that it waits for [Factors.Confirm].
	Pending bool
	// Weak tells that the key of an authenticator has less than 128 bits, or that recovery codes are those of another system.
	Weak bool
	// Digits, Period and Algorithm are those of an authenticator; Period is 0 for one that counts.
	Digits    int
	Period    time.Duration
	Algorithm Algorithm
	// Left is how many recovery codes are not used.
	Left int
}

// Inspect tells what a blob is, and no secret. It does not ask Redis. The errors are those of [Factors.Reseal].
func (f *Factors) Inspect(account string, blob []byte) (Info, error) {
	_, r, err := f.read("factor.Inspect", account, blob)
	if err != nil {
		return Info{}, err
	}
	return Info{
		ID: keyring.Encoding.EncodeToString([]byte(r.id)), Kind: kinds[r.kind], KeyID: hex.EncodeToString(blob[1 : 1+keyIDSize]),
		CreatedAt: r.created, Pending: r.pending, Weak: r.imported || r.kind != once.Index && len(r.key) < weakSecret,
		Digits: r.digits, Period: r.period, Algorithm: r.algorithm, Left: r.left(),
	}, nil
}

// read opens a blob where Redis is not asked.
func (f *Factors) read(op, account string, blob []byte) (own string, r *row, err error) {
	if own, _, err = f.who(account); err != nil {
		return "", nil, err
	}
	if r, err = f.open(own, blob); err != nil {
		return "", nil, undecided(op, err)
	}
	return own, r, nil
}
