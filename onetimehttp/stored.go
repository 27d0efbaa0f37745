package onetimehttp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
)

/*
What Redis holds of a link, sealed, is a subject and a payload: the address that the message went to, in a form that

  - takes as little room as it can: an address that is the subject is not held again, and ASCII is packed;
  - is filled up with zeros, so that its length tells nothing of most addresses, and nothing of whether it is a decoy's.

A payload begins with a byte that says in which form the address is. No text begins with it.
*/
const (
	asSubject byte = 0xf8 + iota // a bit for each byte of the subject up to the last that is set: upper case it
	asASCII                      // 7 bits for each byte
	asBytes
)

// subjectRoom is how long a subject may be without showing by the length of what is sealed: that of a UUID as text.
const subjectRoom = 36

/*
room returns how many bytes subject and payload take together: the least of a few sizes that has the room. What is sealed
fills pieces of 64 bytes, of which 18 are not for this. The first size, for addresses of up to 32 ASCII characters, and 273 are
no whole pieces: they are what records of one link with code have room for in the blocks of memory that Redis 7 takes, and a
decoy has never more.
*/
func room(need int) int {
	for _, size := range []int{65, 110, 174, 238, 273} {
		if need <= size {
			return size
		}
	}
	return 302 + (max(need, 302)-302+63)/64*64
}

// payload returns what is stored with a link to the person.
func (p person) payload() []byte {
	if !p.found {
		return storeDecoy(p.subject, p.typed)
	}
	subject, _ := core.Of(p.manager).Subject(p.subject) // what the Manager does not take, IssueLink refuses
	return store(subject, p.deliverTo)
}

// store returns the payload that stands for the address, filled up.
func store(subject, address string) []byte {
	head := packed(address)
	need := max(len(subject), subjectRoom) + len(head)
	if bits, ok := upper(subject, address); ok {
		need = max(subjectRoom+len(head), len(subject)+len(bits)) // no more than of an address that is held by itself
		head = bits
	}
	return slices.Concat(head, make([]byte, room(need)-len(subject)-len(head)))
}

// storeDecoy returns the payload of somebody who has no account: of no address, and as long as of one like it.
func storeDecoy(subject, typed string) []byte {
	return make([]byte, min(room(subjectRoom+len(packed(typed))), 273)-len(subject))
}

// stored returns the address of a payload. A payload that store has not made, of a link that the program itself issued, say,
// is returned as it is.
func stored(subject string, payload []byte) []byte {
	if len(payload) == 0 {
		return payload
	}
	var address []byte
	switch rest := payload[1:]; payload[0] {
	case asSubject:
		address = []byte(subject)
		for i, b := range address {
			if i/8 < len(rest) && rest[i/8]>>(i%8)&1 == 1 && 'a' <= b && b <= 'z' {
				address[i] -= 'a' - 'A'
			}
		}
	case asASCII:
		address = unpackASCII(rest)
	case asBytes:
		address = []byte(strings.TrimRight(string(rest), "\x00"))
	}
	if address == nil || !slices.Equal(store(subject, string(address)), payload) {
		return payload
	}
	return address
}

// upper returns which letters of the subject are upper case in the address. It reports false if more than that differs.
func upper(subject, address string) ([]byte, bool) {
	if len(subject) != len(address) {
		return nil, false
	}
	bits := make([]byte, 1+(len(subject)+7)/8)
	bits[0] = asSubject
	for i := range len(subject) {
		switch s, a := subject[i], address[i]; {
		case s == a:
		case 'a' <= s && s <= 'z' && a == s-('a'-'A'):
			bits[1+i/8] |= 1 << (i % 8)
		default:
			return nil, false
		}
	}
	return bytes.TrimRight(bits, "\x00"), true
}

// packed returns an address in as few bytes as it takes.
func packed(address string) []byte {
	for i := range len(address) {
		if address[i] >= 0x80 {
			return append([]byte{asBytes}, address...)
		}
	}
	bits := make([]byte, (7*len(address)+7)/8)
	for i := range len(address) {
		at := 7 * i
		wide := uint16(address[i]) << (at % 8)
		bits[at/8] |= byte(wide)
		if wide > 0xff {
			bits[at/8+1] |= byte(wide >> 8)
		}
	}
	return append([]byte{asASCII}, bits...)
}

// unpackASCII undoes packed. No address has a zero byte: the first ends it.
func unpackASCII(bits []byte) []byte {
	address := make([]byte, 0, 8*len(bits)/7)
	for at := 0; at+7 <= 8*len(bits); at += 7 {
		wide := uint16(bits[at/8])
		if at/8+1 < len(bits) {
			wide |= uint16(bits[at/8+1]) << 8
		}
		b := byte(wide >> (at % 8) & 0x7f)
		if b == 0 {
			break
		}
		address = append(address, b)
	}
	return address
}

// nobody is the subject of a person who is not known: one for each address, all of one length.
func nobody(typed string) string {
	sum := sha256.Sum256([]byte(typed))
	return "unknown:" + base64.RawURLEncoding.EncodeToString(sum[:21])
}

// whole returns a Verification with the address for its payload.
func whole(v onetime.Verification) onetime.Verification {
	v.Payload = stored(v.Subject, v.Payload)
	return v
}
