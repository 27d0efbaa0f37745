package keyring

import (
	"crypto/subtle"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

/*
On the wire a token is base64url, without padding, of

	version  1 byte
	tag     16  of purpose and subject: where the record is
	binding  8  tag of the binding, zero if unbound
	nonce   16  random: the secret
	mac     16  of purpose and all before it

The MAC is checked before anything is asked of Redis, so nobody can make a record's trouble with invented tokens.
*/
const (
	tokenVersion = 1
	NonceSize    = 16
	macSize      = 16
	tokenBody    = 1 + tagSize + bindingSize + NonceSize
	tokenSize    = tokenBody + macSize
	tokenLength  = tokenSize / 3 * 4

	// maxShown is how many bytes of a shown token are looked at.
	maxShown = 512
)

// Token is the wire form of a nonce.
func (k Key) Token(c Challenge, nonce string) string {
	wire := make([]byte, 0, tokenSize)
	wire = append(wire, tokenVersion)
	wire = append(append(append(wire, c.Tag...), c.Binding...), nonce...)
	wire = append(wire, k.tokenMAC(c.Purpose, string(wire))...)
	return Encoding.EncodeToString(wire)
}

func (k Key) tokenMAC(purpose, body string) string {
	return k.tokens.sum(macSize, "token", purpose, body)
}

// alone returns a token without what was copied along behind it, such as the full stop or the bracket that ended a sentence:
// text without any character that a token, or its padding, could go on with.
func alone(shown string) string {
	if len(shown) <= tokenLength || len(shown) > maxShown {
		return shown
	}
	behind := shown[tokenLength:]
	if strings.ContainsFunc(behind, func(r rune) bool {
		return r == '-' || r == '_' || r == '=' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) ||
			r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r)
	}) {
		return shown
	}
	return shown[:tokenLength]
}

// ReadToken takes a token apart, with or without what was copied along behind it, and finds the key that made it. Its errors
// are fault.ErrMalformed and fault.ErrMismatch.
func (r *Ring) ReadToken(purpose, token string) (c Challenge, nonce string, key int, err error) {
	if token = alone(token); len(token) != tokenLength {
		return Challenge{}, "", 0, fault.ErrMalformed
	}
	// The decoder skips line breaks: a token with one has too few bytes.
	raw, err := Encoding.DecodeString(token)
	if err != nil || len(raw) != tokenSize || raw[0] != tokenVersion {
		return Challenge{}, "", 0, fault.ErrMalformed
	}
	wire := string(raw)
	key = -1
	for i, k := range r.Keys {
		mac := k.tokenMAC(purpose, wire[:tokenBody])
		if subtle.ConstantTimeCompare([]byte(mac), raw[tokenBody:]) == 1 {
			key = i
		}
	}
	if key < 0 {
		return Challenge{}, "", 0, fault.ErrMismatch
	}
	bindingAt, nonceAt := 1+tagSize, 1+tagSize+bindingSize
	return Challenge{purpose, wire[1:bindingAt], wire[bindingAt:nonceAt]}, wire[nonceAt:tokenBody], key, nil
}
