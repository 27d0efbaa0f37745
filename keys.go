package onetime

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
	"hash"
	"sync"
)

const (
	minKey     = 32 // bytes of a key
	maxKeys    = 8  // keys of a ring: each costs a digest in every verification
	tagSize    = 16
	bindSize   = 8
	digestSize = 16
	idSize     = 12
)

// unbound stands where the tag of a binding would.
var unbound = string(make([]byte, bindSize))

// encoding is strict: no padding, no spare bits, one spelling for each value.
var encoding = base64.RawURLEncoding.Strict()

// A keyRing holds what is derived from the keys. The first key issues, all of them verify.
type keyRing struct {
	naming mac
	keys   []keySet
}

type keySet struct {
	digests, tokens mac
	seals           cipher.AEAD
}

func newKeyRing(key []byte, previous [][]byte, naming []byte) (*keyRing, error) {
	var errs []error
	all := append([][]byte{key}, previous...)
	if len(all) > maxKeys {
		errs = append(errs, invalid("WithPreviousKeys: %d keys: want at most %d", len(previous), maxKeys-1))
	}
	for i, k := range all {
		if len(k) < minKey {
			errs = append(errs, invalid("key %d of the ring has %d bytes: want at least %d", i+1, len(k), minKey))
		}
		for j := range i {
			if bytes.Equal(k, all[j]) {
				errs = append(errs, invalid("keys %d and %d of the ring are the same", j+1, i+1))
			}
		}
	}
	switch {
	case naming != nil && len(naming) < minKey:
		errs = append(errs, invalid("WithNamingKey: %d bytes: want at least %d", len(naming), minKey))
	case naming == nil && len(previous) > 0:
		errs = append(errs, invalid("WithPreviousKeys: wants WithNamingKey, or the names of records change with the key"))
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
	ring := &keyRing{naming: newMAC(derive(naming, "naming"))}
	for _, k := range all {
		block, err := aes.NewCipher(derive(k, "sealing"))
		if err != nil {
			return nil, err
		}
		seals, err := cipher.NewGCMWithRandomNonce(block)
		failed = errors.Join(failed, err)
		ring.keys = append(ring.keys, keySet{newMAC(derive(k, "digests")), newMAC(derive(k, "tokens")), seals})
	}
	return ring, failed
}

// frame appends parts, each led by its length: ("a", "bc") and ("ab", "c") differ.
func frame(to []byte, parts ...string) []byte {
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
	s.buffer = frame(s.buffer[:0], parts...)
	s.hash.Reset()
	s.hash.Write(s.buffer)
	s.buffer = s.hash.Sum(s.buffer[:0])
	return string(s.buffer[:size])
}

// A place is a challenge in a record: all that is derived from purpose, subject and binding.
type place struct {
	purpose string
	tag     string // of purpose and subject
	binding string // tag of the binding, or unbound
}

func (r *keyRing) tag(purpose, subject string) string {
	return r.naming.sum(tagSize, "tag", purpose, subject)
}

// bindingTag depends on the tag, so that one browser's challenges cannot be told from two browsers' across records.
func (r *keyRing) bindingTag(purpose, tag, binding string) string {
	return r.naming.sum(bindSize, "binding", purpose, tag, binding)
}

// key is the Redis key of the record. The tag is its hash tag, so that all of a record is in one cluster slot.
func (p place) key(prefix string) string {
	name := make([]byte, 0, 160)
	name = append(name, prefix...)
	name = append(name, ':')
	name = append(name, p.purpose...)
	name = append(name, ":{"...)
	name = encoding.AppendEncode(name, []byte(p.tag))
	return string(append(name, '}'))
}

// prefix leads the names of the challenge's fields in the record.
func (p place) prefix() string {
	if p.binding == unbound {
		return ""
	}
	return ":" + p.binding
}

// digest is what Redis knows of a code, or of the nonce of a token.
func (k keySet) digest(p place, kind, secret string) string {
	return k.digests.sum(digestSize, "digest", kind, p.purpose, p.tag, p.binding, secret)
}

// seal encrypts subject and payload. What they belong to is authenticated: nothing sealed can be moved elsewhere.
func (k keySet) seal(p place, kind, id, digest, subject string, payload []byte) string {
	plain := make([]byte, 0, 2+len(subject)+len(payload))
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(subject)))
	plain = append(append(plain, subject...), payload...)
	return string(k.seals.Seal(nil, nil, plain, sealedFor(p, kind, id, digest)))
}

var errSeal = errors.New("damaged record: sealed part does not open")

func (k keySet) open(p place, kind, id, digest, sealed string) (subject string, payload []byte, err error) {
	plain, err := k.seals.Open(nil, nil, []byte(sealed), sealedFor(p, kind, id, digest))
	if err != nil || len(plain) < 2 {
		return "", nil, errSeal
	}
	size := int(binary.BigEndian.Uint16(plain))
	if plain = plain[2:]; size > len(plain) {
		return "", nil, errSeal
	}
	subject, payload = string(plain[:size]), plain[size:]
	if len(payload) == 0 {
		payload = nil
	}
	return subject, payload, nil
}

func sealedFor(p place, kind, id, digest string) []byte {
	return frame(make([]byte, 0, 192), "sealed", kind, p.purpose, p.tag, p.binding, id, digest)
}

// random returns size bytes of crypto/rand, which never fails.
func random(size int) string {
	var b [digestSize]byte
	rand.Read(b[:size])
	return string(b[:size])
}
