package onetimehttp

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
)

// A Sent is what Start answers to programs.
type Sent struct {
	// CodeExpiresIn and ExpiresIn are how long the code and the link are good for, ResendIn is when the next one can be
	// sent, in seconds. Zero: no code, no link, at once.
	CodeExpiresIn int `json:"code_expires_in,omitempty"`
	ExpiresIn     int `json:"expires_in,omitempty"`
	ResendIn      int `json:"resend_in"`
}

// Start returns the handler that takes an address. GET shows a form. POST takes the field "address" of a form or of JSON, and
// "nonce", which a form brings, so that a second sending of the same form sends no second message. It issues what
// Config.Secrets says, bound to a cookie of this browser for this address, and leads to the page of Verify, or answers with a
// Sent. People who are not known are answered alike in all that can be seen: body, status, headers, limits and time. Nothing
// of the delivery shows either. While a send limit is empty the answer is 429 with Retry-After, and the page says that a
// message was already sent.
func (f *Flow) Start() http.Handler { return f.Protect(http.HandlerFunc(f.start)) }

func (f *Flow) start(w http.ResponseWriter, r *http.Request) {
	s, err := f.session(r)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		f.showStart(w, r, s)
	case http.MethodPost:
		f.ask(w, r, s)
	default:
		f.notAllowed(w, r)
	}
}

// noted is the query of a page that has a note to show. Without it the note is not shown: it is of something that is over.
const noted = "note"

// showStart shows the form, and lays a binding ready before the first POST: of two that a double click sends, the browser
// keeps the answer to the second only.
func (f *Flow) showStart(w http.ResponseWriter, r *http.Request, s *session) {
	page := f.page(r, s)
	t := told{status: http.StatusOK}
	query := r.URL.Query()
	switch {
	case !query.Has(noted):
		if e, ok := s.at(query.Get("entry")); ok && query.Has("entry") && !e.subject {
			page.Address = e.address // to be changed
		}
		page.SignedIn = f.signedIn(r) != ""
	case s.ready.note.page == onStart:
		page.Address = strings.ToValidUTF8(s.ready.address, "")
		t = s.ready.note.told(s.now)
	default:
		t = tell(errNoCookie)
	}
	s.lay(w)
	f.showTold(w, "start", page, t)
}

// ask takes an address.
func (f *Flow) ask(w http.ResponseWriter, r *http.Request, s *session) {
	if err := limited(f.config.Limiter, r); err != nil {
		f.failStart(w, r, s, "", err)
		return
	}
	in, err := read(w, r)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	to, err := f.person(r, s, in.Address)
	if err != nil {
		typed := to.typed
		if typed == "" {
			typed = in.Address
		}
		f.failStart(w, r, s, typed, err)
		return
	}
	e, known := s.of(to.typed)
	if !known {
		e = s.fresh(to.typed)
	}
	// A first message needs no group, which would cost strangers' requests 64 bytes more: the send limit refuses a second
	// sending of its form, see throttled.
	var again []onetime.IssueOption
	if known {
		again = append(again, onetime.Idempotent(formNonce(in.Nonce)))
	}
	made, err := f.issue(r, to, e, again)
	if err != nil && !errors.Is(err, onetime.ErrThrottled) {
		f.failStart(w, r, s, to.typed, f.judged(r.Context(), err))
		return
	}
	laid := !known && e.binding == s.ready.binding
	if laid {
		s.renew(w, "", note{})
	}
	e.known = to.known
	if err != nil {
		f.throttled(w, r, s, to, e, laid, err)
		return
	}
	if e.done {
		e.issues, e.sends = nil, 0
	}
	e.issued(made.id, s.now, made.Sent)
	if e.again() {
		e.note.text = "again"
	}
	s.keep(w, e)
	if wantsJSON(r) {
		body, _ := json.Marshal(made.Sent) // numbers
		answer(w, http.StatusOK, "application/json", append(body, '\n'))
	} else {
		f.lead(w, r, f.codePath(e))
	}
	if made.repeated {
		return // the first sending has seen to the message
	}
	// Whoever asked has the answer before anything of the delivery can be felt.
	http.NewResponseController(w).Flush()
	f.deliver(r.Context(), to, made)
}

