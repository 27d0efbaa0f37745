package onetimehttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-3f7b73d1/onetime"
)

// Link returns the handler that a link leads to. GET and HEAD use nothing up, however often, since mail scanners open
// links: they show whom the link is for and a form, which never submits itself, since some scanners run script. POST of the
// form, or of JSON with the field "token", uses it, unless WithLinkCheck refuses, and a success goes to Config.OnVerified; so
// does another sending of the form from the same browser within 60 s.
//
// With the cookie of the browser that asked, POST suffices. In another browser the person is asked first, as
// Config.OtherBrowser says: the form then has the field "here" (JSON: true), and without it POST changes nothing.
// Else a stranger's link would sign people in to the stranger's account (login CSRF).
func (f *Flow) Link() http.Handler { return f.Protect(http.HandlerFunc(f.link)) }

func (f *Flow) link(w http.ResponseWriter, r *http.Request) {
	s, err := f.session(r)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		f.showLink(w, r, s, TokenOf(r.URL))
	case http.MethodPost:
		f.submit(w, r, s)
	default:
		f.notAllowed(w, r)
	}
}

// TokenOf returns the token of a link as it was opened, for pages of yours that links of onetime lead to: the query "token",
// without what programs that find links in text take along behind it, such as a full stop or a bracket; "" if there is none.
func TokenOf(u *url.URL) string {
	// What is behind it may be no part of any query: net/url leaves out a parameter with a semicolon or half an escape.
	if token := u.Query().Get("token"); token != "" {
		return tokenAlone(token)
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if token, ok := strings.CutPrefix(pair, "token="); ok {
			return tokenAlone(token)
		}
	}
	return ""
}

// tokenAlone returns what a text begins with that can be a token: base64url (RFC 4648, 5), which no punctuation, bracket or blank
// behind it is.
func tokenAlone(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
	if end < 0 {
		return text
	}
	return text[:end]
}

// linkPath is where the page of a token is.
func (f *Flow) linkPath(token string, note bool) string {
	query := url.Values{"token": {token}}
	if note {
		query.Set(noted, "1")
	}
	return f.config.Paths.Link + "?" + query.Encode()
}

// showLink shows what a link would do.
func (f *Flow) showLink(w http.ResponseWriter, r *http.Request, s *session, token string) {
	s.lay(w)
	holder, held := s.holding(token)
	v, err := f.inspect(r, holder, held, token)
	other := errors.Is(err, onetime.ErrBinding)
	if other { // a link that no longer works is said to be so in any browser
		refused := err
		v, err = f.manager.InspectToken(r.Context(), token, onetime.IgnoreBinding())
		if err == nil && !f.asks(r.Context(), v) {
			err = refused
		}
	}
	if err != nil {
		f.failLink(w, r, s, token, err)
		return
	}
	page := f.page(r, s)
	page.Account, page.Token, page.OtherBrowser = f.account(r.Context(), whole(v)), token, other
	if wantsJSON(r) {
		body, _ := json.Marshal(Opened{page.Account, other}) // strings and a bool
		answer(w, http.StatusOK, "application/json", append(body, '\n'))
		return
	}
	t := told{status: http.StatusOK}
	if r.URL.Query().Has(noted) && s.ready.note.page == onLink {
		t = s.ready.note.told(s.now)
	}
	f.showTold(w, "link", page, t)
}

func (f *Flow) inspect(r *http.Request, holder entry, held bool, token string) (onetime.Verification, error) {
	v, err := f.manager.InspectToken(r.Context(), token, bindings(holder, held)...)
	if held && err != nil {
		err = holder.statedLink(err, f.now().Unix())
	}
	return v, err
}

func bindings(holder entry, held bool) []onetime.VerifyOption {
	if !held {
		return nil
	}
	return []onetime.VerifyOption{holder.bound()}
}

// statedLink says more of a link that is gone than Redis does, by what the entry knows itself.
func (e entry) statedLink(err error, now int64) error {
	switch {
	case !errors.Is(err, onetime.ErrNotFound):
	case e.linkUntil > 0 && now >= e.linkUntil:
		return &statedError{err, "error.expired"}
	case e.again():
		return &statedError{err, "error.replaced"}
	}
	return err
}

