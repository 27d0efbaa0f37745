package onetimehttp

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// An entry is what a browser keeps of one address that it asked for, sealed in a cookie of its own. Nothing of it decides:
// attempts, limits and uses are in Redis, so that a copy of an entry wins no more than the browser had.
type entry struct {
	slot    int // which cookie it is of; 0 is the binding that is laid ready
	binding string
	// address is what was typed, in its one spelling. Where a link was used that another browser had asked for it is the subject,
	// and subject is true. In slot 0 it is what was typed and is to be mended.
	address string
	subject bool
	// issues are the ids of what it asked for, the newest first. A code verifies only under the request of its issue.
	issues []string
	sends  int   // how many messages were sent, up to 255
	asked  int64 // when the last message was asked for
	// Until when the code and the link of the last message are good, and from when on another one can be sent; 0: none, at once.
	codeUntil, linkUntil, resendAt int64
	expires                        int64 // of the entry
	done                           bool  // it signed in
	known                          bool  // the browser was known to the person when it asked last
	used                           string
	note                           note
}

// Times of entries are in seconds since 1970.
const (
	bindingSize = 16 // bytes: 128 random bits
	usedSize    = 12 // of the digest of a token that was used

	// afterwards is how long an entry tells that what it stood for has expired.
	afterwards = time.Hour
	// repeats is how long a form can be sent again: what onetime.Idempotent promises.
	repeats = 60 * time.Second
	// readyFor is how long a binding that is laid ready is kept.
	readyFor = 24 * time.Hour

	// maxIssues is how many requests VerifyOTP takes: as many codes of a challenge as can be live.
	maxIssues = 5
)

func newBinding() string {
	raw := make([]byte, bindingSize)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// bound is the binding as an option.
func (e entry) bound() onetime.CallOption { return onetime.WithBinding(e.binding) }

// issued notes an issue.
func (e *entry) issued(id string, now time.Time, made Sent) {
	raw, _ := keyring.Encoding.DecodeString(id) // the Manager made it
	if len(e.issues) == 0 || e.issues[0] != string(raw) {
		e.issues, e.sends = slices.Insert(e.issues, 0, string(raw)), min(e.sends+1, 255)
	}
	e.issues = e.issues[:min(len(e.issues), maxIssues)]
	until := func(in int) int64 {
		if in == 0 {
			return 0
		}
		return now.Unix() + int64(in)
	}
	e.asked, e.codeUntil, e.linkUntil, e.resendAt = now.Unix(), until(made.CodeExpiresIn), until(made.ExpiresIn), until(made.ResendIn)
	e.expires = max(e.codeUntil, e.linkUntil) + int64(afterwards.Seconds())
	e.done, e.used, e.note = false, "", note{}
}

// refused notes that no message can be sent before some time has passed.
func (e *entry) refused(now time.Time, wait time.Duration) {
	e.resendAt = now.Unix() + int64(seconds(wait))
	e.expires = max(e.expires, e.resendAt+int64(afterwards.Seconds()))
	e.done, e.used = false, ""
	if e.asked == 0 {
		e.asked = now.Unix()
	}
}

// add notes issues that are pending, behind those that are known.
func (e *entry) add(pending []onetime.Pending) {
	for _, p := range pending {
		raw, _ := keyring.Encoding.DecodeString(p.ID)
		if len(e.issues) < maxIssues && !slices.Contains(e.issues, string(raw)) {
			e.issues = append(e.issues, string(raw))
		}
	}
}

// again reports whether more than one message was asked for: of those only the newest works.
func (e entry) again() bool { return e.sends > 1 }

// id returns the id of the newest issue, "" if there is none.
func (e entry) id() string {
	if len(e.issues) == 0 {
		return ""
	}
	return keyring.Encoding.EncodeToString([]byte(e.issues[0]))
}

// requests says of which issues a code may be: always of some, so that Redis hears of no code without one.
func (e entry) requests(p person) onetime.VerifyOption {
	inside := core.Of(p.manager)
	_, challenge, err := inside.Challenge(p.subject, e.binding)
	if err != nil || len(e.issues) == 0 { // a subject that the Manager does not take is refused by the call that follows
		return onetime.WithRequest(keyring.NoRequest)
	}
	all := make([]string, len(e.issues))
	for i, id := range e.issues {
		all[i] = inside.Ring.Request(challenge, id)
	}
	return onetime.WithRequest(all...)
}

// finished returns the entry after a success: it is kept as long as the form can be sent again.
func (e entry) finished(now time.Time) entry {
	e.done, e.expires, e.note = true, now.Add(repeats).Unix(), note{}
	return e
}

const entryVersion = 1

// noIssue fills the place of an id.
var noIssue = string(make([]byte, keyring.IDSize))

// append adds the entry in its binary form.
func (e entry) append(to []byte) []byte {
	var flags byte
	if e.done {
		flags |= 1
	}
	if e.subject {
		flags |= 2
	}
	if e.known {
		flags |= 4
	}
	raw, _ := base64.RawURLEncoding.DecodeString(e.binding)
	to = append(to, entryVersion, flags)
	to = append(append(to, raw...), byte(e.sends))
	ids := make([]byte, maxIssues*keyring.IDSize) // as long for any number: what is pending elsewhere must not show
	copy(ids, strings.Join(e.issues, ""))
	to = append(to, ids...)
	for _, at := range []int64{e.asked, e.codeUntil, e.linkUntil, e.resendAt, e.expires} {
		to = binary.BigEndian.AppendUint32(to, uint32(at)) // until 2106
	}
	to = appendText(appendText(to, e.used), e.address)
	return e.note.append(to)
}

// appendText adds a text of at most 65,535 bytes, led by its length.
func appendText(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...)
}

// A reader takes apart what append made. What is too short makes it fail.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed = r.failed || len(r.rest) < n; r.failed {
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) text() string { return string(r.take(int(binary.BigEndian.Uint16(r.take(2))))) }

func (r *reader) time() int64 { return int64(binary.BigEndian.Uint32(r.take(4))) }

// readEntry undoes append.
func readEntry(plain []byte) (e entry, ok bool) {
	r := &reader{rest: plain}
	if version := r.take(1)[0]; version != entryVersion {
		return entry{}, false
	}
	flags := r.take(1)[0]
	e.done, e.subject, e.known = flags&1 != 0, flags&2 != 0, flags&4 != 0
	e.binding = base64.RawURLEncoding.EncodeToString(r.take(bindingSize))
	e.sends = int(r.take(1)[0])
	for range maxIssues {
		if id := string(r.take(keyring.IDSize)); id != noIssue {
			e.issues = append(e.issues, id)
		}
	}
	for _, at := range []*int64{&e.asked, &e.codeUntil, &e.linkUntil, &e.resendAt, &e.expires} {
		*at = r.time()
	}
	e.used, e.address = r.text(), r.text()
	e.note = readNote(r)
	return e, !r.failed && len(r.rest) == 0
}
