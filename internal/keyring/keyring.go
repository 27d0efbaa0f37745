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
	all, errs := checkKeys("onetime", key, previous)
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

	var d deriver
	ring := &Ring{naming: newMAC(d.key(naming, "naming"))}
	for _, k := range all {
		ring.Keys = append(ring.Keys, Key{
			newMAC(d.key(k, "digests")), newMAC(d.key(k, "tokens")),
			d.seal(k, "sealing", cipher.NewGCM), d.seal(k, "tickets", cipher.NewGCMWithRandomNonce), d.seal(k, "sessions", cipher.NewGCMWithRandomNonce),
		})
	}
	return ring, d.failed
}

// checkKeys returns all keys of a ring, and what is wrong with them. The errors begin with the name of the package.
func checkKeys(pkg string, key []byte, previous [][]byte) (all [][]byte, errs []error) {
	all = append([][]byte{key}, previous...)
	if len(all) > maxKeys {
		errs = append(errs, fault.Invalid("%s: WithPreviousKeys: %d keys: want at most %d", pkg, len(previous), maxKeys-1))
	}
	for i, k := range all {
		if len(k) < minKey {
			which := "the key"
			if len(all) > 1 {
				which = fmt.Sprintf("key %d of the ring", i+1)
			}
			errs = append(errs, fault.Invalid("%s: %s has %d bytes: want at least %d", pkg, which, len(k), minKey))
		}
		for j := range i {
			if bytes.Equal(k, all[j]) {
				errs = append(errs, fault.Invalid("%s: keys %d and %d of the ring are the same", pkg, j+1, i+1))
			}
		}
	}
	return all, errs
}

// A deriver derives a key for each use, so that no two uses share one. It keeps what failed.
type deriver struct{ failed error }

func (d *deriver) key(from []byte, use string) []byte {
	derived, err := hkdf.Key(sha256.New, from, nil, "onetime v1 "+use, sha256.Size)
	d.failed = errors.Join(d.failed, err)
	return derived
}

func (d *deriver) seal(from []byte, use string, mode func(cipher.Block) (cipher.AEAD, error)) cipher.AEAD {
	block, err := aes.NewCipher(d.key(from, use))
	if err != nil {
		d.failed = errors.Join(d.failed, err)
		return nil
	}
	aead, err := mode(block)
	d.failed = errors.Join(d.failed, err)
	return aead
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