// doubleClick is how long two sendings of one form lie apart at most.
const doubleClick = 10 * time.Second

// throttled answers while a send limit is empty. The browser learns what is pending: of two forms it may have heard one answer
// only. What other browsers asked for is among it, and is of no use to this one: so it never counts as sent by this browser,
// which could end it by ForgetAll. A form that came with the binding that was laid ready for it, and a moment after a message
// was sent, is taken for the second half of a double click, and hears no word of a limit.
func (f *Flow) throttled(w http.ResponseWriter, r *http.Request, s *session, to person, e entry, laid bool, err error) {
	t := tell(err)
	status, _ := to.manager.Status(r.Context(), to.subject) // without it there is less to tell
	e.add(status.Pending)
	t.text = "already"
	e.refused(s.now, t.wait)
	if !laid || len(status.Pending) == 0 || s.now.Sub(status.Pending[0].IssuedAt).Abs() > doubleClick {
		e.note = t.note(s.now)
	}
	s.keep(w, e)
	if wantsJSON(r) {
		f.problem(r, t).write(w)
		return
	}
	f.lead(w, r, f.codePath(e))
}

// failStart shows an error on the form that was filled in.
func (f *Flow) failStart(w http.ResponseWriter, r *http.Request, s *session, typed string, err error) {
	if wantsJSON(r) {
		f.problem(r, tell(err)).write(w)
		return
	}
	n := tell(err).note(s.now)
	n.page = onStart
	s.tell(w, typed, n)
	f.lead(w, r, f.config.Paths.Start+"?"+noted+"=1")
}

// An issued is what was issued, as a message and as an answer. A decoy's message has no secrets.
type issued struct {
	Sent
	kind, id string
	repeated bool
	message  Message
}

func (f *Flow) issue(r *http.Request, to person, e entry, opts []onetime.IssueOption) (issued, error) {
	ctx := r.Context()
	opts = append(opts, e.bound(), core.RequestOfIssue.(onetime.IssueOption), to.browser, to.since)
	if !to.found {
		opts = append(opts, onetime.AsDecoy())
	}
	made := issued{kind: "link", message: f.message(r, time.Now())}
	var resendIn time.Duration
	if f.config.Secrets == CodeOnly {
		otp, err := to.manager.IssueOTP(ctx, to.subject, opts...)
		if err != nil {
			return issued{}, err
		}
		made.kind, made.id, made.repeated, resendIn = "otp", otp.ID, otp.Repeated, otp.ResendIn
		made.message.Code, made.message.CodeExpiresIn = otp.Code, otp.ExpiresIn
	} else {
		opts = append(opts, onetime.WithPayload(to.payload()))
		if f.config.Secrets == LinkAndCode {
			opts = append(opts, onetime.WithCode())
		}
		link, err := to.manager.IssueLink(ctx, to.subject, opts...)
		if err != nil {
			return issued{}, err
		}
		made.id, made.repeated, resendIn = link.ID, link.Repeated, link.ResendIn
		made.message.URL, made.message.ExpiresIn = link.URL, link.ExpiresIn
		made.message.Code, made.message.CodeExpiresIn = link.Code, link.CodeExpiresIn
	}
	made.message.ID = made.id
	made.Sent = Sent{seconds(made.message.CodeExpiresIn), seconds(made.message.ExpiresIn), seconds(resendIn)}
	return made, nil
}

// nonceSize is that of the nonce of a form: 128 random bits.
const nonceSize = 16

func newNonce() string {
	raw := make([]byte, nonceSize)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// formNonce returns the nonce that a form brought, and a new one if it brought none: it is then a form of its own.
func formNonce(brought string) string {
	if raw, err := base64.RawURLEncoding.DecodeString(brought); err != nil || len(raw) != nonceSize {
		return newNonce()
	}
	return brought
}

func (f *Flow) notAllowed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET, HEAD, POST")
	f.fail(w, r, errMethod)
}
