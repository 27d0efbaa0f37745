package rig

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// The format of all that is derived from the keys, written down a second time: what is outstanding at an update of the
// library must verify after it.

// Framed joins parts, each led by its length.
func Framed(parts ...string) []byte {
	var framed []byte
	for _, part := range parts {
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(part)))
		framed = append(framed, part...)
	}
	return framed
}

// Derived is the key of a use.
func Derived(t testing.TB, key []byte, use string) []byte {
	t.Helper()
	k, err := hkdf.Key(sha256.New, key, nil, "onetime v1 "+use, 32)
	require.NoError(t, err)
	return k
}

// Golden is the first size bytes of the MAC over parts under the key of a use.
func Golden(t testing.TB, key []byte, use string, size int, of ...string) string {
	t.Helper()
	mac := hmac.New(sha256.New, Derived(t, key, use))
	mac.Write(Framed(of...))
	return string(mac.Sum(nil)[:size])
}
