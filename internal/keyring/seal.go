package keyring

import (
	"encoding/binary"
	"errors"
)

// ErrSeal is why a sealed part is not believed.
var ErrSeal = errors.New("damaged record: sealed part does not open")

// Seal encrypts subject and payload of an issue, for its code and its token. The record and the issue are authenticated:
// nothing sealed can be moved elsewhere. The id, 96 random bits that nothing else is sealed under, is the nonce of the
// AES-GCM, so that none has to be stored (NIST SP 800-38D, 8.2.2).
func (k Key) Seal(c Challenge, id, subject string, payload []byte) string {
	plain := make([]byte, 0, 2+len(subject)+len(payload))
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(subject)))
	plain = append(append(plain, subject...), payload...)
	return string(k.issues.Seal(nil, []byte(id), plain, sealedFor(c)))
}

// Open gives back what Seal took. The payload is nil if there was none. The error is ErrSeal.
func (k Key) Open(c Challenge, id, sealed string) (subject string, payload []byte, err error) {
	if len(id) != IDSize {
		return "", nil, ErrSeal
	}
	plain, err := k.issues.Open(nil, []byte(id), []byte(sealed), sealedFor(c))
	if err != nil || len(plain) < 2 {
		return "", nil, ErrSeal
	}
	size := int(binary.BigEndian.Uint16(plain))
	if plain = plain[2:]; size > len(plain) {
		return "", nil, ErrSeal
	}
	subject, payload = string(plain[:size]), plain[size:]
	if len(payload) == 0 {
		payload = nil
	}
	return subject, payload, nil
}

func sealedFor(c Challenge) []byte {
	return Frame(make([]byte, 0, 128), "sealed", c.Purpose, c.Tag)
}

// A Ticket is what an Undo needs to know of a use.
type Ticket struct {
	Challenge
	Issue, Call string
}

const ticketSize = tagSize + bindingSize + 2*IDSize

// SealTicket encrypts a Ticket under the first key.
func (r *Ring) SealTicket(t Ticket) []byte {
	plain := make([]byte, 0, ticketSize)
	plain = append(append(append(append(plain, t.Tag...), t.Binding...), t.Issue...), t.Call...)
	return r.Keys[0].tickets.Seal(nil, nil, plain, Frame(nil, "ticket", t.Purpose))
}

// OpenTicket gives back a Ticket that any key of the ring sealed for the purpose. It reports false for anything else.
func (r *Ring) OpenTicket(purpose string, sealed []byte) (Ticket, bool) {
	for _, k := range r.Keys {
		plain, err := k.tickets.Open(nil, nil, sealed, Frame(nil, "ticket", purpose))
		if err != nil || len(plain) != ticketSize {
			continue
		}
		next := func(size int) string {
			part := string(plain[:size])
			plain = plain[size:]
			return part
		}
		return Ticket{Challenge{purpose, next(tagSize), next(bindingSize)}, next(IDSize), next(IDSize)}, true
	}
	return Ticket{}, false
}
