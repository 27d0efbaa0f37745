package keyring

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"time"
)

// A StatelessRing holds what package stateless derives from its keys. The first key makes codes and links, all of them
// verify.
type StatelessRing struct{ Keys []StatelessKey }

// A StatelessKey is what one key of a StatelessRing is for.
type StatelessKey struct {
	codes, handles, uses, accounts mac
	links                          cipher.AEAD // whose nonces are random, and led by them
}

// NewStateless derives a StatelessRing. It reports all that is wrong with the keys.
func NewStateless(key []byte, previous [][]byte) (*StatelessRing, error) {
	all, errs := checkKeys("stateless", key, previous)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	var d deriver
	ring := &StatelessRing{}
	for _, k := range all {
		ring.Keys = append(ring.Keys, StatelessKey{
			newMAC(d.key(k, "stateless codes")), newMAC(d.key(k, "stateless handles")), newMAC(d.key(k, "stateless uses")),
			newMAC(d.key(k, "stateless accounts")), d.seal(k, "stateless links", cipher.NewGCMWithRandomNonce),
		})
	}
	return ring, d.failed
}

// A Slot is what a stateless code is for: whoever is proved to whom, in which window of time, in a form of code.
type Slot struct {
	Form, Purpose, Subject, Binding string
	Window                          int64
}

func (k StatelessKey) slot(m mac, label string, s Slot) string {
	window := binary.BigEndian.AppendUint64(nil, uint64(s.Window))
	return m.sum(macSize, label, s.Form, s.Purpose, s.Subject, s.Binding, string(window))
}

// Bits returns the 128 bits that the code of a slot is made of.
func (k StatelessKey) Bits(s Slot) string { return k.slot(k.codes, "code", s) }

// Handle returns what names a slot to whoever asked for its code, and cannot be invented.
func (k StatelessKey) Handle(s Slot) string { return k.slot(k.handles, "handle", s) }

// Use returns the name of the use of a slot.
func (k StatelessKey) Use(s Slot) string { return k.slot(k.uses, "use", s) }

// LinkUse returns the name of the use of a link.
func (k StatelessKey) LinkUse(sealed string) string { return k.uses.sum(macSize, "link", sealed) }

// Account returns the name that wrong codes of a subject are charged to.
func (k StatelessKey) Account(purpose, subject string) string {
	return k.accounts.sum(macSize, "account", purpose, subject)
}

const (
	linkVersion = 1
	linkFill    = 32 // bytes that what a link seals is filled up to a multiple of
	linkHead    = 8 + 2
)

// SealLink encrypts who is proved, and until when. How long it is tells the length of the subject to 32 bytes.
func (k StatelessKey) SealLink(purpose, subject string, until time.Time) string {
	plain := make([]byte, 0, linkHead+len(subject)+linkFill)
	plain = binary.BigEndian.AppendUint64(plain, uint64(until.UnixMilli()))
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(subject)))
	plain = append(plain, subject...)
	plain = append(plain, make([]byte, (linkFill-len(plain)%linkFill)%linkFill)...)
	return string(k.links.Seal([]byte{linkVersion}, nil, plain, Frame(nil, "link", purpose)))
}

// OpenLink gives back what SealLink took, and the key that sealed it. It reports false for anything that no key of the ring
// sealed for the purpose.
func (r *StatelessRing) OpenLink(purpose, sealed string) (subject string, until time.Time, key StatelessKey, ok bool) {
	if len(sealed) == 0 || sealed[0] != linkVersion {
		return "", time.Time{}, StatelessKey{}, false
	}
	for _, k := range r.Keys {
		plain, err := k.links.Open(nil, nil, []byte(sealed[1:]), Frame(nil, "link", purpose))
		if err != nil || len(plain) < linkHead {
			continue
		}
		until := time.UnixMilli(int64(binary.BigEndian.Uint64(plain))).UTC()
		size := int(binary.BigEndian.Uint16(plain[8:]))
		if plain = plain[linkHead:]; size <= len(plain) {
			return string(plain[:size]), until, k, true
		}
	}
	return "", time.Time{}, StatelessKey{}, false
}
