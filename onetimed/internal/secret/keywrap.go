package secret

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// The initial value of RFC 3394, 2.2.3.1: what unwraps to anything else was altered, or wrapped under another key.
var wrapCheck = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}

var (
	errWrapKey   = errors.New("a key that wraps has 16, 24 or 32 bytes")
	errWrapSize  = errors.New("want a key of 16 to 1024 bytes, a multiple of 8")
	errUnwrapped = errors.New("the wrapped key was altered, or wrapped under another key")
)

// Wrap encrypts a key under a key-encryption key by AES Key Wrap (RFC 3394). The key has 16 to 1024 bytes, a multiple of
// 8, the key-encryption key 16, 24 or 32. The result is 8 bytes longer than the key.
func Wrap(kek, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, errWrapKey
	}
	if len(key) < 16 || len(key) > 1024 || len(key)%8 != 0 {
		return nil, errWrapSize
	}
	out := append(append([]byte{}, wrapCheck...), key...) // A, R[1], …, R[n]
	var b [aes.BlockSize]byte
	n := len(key) / 8
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(b[:8], out[:8])
			copy(b[8:], out[8*i:])
			block.Encrypt(b[:], b[:])
			step := uint64(n*j + i)
			binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(b[:8])^step)
			copy(out[8*i:8*i+8], b[8:])
		}
	}
	return out, nil
}

// Unwrap returns what Wrap encrypted. The error does not tell an altered key from one that was wrapped under another
// key-encryption key: nobody can.
func Unwrap(kek, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, errWrapKey
	}
	if len(wrapped) < 24 || len(wrapped) > 1032 || len(wrapped)%8 != 0 {
		return nil, errUnwrapped
	}
	out := append([]byte{}, wrapped...)
	var b [aes.BlockSize]byte
	n := len(wrapped)/8 - 1
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			step := uint64(n*j + i)
			binary.BigEndian.PutUint64(b[:], binary.BigEndian.Uint64(out)^step)
			copy(b[8:], out[8*i:8*i+8])
			block.Decrypt(b[:], b[:])
			copy(out[:8], b[:8])
			copy(out[8*i:], b[8:])
		}
	}
	if subtle.ConstantTimeCompare(out[:8], wrapCheck) != 1 {
		return nil, errUnwrapped
	}
	return out[8:], nil
}
