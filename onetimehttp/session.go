package onetimehttp

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FlowHeader is where a program without a cookie jar keeps its session: it sends "new" at first, and then what the last answer
// brought in the header of this name, for the next sign-in, too: a full stop and what makes the program known (see
// [onetime.WithKnownBrowser]) stand behind the session once it has signed in. A request that brings both the header and a cookie
// of a session is refused: a form that another site made could bring the one, and script the other.
const FlowHeader = "Onetime-Flow"

// newSession is what FlowHeader says where there is none yet.
const newSession = "new"

// A session is what a request brings of its browser: an entry for each address, and a binding that lies ready.
type session struct {
	flow    *Flow
	now     time.Time
	native  bool   // it is in FlowHeader
	browser string // credentials that make the browser known
	ready   entry
	entries []entry // of slots 1 to 5, those that are live
}

// session reads the cookies of a request, or its FlowHeader. What this package did not make, or what has expired, is as good
// as none.
func (f *Flow) session(r *http.Request) (*session, error) {
	s := &session{flow: f, now: f.now()}
	value := r.Header.Values(FlowHeader)
	s.native = len(value) > 0
	for slot := range maxAddresses + 1 {
		c, err := r.Cookie(f.cookieName(slot))
		if err != nil {
			continue
		}
		if s.native {
			return s, errTwoSessions
		}
		e, ok := f.open(c.Value, s.now)
		switch {
		case !ok:
		case slot == 0:
			s.ready = e
		case slot <= f.addresses:
			e.slot = slot
			s.entries = append(s.entries, e)
		}
	}
	if !s.native {
		if c, err := r.Cookie(f.browser.Name); err == nil {
			s.browser = credentials(c.Value)
		}
		return s, nil
	}
	sealed, shown, _ := strings.Cut(value[0], ".")
	s.browser = credentials(shown)
	if e, ok := f.open(sealed, s.now); ok { // newSession is none
		e.slot = 1
		s.entries = append(s.entries, e)
	}
	return s, nil
}

func (f *Flow) open(value string, now time.Time) (entry, bool) {
	plain, ok := f.inside.Ring.OpenSession(f.inside.Purpose, value)
	if !ok {
		return entry{}, false
	}
	e, ok := readEntry(plain)
	return e, ok && now.Unix() < e.expires
}

// now is the local clock.
func (f *Flow) now() time.Time { return f.inside.Now() }

// cookieName is that of a slot. Safari drops Secure cookies on http://localhost.
func (f *Flow) cookieName(slot int) string {
	return f.cookie.Name + strconv.Itoa(slot)
}

// hostCookie is one that this host alone sets and gets.
func hostCookie(https bool, name string) http.Cookie {
	c := http.Cookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if https {
		c.Name, c.Secure = "__Host-"+c.Name, true
	}
	return c
}

// of returns the entry of an address.
func (s *session) of(address string) (entry, bool) {
	return s.find(func(e entry) bool { return e.address == address && !e.subject })
}

func (s *session) find(is func(entry) bool) (entry, bool) {
	if at := slices.IndexFunc(s.entries, is); at >= 0 {
		return s.entries[at], true
	}
	return entry{}, false
}

// newest returns the entry that was asked for last, of those that wait if there is one.
func (s *session) newest() (entry, bool) {
	if len(s.entries) == 0 {
		return entry{}, false
	}
	return slices.MaxFunc(s.entries, func(a, b entry) int {
		switch {
		case a.done != b.done && a.done:
			return -1
		case a.done != b.done:
			return 1
		}
		return int(a.asked - b.asked)
	}), true
}

// at returns the entry of a slot, as a query names it, or else the newest.
func (s *session) at(slot string) (entry, bool) {
	if e, ok := s.find(func(e entry) bool { return strconv.Itoa(e.slot) == slot && !e.subject }); ok {
		return e, true
	}
	return s.newest()
}

// holding returns the entry that a token is of: one whose binding it was issued with, or one in which it was used.
func (s *session) holding(token string) (entry, bool) {
	ring := s.flow.inside.Ring
	c, _, _, err := ring.ReadToken(s.flow.inside.Purpose, token)
	if err != nil {
		return entry{}, false
	}
	return s.find(func(e entry) bool { return ring.BindingTag(c.Purpose, c.Tag, e.binding) == c.Binding })
}

// usedBy returns the entry in which a token was used.
func (s *session) usedBy(token string) (entry, bool) {
	return s.find(func(e entry) bool { return e.done && e.used == digestOf(token) })
}

func digestOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return string(sum[:usedSize])
}

// fresh returns an entry for an address that has none. It takes the binding that lies ready, so that both halves of a double
// click share it, and its slot depends on the address: two tabs that ask for two addresses at the same time mostly take two.
func (s *session) fresh(address string) entry {
	e := entry{binding: s.ready.binding, address: address}
	if e.binding == "" {
		e.binding = newBinding()
	}
	sum := sha256.Sum256([]byte(address))
	first := int(sum[0]) % s.flow.addresses
	for i := range s.flow.addresses {
		slot := 1 + (first+i)%s.flow.addresses
		if _, taken := s.find(func(e entry) bool { return e.slot == slot }); !taken {
			e.slot = slot
			return e
		}
	}
	e.slot = slices.MinFunc(s.entries, func(a, b entry) int { return int(a.expires - b.expires) }).slot // the oldest
	return e
}

// keep lets the answer set an entry.
func (s *session) keep(w http.ResponseWriter, e entry) {
	value := s.flow.inside.Ring.SealSession(s.flow.inside.Purpose, e.append(nil))
	if s.native {
		if e.slot != 0 {
			s.carry(w, value)
		}
		return
	}
	s.set(w, e.slot, value, int(e.expires-s.now.Unix()))
}

// drop lets the answer end an entry.
func (s *session) drop(w http.ResponseWriter, e entry) {
	if s.native {
		s.carry(w, newSession)
		return
	}
	s.set(w, e.slot, "", -1)
}

// carry lets the answer bring a session in FlowHeader.
func (s *session) carry(w http.ResponseWriter, sealed string) {
	if s.browser != "" {
		sealed += "." + s.browser
	}
	w.Header().Set(FlowHeader, sealed)
}

func (s *session) set(w http.ResponseWriter, slot int, value string, maxAge int) {
	c := s.flow.cookie
	c.Name, c.Value, c.MaxAge = s.flow.cookieName(slot), value, maxAge
	setCookie(w, c)
}

// setCookie replaces what the answer has said of the same cookie before.
func setCookie(w http.ResponseWriter, c http.Cookie) {
	h := w.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, c.Name+"=") })
	http.SetCookie(w, &c)
}

// lay lays a binding ready, unless one lies there.
func (s *session) lay(w http.ResponseWriter) {
	if s.ready.binding == "" {
		s.renew(w, "", note{})
	}
}

// renew lays another binding ready, since the one before was taken. typed is to be mended, and n told.
func (s *session) renew(w http.ResponseWriter, typed string, n note) {
	s.ready = entry{binding: newBinding(), address: cut(typed, maxTyped), note: n, expires: s.now.Add(readyFor).Unix()}
	s.keep(w, s.ready)
}

// tell keeps a note beside the binding that lies ready.
func (s *session) tell(w http.ResponseWriter, typed string, n note) {
	if s.ready.binding == "" {
		s.renew(w, typed, n)
		return
	}
	s.ready.address, s.ready.note, s.ready.expires = cut(typed, maxTyped), n, s.now.Add(readyFor).Unix()
	s.keep(w, s.ready)
}
