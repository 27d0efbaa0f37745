// Package keyring derives keys, and makes of them names, digests, MACs and seals. Each use has a label of its own.
package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// Sizes in bytes.
const (
	minKey        = 32
	maxKeys       = 8 // keys of a ring: each costs a digest in every verification
	tagSize       = 16
	bindingSize   = 8
	pseudonymSize = 8
	DigestSize    = 16
	IDSize        = 12
)

// Encoding is strict: no padding, no spare bits, one spelling for each value.
var Encoding = base64.RawURLEncoding.Strict()

// A Ring holds what is derived from the keys. The first key issues, all of them verify.
type Ring struct {
	naming mac
	Keys   []Key
}

// A Key is what one key of a Ring is for.
type Key struct {
	digests, tokens   mac
	issues            cipher.AEAD // whose nonces are ids of issues
	tickets, sessions cipher.AEAD // whose nonces are random, and led by them
}

// New derives a Ring. It reports all that is wrong with the keys.
func New(key []byte, previous [][]byte, naming []byte) (*Ring, error) {
	var errs []error
	all := append([][]byte{key}, previous...)
	if len(all) > maxKeys {
		errs = append(errs, fault.Invalid("onetime: WithPreviousKeys: %d keys: want at most %d", len(previous), maxKeys-1))
	}
	for i, k := range all {
		if len(k) < minKey {
			which := "the key"
			if len(all) > 1 {
				which = fmt.Sprintf("key %d of the ring", i+1)
			}
			errs = append(errs, fault.Invalid("onetime: %s has %d bytes: want at least %d", which, len(k), minKey))
		}
		for j := range i {
			if bytes.Equal(k, all[j]) {
				errs = append(errs, fault.Invalid("onetime: keys %d and %d of the ring are the same", j+1, i+1))
			}
		}
	}
	switch {
	case naming != nil && len(naming) < minKey:
		errs = append(errs, fault.Invalid("onetime: WithNamingKey: %d bytes: want at least %d", len(naming), minKey))
	case naming == nil && len(previous) > 0:
		errs = append(errs, fault.Invalid("onetime: WithPreviousKeys: wants WithNamingKey, or the names of records change with the key"))
	case naming == nil:
		naming = key
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	// A key for each use, so that no two uses share one.
	var failed error
	derive := func(key []byte, use string) []byte {
		derived, err := hkdf.Key(sha256.New, key, nil, "onetime v1 "+use, sha256.Size)
		failed = errors.Join(failed, err)
		return derived
	}
	ring := &Ring{naming: newMAC(derive(naming, "naming"))}
	seal := func(key []byte, mode func(cipher.Block) (cipher.AEAD, error)) cipher.AEAD {
		block, err := aes.NewCipher(key)
		if err != nil {
			failed = errors.Join(failed, err)
			return nil
		}
		aead, err := mode(block)
		failed = errors.Join(failed, err)
		return aead
	}
	for _, k := range all {
		ring.Keys = append(ring.Keys, Key{
			newMAC(derive(k, "digests")), newMAC(derive(k, "tokens")),
			seal(derive(k, "sealing"), cipher.NewGCM), seal(derive(k, "tickets"), cipher.NewGCMWithRandomNonce), seal(derive(k, "sessions"), cipher.NewGCMWithRandomNonce),
		})
	}
	return ring, failed
}

// Frame appends parts, each led by its length: ("a", "bc") and ("ab", "c") differ.
func Frame(to []byte, parts ...string) []byte {
	for _, part := range parts {
		to = binary.BigEndian.AppendUint32(to, uint32(len(part)))
		to = append(to, part...)
	}
	return to
}

// A mac is HMAC-SHA-256 under one key. It keeps keyed states: making one costs more than using it.
type mac struct{ states *sync.Pool }

type macState struct {
	hash   hash.Hash
	buffer []byte
}

func newMAC(key []byte) mac {
	return mac{&sync.Pool{New: func() any { return &macState{hash: hmac.New(sha256.New, key)} }}}
}

// sum returns the first size bytes of the MAC over the framed parts, the first of which is the label of the use.
func (m mac) sum(size int, parts ...string) string {
	s := m.states.Get().(*macState)
	defer m.states.Put(s)
	s.buffer = Frame(s.buffer[:0], parts...)
	s.hash.Reset()
	s.hash.Write(s.buffer)
	s.buffer = s.hash.Sum(s.buffer[:0])
	return string(s.buffer[:size])
}

// Random returns size bytes, at most 32, of crypto/rand, which never fails.
func Random(size int) string {
	var b [32]byte
	rand.Read(b[:size])
	return string(b[:size])
}
