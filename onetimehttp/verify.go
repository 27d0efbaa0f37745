package onetimehttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// Verify returns the handler of the page on which a code is typed. GET shows it, as often as somebody comes back, with where
// the message went and when the next one can be sent; programs get a Waiting. It asks nothing of Redis, but for a
// browser that is known to the person. The query "entry" says which address it is for where the browser asked for several.
// Without a session it leads to Start.
//
// POST takes the fields "address" and "code" of a form or of JSON, where a code is a string; it needs the cookie that Start
// has set for the address. Config.VerifyLimiter is asked first; what it refuses is 429 with Retry-After. A success goes to
// Config.OnVerified, and so does another sending of the same code from the same browser within 60 s: see
// [onetime.Verification].Repeated.
func (f *Flow) Verify() http.Handler { return f.Protect(http.HandlerFunc(f.verify)) }

func (f *Flow) verify(w http.ResponseWriter, r *http.Request) {
	s, err := f.session(r)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		f.showCode(w, r, s)
	case http.MethodPost:
		f.try(w, r, s)
	default:
		f.notAllowed(w, r)
	}
}

// codePath is where the page of an entry is.
func (f *Flow) codePath(e entry) string {
	return f.config.Paths.Verify + "?entry=" + strconv.Itoa(e.slot)
}

// A Waiting is what Verify answers to programs that GET it: what a browser has asked for.
type Waiting struct {
	// State is "waiting" while the code or the link is good, as far as this browser knows, "expired" after that, "signed-in"
	// for 60 s after it has signed in here. What becomes of the message elsewhere would tell who has an account: only a browser
	// that was known to the person when it asked, and still is, learns that it was "used" in another one, or "ended": revoked, say.
	State string `json:"state"`
	// Sent is as at the last message, counted from now.
	Sent
	// AttemptsLeft is how many wrong codes can still be tried; nil if none has been tried.
	AttemptsLeft *int `json:"attempts_left,omitempty"`
}

// States of a Waiting.
const (
	stateWaiting  = "waiting"
	stateExpired  = "expired"
	stateSignedIn = "signed-in"
	stateUsed     = "used"
	stateEnded    = "ended"
)

// waiting returns what there is to say of an entry.
func (e entry) waiting(now time.Time) Waiting {
	in := func(until int64) int { return int(max(0, until-now.Unix())) }
	v := Waiting{stateWaiting, Sent{in(e.codeUntil), in(e.linkUntil), in(e.resendAt)}, nil}
	switch {
	case e.done:
		v.State = stateSignedIn
	case e.sends > 0 && v.CodeExpiresIn == 0 && v.ExpiresIn == 0:
		v.State = stateExpired
	}
	if e.note.text == wrongCode || e.note.text == wrongCodeNewest {
		v.AttemptsLeft = &e.note.left
	}
	return v
}

// showCode shows the page of an entry.
func (f *Flow) showCode(w http.ResponseWriter, r *http.Request, s *session) {
	e, ok := s.at(r.URL.Query().Get("entry"))
	switch {
	case !ok && wantsJSON(r):
		f.fail(w, r, errNoCookie)
		return
	case !ok:
		f.lead(w, r, f.config.Paths.Start)
		return
	}
	waiting := e.waiting(s.now)
	if waiting.State == stateWaiting {
		waiting.State = f.became(r, s, e)
	}
	if wantsJSON(r) {
		body, _ := json.Marshal(waiting) // numbers and a word
		answer(w, http.StatusOK, "application/json", append(body, '\n'))
		return
	}
	page := f.page(r, s)
	if e.done {
		page.Note = page.T("done.already")
		f.show(w, http.StatusOK, "done", page)
		return
	}
	page.Address, page.Entry, page.Sent, page.State = e.address, e.slot, waiting.Sent, waiting.State
	t := told{status: http.StatusOK}
	if e.note.text != "" && !e.note.over(s.now) {
		t = e.note.told(s.now)
	}
	over := map[string]string{stateExpired: "error.expired", stateUsed: "code.elsewhere", stateEnded: "error.gone"}[waiting.State]
	if over != "" && slices.Contains([]string{"", "again", wrongCode, wrongCodeNewest}, t.text) { // what was told is over
		t = told{status: http.StatusOK, text: over} // nobody has been refused anything
	}
	name := "code"
	if f.config.Secrets == LinkOnly || e.codeUntil == 0 && e.linkUntil > 0 {
		name = "sent"
	}
	page.Others = f.others(s, e)
	f.showTold(w, name, page, t)
}

