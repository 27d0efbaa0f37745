package stateless

import (
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/link"
)

// maxToken is how many characters a token has at most: that of a subject of 512 bytes.
const maxToken = 768

// Link returns a link to a page of yours, with a token as its query parameter "token", to be delivered to the subject. The
// base is as in WithLinkBase of package onetime: https (http on localhost), at most 2000 bytes, and from configuration, never
// from a request's Host header. The link lives 10 s to 30 days. No address can be read from it. Rotate the key before it has
// sealed 2^32 links. The error is [ErrInvalid].
//
// Mail scanners open links: let the page show a form, and only what that form posts act on [Manager.OpenLink].
func (m *Manager) Link(base, purpose, subject string, ttl time.Duration) (string, error) {
	head, tail, err := link.SplitBase("stateless: Link", base)
	if err != nil {
		return "", err
	}
	if ttl < minTTL || ttl > maxLinkTTL {
		return "", invalid("Link: a life of %s: want %s to %s", ttl, minTTL, maxLinkTTL)
	}
	own, err := m.own(purpose, subject)
	if err != nil {
		return "", err
	}
	sealed := m.ring.Keys[0].SealLink(purpose, own, m.now().Add(ttl))
	return head + keyring.Encoding.EncodeToString([]byte(sealed)) + tail, nil
}

// OpenLink takes the token of a [Manager.Link]. nil means that a key of the Manager made it for the purpose, and that it has
// not expired: whoever shows it was sent it, or was told by whoever was. It answers the same as often as it is asked. Otherwise
// the error is [ErrMalformed], [ErrMismatch] or, where it expired, [ErrNotFound]; or [ErrInvalid] for a purpose that is none.
func (m *Manager) OpenLink(purpose, token string) (Proof, error) {
	if _, err := m.own(purpose, "x"); err != nil {
		return Proof{}, err
	}
	if len(token) > maxToken {
		return Proof{}, ErrMalformed
	}
	raw, err := keyring.Encoding.DecodeString(token)
	if err != nil || len(raw) == 0 || keyring.Encoding.EncodeToString(raw) != token { // the decoder skips line breaks
		return Proof{}, ErrMalformed
	}
	subject, until, key, ok := m.ring.OpenLink(purpose, string(raw))
	if !ok {
		return Proof{}, ErrMismatch
	}
	if !m.now().Before(until) {
		return Proof{}, ErrNotFound
	}
	id := keyring.Encoding.EncodeToString([]byte(key.LinkUse(string(raw))))
	return Proof{Subject: subject, Purpose: purpose, ID: id, Until: until}, nil
}
