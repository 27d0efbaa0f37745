package factor

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"unicode"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/code"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

const (
	maxCodes     = once.MaxIndex + 1
	randomSize   = 16 // characters of Crockford32: 80 bits
	codeSize     = 1 + randomSize
	rounds       = 1000
	minOldCode   = 6
	maxOldCode   = 64
	maxShownCode = 512
)

// Codes are new recovery codes. They print without the codes.
type Codes struct {
	// Codes are what the person keeps, to be shown once: 5 groups such as 3-7K2M-…
	Codes []string
	// Blob is to be stored in place of the old one: what it replaces verifies no more.
	Blob []byte
}

// Format prints no code, under any verb.
func (c Codes) Format(f fmt.State, _ rune) { redact(f, "Codes") }

// MarshalText returns no code; JSON and slog use it.
func (c Codes) MarshalText() ([]byte, error) { return []byte("factor.Codes()"), nil }

// RecoveryCodes makes n recovery codes of 80 random bits for whoever loses the phone, 1 to 16; 10 are usual. Each verifies once.
// No limit applies to them, since nobody guesses them, so nobody can lock them either; NIST SP 800-63B-4 3.1.2.2 calls for
// throttling below 64 bits only. The blob has salted digests of them (PBKDF2-SHA-256, 1,000 rounds), sealed.
// [Factors.Reseal] moves it to a new key. It does not ask Redis. The error is [onetime.ErrInvalid].
func (f *Factors) RecoveryCodes(account string, n int) (Codes, error) {
	if n < 1 || n > maxCodes {
		return Codes{}, invalid("RecoveryCodes(%d): want 1 to %d", n, maxCodes)
	}
	own, _, err := f.who(account)
	if err != nil {
		return Codes{}, err
	}
	r := f.newCodes()
	shown := make([]string, n)
	for i := range shown {
		random := code.Crockford32.Draw(randomSize/2) + code.Crockford32.Draw(randomSize/2)
		if err := r.add(random, i); err != nil {
			return Codes{}, err
		}
		shown[i] = fmt.Sprintf("%X-%s-%s-%s-%s", i, random[:4], random[4:8], random[8:12], random[12:])
	}
	return Codes{shown, f.seal(own, r)}, nil
}

func (f *Factors) newCodes() *row {
	return &row{kind: once.Index, id: keyring.Random(keyring.IDSize), created: f.core.Now(), salt: []byte(keyring.Random(saltSize))}
}

// digest is what is stored of a code. Our own codes are salted by their index, too, so that one derivation judges any of
// them; of imported ones nobody knows the index, and index is -1.
func (r *row) digest(clean string, index int) ([]byte, error) {
	salt := append([]byte{}, r.salt...)
	if index >= 0 {
		salt = append(salt, byte(index))
	}
	return pbkdf2.Key(sha256.New, clean, salt, rounds, digestSize)
}

func (r *row) add(clean string, index int) error {
	d, err := r.digest(clean, index)
	r.digests = append(r.digests, d)
	return err
}

// ImportRecovery takes the old recovery codes of another system, in clear: 1 to 16, each of 6 to 64 characters without spaces and
// dashes; upper and lower case are the same. They are short, so the guess limits of the factors apply to them, and they can
// be locked. Replace them by [Factors.RecoveryCodes] when the person signs in. The error is [onetime.ErrInvalid].
func (f *Factors) ImportRecovery(account string, codes []string) ([]byte, error) {
	if len(codes) < 1 || len(codes) > maxCodes {
		return nil, invalid("ImportRecovery: %d codes: want 1 to %d", len(codes), maxCodes)
	}
	own, _, err := f.who(account)
	if err != nil {
		return nil, err
	}
	r, seen := f.newCodes(), map[string]bool{}
	r.imported = true
	for i, old := range codes {
		clean, ok := cleanOld(old)
		if !ok {
			return nil, invalid("ImportRecovery: code %d: want %d to %d characters", i+1, minOldCode, maxOldCode)
		}
		if seen[clean] {
			return nil, invalid("ImportRecovery: code %d stands there twice", i+1)
		}
		seen[clean] = true
		if err := r.add(clean, -1); err != nil {
			return nil, err
		}
	}
	return f.seal(own, r), nil
}

