package factor

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// An Algorithm is the hash of an authenticator's HMAC.
type Algorithm uint8

const (
	// SHA1 is what every app understands, and what new authenticators have. HMAC does not depend on collisions of its hash.
	SHA1 Algorithm = iota
	// SHA256 is for imports: some apps ignore it and show wrong codes.
	SHA256
	// SHA512 is for imports: some apps ignore it and show wrong codes.
	SHA512
)

// String is the name in otpauth URIs.
func (a Algorithm) String() string {
	switch a {
	case SHA1:
		return "SHA1"
	case SHA256:
		return "SHA256"
	case SHA512:
		return "SHA512"
	}
	return fmt.Sprintf("Algorithm(%d)", uint8(a))
}

func (a Algorithm) hash() func() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New
	case SHA512:
		return sha512.New
	}
	return sha1.New
}

// Ranges of an authenticator.
const (
	minSecret, maxSecret = 10, 128 // bytes: 80 bits is the least that apps were given
	weakSecret           = 16      // bytes: RFC 4226 section 4 demands 128 bits
	newSecret            = 20      // bytes: the length of a SHA-1, as RFC 4226 recommends
	minDigits, maxDigits = 6, 8
	minPeriod, maxPeriod = 15 * time.Second, 60 * time.Second
	newPeriod            = 30 * time.Second
)

// check reports all that no authenticator has.
func (r *row) check() error {
	switch {
	case len(r.key) < minSecret || len(r.key) > maxSecret:
		return invalid("a key of %d bytes: want %d to %d", len(r.key), minSecret, maxSecret)
	case r.algorithm > SHA512:
		return invalid("%s: want SHA1, SHA256 or SHA512", r.algorithm)
	case r.digits < minDigits || r.digits > maxDigits:
		return invalid("%d digits: want %d to %d", r.digits, minDigits, maxDigits)
	case r.kind == once.Step && (r.period < minPeriod || r.period > maxPeriod || r.period%time.Second != 0):
		return invalid("a period of %s: want %s to %s in whole seconds", r.period, minPeriod, maxPeriod)
	case r.free < 0 || r.free > once.MaxNumber:
		return invalid("a step or counter of %d: want 0 to %d", r.free, int64(once.MaxNumber))
	}
	return nil
}

// codes returns what makes the code of a number (RFC 4226 section 5.3). It is for one goroutine: it keeps the keyed hash.
func (r *row) codes() func(number int64) string {
	mac := hmac.New(r.algorithm.hash(), r.key)
	modulus := uint32(1)
	for range r.digits {
		modulus *= 10
	}
	var text, sum []byte
	return func(number int64) string {
		mac.Reset()
		text = binary.BigEndian.AppendUint64(text[:0], uint64(number))
		mac.Write(text)
		sum = mac.Sum(sum[:0])
		value := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) & (1<<31 - 1)
		value %= modulus
		code := make([]byte, r.digits)
		for i := range code {
			code[r.digits-1-i] = '0' + byte(value%10)
			value /= 10
		}
		return string(code)
	}
}