// failLink shows why a link does not work. One that was used in this browser leads on.
func (f *Flow) failLink(w http.ResponseWriter, r *http.Request, s *session, token string, err error) {
	if (errors.Is(err, onetime.ErrUsed) || errors.Is(err, onetime.ErrNotFound)) && !wantsJSON(r) {
		page := f.page(r, s)
		if f.usedHere(s, token) {
			page.Note = page.T("done.used")
			if errors.Is(err, onetime.ErrUsed) { // else what followed from the use has ended its repeats
				page.Token = token
			}
			f.show(w, http.StatusOK, "done", page)
			return
		}
		if subject := f.signedIn(r); subject != "" {
			_, err := f.manager.InspectToken(r.Context(), token, onetime.WithSubject(subject), onetime.IgnoreBinding())
			if errors.Is(err, onetime.ErrUsed) {
				page.Note = page.T("done.already")
				f.show(w, http.StatusOK, "done", page)
				return
			}
		}
	}
	if n := s.ready.note; n.page == onLink && r.URL.Query().Has(noted) && r.Method != http.MethodPost {
		f.showTold(w, "error", f.page(r, s), n.told(s.now)) // it knows more
		return
	}
	f.fail(w, r, err)
}

// usedHere reports whether this browser used the link less than 60 s ago, by itself or by its code.
func (f *Flow) usedHere(s *session, token string) bool {
	if _, ok := s.usedBy(token); ok {
		return true
	}
	holder, ok := s.holding(token)
	return ok && holder.done
}

// submit takes the form of a link.
func (f *Flow) submit(w http.ResponseWriter, r *http.Request, s *session) {
	in, err := read(w, r)
	if err == nil {
		err = f.use(w, r, s, in)
	}
	if err == nil {
		return
	}
	if wantsJSON(r) || in.Token == "" {
		f.fail(w, r, err)
		return
	}
	t := tell(err)
	if t.status < http.StatusInternalServerError && t.text != "error.check" {
		f.lead(w, r, f.linkPath(in.Token, false)) // which says why
		return
	}
	n := t.note(s.now)
	n.page = onLink
	s.tell(w, "", n)
	f.lead(w, r, f.linkPath(in.Token, true))
}

// use lets a link do what it is for. nil means that it did, and that the request was answered.
func (f *Flow) use(w http.ResponseWriter, r *http.Request, s *session, in input) error {
	e, held := s.holding(in.Token)
	opts := bindings(e, held)
	if !held {
		if in.Here {
			v, err := f.manager.InspectToken(r.Context(), in.Token, onetime.IgnoreBinding())
			if errors.Is(err, onetime.ErrUsed) || err == nil && f.asks(r.Context(), v) { // what was used may be repeated
				opts = []onetime.VerifyOption{onetime.IgnoreBinding()}
			}
		}
		if e, held = s.usedBy(in.Token); !held {
			e = s.fresh("")
		}
	}
	if f.check != nil && !f.usedHere(s, in.Token) {
		v, err := f.manager.InspectToken(r.Context(), in.Token, opts...)
		if err == nil {
			err = f.check(r, whole(v))
		}
		if err != nil && !errors.Is(err, onetime.ErrUsed) { // perhaps by the first half of a double click, whose answer nobody heard
			return err
		}
	}
	ctx, done := untilDecided(r)
	defer done()
	v, err := f.manager.VerifyToken(ctx, in.Token, append(opts, onetime.Idempotent(e.binding))...)
	if err != nil {
		return err
	}
	if !held {
		e.address, e.subject = v.Subject, true
		s.renew(w, "", note{})
	}
	e.used = digestOf(in.Token)
	return f.verified(w, r, s, e, v)
}

// asks reports whether somebody who opens a link in another browser is asked, rather than refused. By default that is so
// where there is no code to type in the browser that asked: none was sent, or it cannot be tried now. Else whoever locks the
// codes of an account would lock its links, too.
func (f *Flow) asks(ctx context.Context, v onetime.Verification) bool {
	switch {
	case f.config.OtherBrowser != OtherBrowserDefault:
		return f.config.OtherBrowser == AskOtherBrowser
	case f.config.Secrets != LinkAndCode:
		return true
	}
	status, err := f.manager.Status(ctx, v.Subject)
	if err != nil {
		return false
	}
	at := slices.IndexFunc(status.Pending, func(p onetime.Pending) bool { return p.ID == v.ID })
	locked := func(l onetime.Locks) bool { return l.Disabled || l.GuessIn > 0 }
	return locked(status.Locks) || locked(status.Known) || at < 0 || !status.Pending[at].Code || status.Pending[at].AttemptsLeft == 0
}

// A Refusal is what a function of WithLinkCheck has against a request, in words for the person, of which 254 bytes are shown.
type Refusal string

// Error returns the words.
func (r Refusal) Error() string { return string(r) }

// An Opened is what Link answers to programs that GET it.
type Opened struct {
	// Account is whom the link is for, masked.
	Account string `json:"account"`
	// OtherBrowser says that another browser asked for it.
	OtherBrowser bool `json:"other_browser"`
}
