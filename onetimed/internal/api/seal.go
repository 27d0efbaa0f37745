package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
)

// errSeal is what open returns for all that nobody with a key has sealed for this use.
var errSeal = errors.New("api: not sealed by a key of this server")

const (
	saltBytes  = 12
	nonceBytes = 12
	tagBytes   = 16
	// block is what sealed texts are padded to a multiple of, so that their length says next to nothing of a subject: an address
	// that has an account and one that has none shall make ids of one length.
	block = 256
	// maxSealed is more than any sealed text has.
	maxSealed = 8 << 10
)

// A sealer seals small records. Each record has a key of its own, made of 12 random bytes and the first of the keys, and 12
// random bytes of nonce beside it: so many ids that two share both are out of reach.
type sealer struct{ keys [][]byte }

func newSealer(keys [][]byte) (sealer, error) {
	s := sealer{}
	for _, key := range keys {
		derived, err := hkdf.Key(sha256.New, key, nil, "onetimed seal v1", sha256.Size)
		if err != nil {
			return sealer{}, err
		}
		s.keys = append(s.keys, derived)
	}
	return s, nil
}

// aead returns the cipher of a record.
func aead(key, salt []byte) cipher.AEAD {
	mac := hmac.New(sha256.New, key)
	mac.Write(salt)
	ciphered, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic(err) // 32 bytes are a key of AES
	}
	gcm, err := cipher.NewGCM(ciphered)
	if err != nil {
		panic(err)
	}
	return gcm
}

// seal returns a record as text for URLs, that opens for the same use only.
func (s sealer) seal(use string, record any) string {
	plain, err := json.Marshal(record)
	if err != nil {
		panic(err) // records are strings and numbers
	}
	for len(plain)%block != 0 {
		plain = append(plain, ' ')
	}
	sealed := make([]byte, saltBytes+nonceBytes, saltBytes+nonceBytes+len(plain)+tagBytes)
	rand.Read(sealed)
	sealed = aead(s.keys[0], sealed[:saltBytes]).Seal(sealed, sealed[saltBytes:], plain, []byte(use))
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// open reads a record. There is one text for each: no other spelling opens.
func (s sealer) open(use, text string, record any) error {
	if len(text) > maxSealed {
		return errSeal
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < saltBytes+nonceBytes+tagBytes || base64.RawURLEncoding.EncodeToString(sealed) != text {
		return errSeal
	}
	salt, nonce, rest := sealed[:saltBytes], sealed[saltBytes:saltBytes+nonceBytes], sealed[saltBytes+nonceBytes:]
	for _, key := range s.keys {
		plain, err := aead(key, salt).Open(nil, nonce, rest, []byte(use))
		if err == nil {
			return json.Unmarshal(plain, record)
		}
	}
	return errSeal
}
