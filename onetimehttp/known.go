package onetimehttp

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
)

// maxCredentials is how long what a browser shows can be: four credentials of 28 characters, with a full stop between two.
const maxCredentials = 4*28 + 3

// errKnownSince is a Config.KnownSince that cannot tell: whether the browser is known is then undecided.
var errKnownSince = errors.New("onetimehttp: Config.KnownSince failed")

// browserCookie is the one in which a browser shows that people have signed in with it: one for all purposes.
func browserCookie(https bool, lifetime time.Duration) http.Cookie {
	c := hostCookie(https, "onetime-browser")
	c.MaxAge = int(lifetime.Seconds())
	return c
}

// credentials returns a text that can be what this package let a browser keep; anything else counts as none.
func credentials(text string) string {
	if plain := strings.ReplaceAll(text, ".", ""); len(text) > maxCredentials || tokenAlone(plain) != plain {
		return ""
	}
	return text
}

// remember lets the answer make the browser known to whom it signed in.
func (s *session) remember(w http.ResponseWriter, v onetime.Verification) {
	s.browser = v.BrowserCredentials(s.browser)
	if s.native { // it goes with the session
		return
	}
	c := s.flow.browser
	c.Value = s.browser
	setCookie(w, c)
}

// unknown lets the answer make the browser one that nobody has signed in with.
func (s *session) unknown(w http.ResponseWriter) {
	s.browser = ""
	if s.native {
		s.carry(w, newSession)
		return
	}
	c := s.flow.browser
	c.MaxAge = -1
	setCookie(w, c)
}

// recognized returns whom an address in its one spelling belongs to, and whether the browser is known to them. Config.KnownSince
// is asked only where it shows a credential of theirs, so that how long that takes tells strangers nothing.
func (f *Flow) recognized(r *http.Request, s *session, typed string) (person, error) {
	p, err := f.personOf(r, typed)
	if err != nil {
		return p, err
	}
	p.browser = onetime.WithKnownBrowser(s.browser)
	inside := core.Of(p.manager)
	subject, err := inside.Subject(p.subject)
	if err != nil { // the call that follows refuses it
		return p, nil
	}
	p.known = inside.KnowsBrowser(subject, s.browser, time.Time{})
	if !p.known || f.config.KnownSince == nil {
		return p, nil
	}
	since, err := f.config.KnownSince(r.Context(), p.subject)
	if err != nil {
		f.tell(r.Context(), onetime.Event{Op: "KnownSince", Purpose: f.inside.Purpose, Who: f.who(p.subject), Err: err})
		return p, errKnownSince
	}
	p.since = onetime.KnownSince(since)
	p.known = inside.KnowsBrowser(subject, s.browser, since)
	return p, nil
}

// became returns the state of what an entry waits for. Only a browser that is known to the person learns what happened
// elsewhere: to all others that would tell an account from a decoy. Where it was not known when it asked, nothing is looked up.
// No answer changes nothing: the page can be loaded.
func (f *Flow) became(r *http.Request, s *session, e entry) string {
	if !e.known || e.sends == 0 {
		return stateWaiting
	}
	p, err := f.recognized(r, s, e.address)
	if err != nil || !p.known {
		return stateWaiting
	}
	status, err := p.manager.Status(r.Context(), p.subject)
	if err != nil {
		return stateWaiting
	}
	at := slices.IndexFunc(status.Pending, func(p onetime.Pending) bool { return p.ID == e.id() })
	switch {
	case at < 0:
		return stateEnded
	case status.Pending[at].Used:
		return stateUsed
	}
	return stateWaiting
}
