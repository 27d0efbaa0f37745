package onetimejwt

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
)

const maxUserAgent = 1024 // bytes that are looked at

// frame appends parts, each led by its length: ("a", "bc") and ("ab", "c") differ.
func frame(parts ...string) []byte {
	var framed []byte
	for _, part := range parts {
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(part)))
		framed = append(framed, part...)
	}
	return framed
}

// clientHash names the client that a token was signed for. The jti goes in, so that two tokens of one client have nothing
// in common.
func clientHash(jti, ip, userAgent string) (string, bool) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return "", false
	}
	userAgent = userAgent[:min(len(userAgent), maxUserAgent)]
	sum := sha256.Sum256(frame("onetimejwt client", jti, addr.Unmap().WithZone("").String(), userAgent))
	return base64.RawURLEncoding.EncodeToString(sum[:16]), true
}

// SameClient reports whether the token was signed [WithClientHash] of this IP address and User-Agent.
func (c Claims) SameClient(ip, userAgent string) bool {
	want, ok := clientHash(c.ID, ip, userAgent)
	return ok && c.clientHash != "" && subtle.ConstantTimeCompare([]byte(want), []byte(c.clientHash)) == 1
}