// try takes a code.
func (f *Flow) try(w http.ResponseWriter, r *http.Request, s *session) {
	if err := limited(f.config.VerifyLimiter, r); err != nil {
		f.failTry(w, r, s, entry{}, "", err)
		return
	}
	in, err := read(w, r)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	typed, err := f.typed(in.Address)
	if err != nil {
		f.failTry(w, r, s, entry{}, in.Address, err)
		return
	}
	e, ok := s.of(typed)
	if !ok {
		f.failTry(w, r, s, entry{}, typed, errNoCookie)
		return
	}
	if err = f.judge(w, r, s, e, in.Code); err != nil {
		f.failTry(w, r, s, e, typed, err)
	}
}

// judge lets a code do what it is for. nil means that it did, and that the request was answered.
func (f *Flow) judge(w http.ResponseWriter, r *http.Request, s *session, e entry, code string) error {
	of, err := f.recognized(r, s, e.address)
	if err != nil {
		return err
	}
	ctx, done := untilDecided(r)
	defer done()
	v, err := of.manager.VerifyOTP(ctx, of.subject, code, e.bound(), e.requests(of), onetime.Idempotent(e.binding), of.browser, of.since)
	if err = f.judged(r.Context(), err); err != nil {
		e.known = of.known
		return e.stated(err, s.now)
	}
	return f.verified(w, r, s, e, v)
}

// untilDecided is the context of what uses a secret up. A double click ends the first request in the middle: were it to hear nothing
// of its use, nobody would do what follows from that, since the second sending is told that it repeats. A deadline holds.
func untilDecided(r *http.Request) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(r.Context())
	if deadline, ok := r.Context().Deadline(); ok {
		return context.WithDeadline(ctx, deadline)
	}
	return ctx, func() {}
}

// stated says more of a refusal than Redis does, by what the entry knows itself: so a decoy's is said alike.
func (e entry) stated(err error, now time.Time) error {
	switch {
	case errors.Is(err, onetime.ErrMismatch) && e.again():
		return &statedError{err, wrongCodeNewest}
	case errors.Is(err, onetime.ErrMismatch):
		return &statedError{err, wrongCode}
	case (errors.Is(err, onetime.ErrNotFound) || errors.Is(err, onetime.ErrUsed)) && e.codeUntil > 0 && now.Unix() >= e.codeUntil:
		return &statedError{err, "error.expired"}
	case errors.Is(err, onetime.ErrUsed) && !e.known:
		return &statedError{err, "error.gone"} // to whoever asked for it, what its owner did with it shows as little as can be
	}
	return err
}

// failTry shows an error on the page of an entry, and where there is none on that of Start.
func (f *Flow) failTry(w http.ResponseWriter, r *http.Request, s *session, e entry, typed string, err error) {
	if e.slot == 0 {
		if latest, ok := s.newest(); ok && tell(err).reason == "too-many" {
			e = latest
		} else {
			f.failStart(w, r, s, typed, err)
			return
		}
	}
	t := tell(err)
	e.note = t.note(s.now)
	s.keep(w, e)
	if wantsJSON(r) {
		f.problem(r, t).write(w)
		return
	}
	f.lead(w, r, f.codePath(e))
}

// undoTimeout is within what a server gives an answer to be written.
const undoTimeout = 5 * time.Second

// verified marks the entry done and lets OnVerified answer. If it fails the secret is given back, and the error says whether
// that worked.
func (f *Flow) verified(w http.ResponseWriter, r *http.Request, s *session, e entry, v onetime.Verification) error {
	done := e.finished(s.now)
	done.issues = nil
	done.issued(v.ID, s.now, Sent{})
	done = done.finished(s.now)
	done.used = e.used
	s.remember(w, v) // also where OnVerified fails: the browser did show the secret
	s.keep(w, done)
	start := time.Now()
	err := f.config.OnVerified(w, r, whole(v))
	if err == nil {
		return nil
	}
	f.tell(r.Context(), onetime.Event{Op: "OnVerified", Purpose: v.Purpose, ID: v.ID, Who: f.who(v.Subject), Err: err, Took: time.Since(start)})
	if e.asked > 0 {
		s.keep(w, e)
	} else {
		s.drop(w, done)
	}
	// The request may be over, and with it its context: that may be why OnVerified failed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), undoTimeout)
	defer cancel()
	if v.Undo(ctx) != nil {
		return errLost
	}
	return errNotDone
}
