package keyring

import (
	"crypto/hmac"
	"encoding/binary"
	"strings"
	"time"
)

// What a browser credential is made of: version, seconds since 1970, MAC. It has 28 characters.
const (
	browserVersion = 1
	browserHead    = 1 + 4
	browserSize    = browserHead + tagSize

	// maxBrowsers is how many credentials of a list count.
	maxBrowsers = 4
	// browserSkew is how far ahead another instance's clock may be.
	browserSkew = 5 * time.Minute
)

// BrowserCredential returns what a browser shows that proved once that it is the subject's. It stands under the naming key, so
// that it survives rotations of the ring.
func (r *Ring) BrowserCredential(subject string, at time.Time) string {
	credential := binary.BigEndian.AppendUint32([]byte{browserVersion}, uint32(at.Unix()))
	return Encoding.EncodeToString(append(credential, r.browserMAC(subject, credential)...))
}

// KnowsBrowser reports whether one of the credentials is of the subject, and as old as from since to now, with a skew ahead.
func (r *Ring) KnowsBrowser(subject, credentials string, since, now time.Time) bool {
	known := false
	for _, raw := range readBrowsers(credentials) {
		// What is wrong with a time is found after the MAC, so that whoever shows a credential learns nothing by how long it takes.
		mine, at := r.isBrowserOf(subject, raw), time.Unix(int64(binary.BigEndian.Uint32(raw[1:])), 0)
		if mine && !at.Before(since) && !at.After(now.Add(browserSkew)) {
			known = true
		}
	}
	return known
}

// AddBrowser puts a credential of the subject in front of the others, whose own it replaces. The last of too many goes.
func (r *Ring) AddBrowser(subject, credential, others string) string {
	kept := []string{credential}
	for _, raw := range readBrowsers(others) {
		if !r.isBrowserOf(subject, raw) && len(kept) < maxBrowsers {
			kept = append(kept, Encoding.EncodeToString(raw))
		}
	}
	return strings.Join(kept, ".")
}

// readBrowsers returns the first of a list that have the form of credentials.
func readBrowsers(credentials string) (all [][]byte) {
	for _, credential := range strings.SplitN(credentials, ".", maxBrowsers+1) {
		if len(credential) != Encoding.EncodedLen(browserSize) || len(all) == maxBrowsers {
			continue
		}
		raw, err := Encoding.DecodeString(credential)
		if err == nil && len(raw) == browserSize && raw[0] == browserVersion { // the decoder skips line breaks
			all = append(all, raw)
		}
	}
	return all
}

func (r *Ring) isBrowserOf(subject string, raw []byte) bool {
	return hmac.Equal(raw[browserHead:], []byte(r.browserMAC(subject, raw[:browserHead])))
}

func (r *Ring) browserMAC(subject string, head []byte) string {
	return r.naming.sum(tagSize, "browser", subject, string(head))
}
