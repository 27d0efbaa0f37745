package api

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"regexp"
)

// idempotencyPattern is what an Idempotency-Key is: 16 to 255 visible ASCII characters.
var idempotencyPattern = regexp.MustCompile(`^[!-~]{16,255}$`)

// A group is what all sendings of one request share: the same caller, path, body and Idempotency-Key. It is nil without one.
type group []byte

// group returns the call's.
func (c *call) group() (group, error) {
	keys := c.request.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return nil, nil
	}
	if len(keys) > 1 || !idempotencyPattern.MatchString(keys[0]) {
		return nil, &refusal{reason: "bad_request", detail: "The header Idempotency-Key wants 16 to 255 visible ASCII characters, once."}
	}
	body := sha256.Sum256(c.body)
	mac := hmac.New(sha256.New, c.snapshot.naming)
	for _, part := range []string{c.caller.name, c.request.Method, c.request.URL.Path, keys[0], string(body[:])} {
		binary.Write(mac, binary.BigEndian, uint64(len(part)))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil), nil
}

// key names the group for onetime.Idempotent.
func (g group) key() string { return base64.RawURLEncoding.EncodeToString(g) }

// secret returns 128 bits for a use: random ones, or those that all sendings of the group have, so that the answer to a second
// sending is as good as the lost answer to the first.
func (g group) secret(use string) string {
	secret := make([]byte, 16)
	if g == nil {
		rand.Read(secret)
	} else {
		mac := hmac.New(sha256.New, g)
		mac.Write([]byte(use))
		copy(secret, mac.Sum(nil))
	}
	return base64.RawURLEncoding.EncodeToString(secret)
}
