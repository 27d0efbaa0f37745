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

	// MaxBrowsers is how many credentials of a list count.
	MaxBrowsers = 4
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
	for _, credential := range splitBrowsers(credentials) {
		// What is wrong with a time is found after the MAC, so that whoever shows a credential learns nothing by how long it takes.
		mine, at := r.browserOf(subject, credential)
		if mine && !at.Before(since) && !at.After(now.Add(browserSkew)) {
			known = true
		}
	}
	return known
}

// AddBrowser puts a credential of the subject in front of the others, whose own it replaces. The last of too many goes.
func (r *Ring) AddBrowser(subject, credential, others string) string {
	kept := []string{credential}
	for _, other := range splitBrowsers(others) {
		if mine, _ := r.browserOf(subject, other); !mine && len(kept) < MaxBrowsers {
			kept = append(kept, other)
		}
	}
	return strings.Join(kept, ".")
}

// splitBrowsers returns the first credentials of a list that can be ones.
func splitBrowsers(credentials string) []string {
	var well []string
	for _, credential := range strings.SplitN(credentials, ".", MaxBrowsers+1) {
		if _, ok := readBrowser(credential); ok && len(well) < MaxBrowsers {
			well = append(well, credential)
		}
	}
	return well
}

// browserOf reports whether a credential is the subject's, and when it was made.
func (r *Ring) browserOf(subject, credential string) (mine bool, at time.Time) {
	raw, ok := readBrowser(credential)
	if !ok {
		return false, time.Time{}
	}
	mine = hmac.Equal(raw[browserHead:], []byte(r.browserMAC(subject, raw[:browserHead])))
	return mine, time.Unix(int64(binary.BigEndian.Uint32(raw[1:])), 0)
}

// readBrowser reads what has the form of a credential.
func readBrowser(credential string) (raw []byte, ok bool) {
	if len(credential) != Encoding.EncodedLen(browserSize) {
		return nil, false
	}
	raw, err := Encoding.DecodeString(credential)
	return raw, err == nil && len(raw) == browserSize && raw[0] == browserVersion // the decoder skips line breaks
}

func (r *Ring) browserMAC(subject string, head []byte) string {
	return r.naming.sum(tagSize, "browser", subject, string(head))
}
