package factor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

const (
	minKey    = 32
	maxKeys   = 16
	keyIDSize = 4
)

// Keys seal blobs. They are a ring of their own, since blobs outlive every rotation of the keys given to [onetime.New]. It is
// immutable and safe for concurrent use, and prints without its keys.
type Keys struct{ keys *[]key }

// A key is one of them; the first seals, all of them open.
type key struct {
	id   string
	aead cipher.AEAD
}

// NewKeys returns Keys of which current seals and all open: up to 16 keys, each at least 32 random bytes. A rotation takes
// three steps: the new key among previous on every instance, then the new key as current, then [Factors.Reseal] for every
// row. A key may be left out once no row names it, see [Keys.IDs]; a blob of a key that is left out does not open. Rotate
// before a key has sealed 2^32 blobs (NIST SP 800-38D 8.3); each verification seals one. The error is
// [onetime.ErrInvalid].
func NewKeys(current []byte, previous ...[]byte) (Keys, error) {
	all := append([][]byte{current}, previous...)
	var errs []error
	if len(all) > maxKeys {
		errs = append(errs, invalid("NewKeys: %d keys: want at most %d", len(all), maxKeys))
	}
	var keys []key
	for i, given := range all {
		if len(given) < minKey {
			errs = append(errs, invalid("NewKeys: key %d has %d bytes: want at least %d", i+1, len(given), minKey))
			continue
		}
		made, err := newKey(given)
		if err != nil {
			return Keys{}, err
		}
		for j, other := range keys {
			if other.id == made.id { // the same key, or one chance in 2^32
				errs = append(errs, invalid("NewKeys: keys %d and %d have the same id: want keys that differ", j+1, i+1))
			}
		}
		keys = append(keys, made)
	}
	if err := errors.Join(errs...); err != nil {
		return Keys{}, err
	}
	return Keys{&keys}, nil
}

func newKey(given []byte) (key, error) {
	id, errID := hkdf.Key(sha256.New, given, nil, "onetime v1 factor key id", keyIDSize)
	sealing, errSealing := hkdf.Key(sha256.New, given, nil, "onetime v1 factor blobs", sha256.Size)
	if err := errors.Join(errID, errSealing); err != nil {
		return key{}, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return key{string(id), aead}, err
}

// IDs returns the ids of the keys, that of the current one first, as 8 hexadecimal digits. They stand in bytes 2 to 5 of each
// blob, so that rows can be counted by SQL: SELECT count(*) … WHERE substr(blob, 2, 4) = ….
func (k Keys) IDs() []string {
	var ids []string
	for _, key := range k.all() {
		ids = append(ids, hex.EncodeToString([]byte(key.id)))
	}
	return ids
}

func (k Keys) all() []key {
	if k.keys == nil {
		return nil
	}
	return *k.keys
}

// Format prints no key, under any verb.
func (k Keys) Format(f fmt.State, _ rune) { io.WriteString(f, "factor.Keys()") }

// MarshalText returns no key; JSON and slog use it.
func (k Keys) MarshalText() ([]byte, error) { return []byte("factor.Keys()"), nil }

// invalid is an argument out of range.
func invalid(format string, args ...any) error { return fault.Invalid("factor: "+format, args...) }