// cleanOld is the one spelling of a code of another system.
func cleanOld(typed string) (string, bool) {
	if len(typed) > maxShownCode {
		return "", false
	}
	clean := strings.Map(func(c rune) rune {
		switch {
		case unicode.In(c, unicode.White_Space, unicode.Pd, unicode.Cf):
			return -1
		case 0xFF01 <= c && c <= 0xFF5E: // full-width forms of ASCII
			c -= 0xFF01 - '!'
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, typed)
	return clean, len(clean) >= minOldCode && len(clean) <= maxOldCode
}

// VerifyRecovery takes a recovery code as it was typed, and the blob of [Factors.RecoveryCodes] or [Factors.ImportRecovery]. nil
// means verified, once: store the Proof's Blob by compare-and-set before acting on it. Proof.Left says how many are left.
// Tell the person that a code was used, by mail.
//
// A refusal is [onetime.ErrMalformed], [onetime.ErrMismatch], [onetime.ErrNotFound] or [onetime.ErrUsed]; of imported codes
// [onetime.ErrLocked] and [onetime.ErrDisabled], too. A wrong code of 80 bits is refused without Redis; a right one that was
// used is told from a wrong one, since whoever has it knows it anyway. It takes [onetime.Idempotent].
func (f *Factors) VerifyRecovery(ctx context.Context, account, code string, blob []byte, opts ...onetime.VerifyOption) (Proof, error) {
	return f.observed(ctx, "factor.VerifyRecovery", func(a *attempt) (Proof, error) {
		if err := a.begin(f, account, opts); err != nil {
			return Proof{}, err
		}
		return f.verifyRecovery(ctx, a, code, [][]byte{blob})
	})
}

func (f *Factors) verifyRecovery(ctx context.Context, a *attempt, shown string, blobs [][]byte) (Proof, error) {
	if len(blobs) > maxBlobs {
		return Proof{}, invalid("VerifyRecovery: %d blobs: want at most %d", len(blobs), maxBlobs)
	}
	var own, old []*row
	var ownAt, oldAt []int
	for i, blob := range blobs {
		r, err := f.open(a.account, blob)
		if err != nil {
			return Proof{}, undecided(a.op, err)
		}
		if r.kind != once.Index {
			return Proof{}, invalid("VerifyRecovery: want a blob of recovery codes")
		}
		if r.imported {
			old, oldAt = append(old, r), append(oldAt, i)
		} else {
			own, ownAt = append(own, r), append(ownAt, i)
		}
	}
	clean, ok := code.Crockford32.Clean(shown, codeSize)
	cleanedOld, okOld := cleanOld(shown)
	switch {
	case len(blobs) == 0:
		return Proof{}, f.denied(onetime.ErrNotFound)
	case !(ok && len(own) > 0) && !(okOld && len(old) > 0):
		return Proof{}, f.denied(onetime.ErrMalformed)
	}
	numbers, found, err := f.ownCodes(a, own, clean, ok)
	if err != nil {
		return Proof{}, undecided(a.op, err)
	}
	if found {
		return f.use(ctx, a, once.Free, own, ownAt, numbers, clean)
	}
	if len(old) == 0 || !okOld {
		return Proof{}, f.denied(onetime.ErrMismatch)
	}
	numbers = make([][]once.Number, len(old))
	for i, r := range old {
		d, err := r.digest(cleanedOld, -1)
		if err != nil {
			return Proof{}, undecided(a.op, err)
		}
		for index := range r.digests {
			if subtle.ConstantTimeCompare(r.digests[index], d) == 1 {
				numbers[i] = append(numbers[i], f.number(a, r, int64(index)))
			}
		}
	}
	return f.use(ctx, a, once.Verify, old, oldAt, numbers, cleanedOld)
}

// ownCodes returns what a code of 80 bits matches: one derivation for each set, whatever its first character.
func (f *Factors) ownCodes(a *attempt, rows []*row, clean string, ok bool) (numbers [][]once.Number, found bool, err error) {
	numbers = make([][]once.Number, len(rows))
	if !ok {
		return numbers, false, nil
	}
	index := strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", clean[0])
	for i, r := range rows {
		d, err := r.digest(clean[1:], index)
		if err != nil {
			return nil, false, err
		}
		want := make([]byte, digestSize) // of no code
		if index < len(r.digests) {
			want = r.digests[index]
		}
		if subtle.ConstantTimeCompare(want, d) == 1 && index < len(r.digests) {
			numbers[i], found = []once.Number{f.number(a, r, int64(index))}, true
		}
	}
	return numbers, found, nil
}
