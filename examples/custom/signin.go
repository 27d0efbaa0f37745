package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A signIn is handlers that sign people in by a code.
type signIn struct {
	*site.Site
	codes          *onetime.Manager
	queue          *onetimesend.Queue
	brand          onetimesend.Brand
	cookie         http.Cookie // without its value
	pages          *pages.Pages
	mayAsk, mayTry func(*http.Request) (time.Duration, error) // or strangers fill Redis, and write to everybody
}

// A visit is what one browser keeps between asking and typing, so that every page can be loaded again. It is not signed:
// attempts, limits and uses are counted in Redis, and whoever alters it only asks, or types, as somebody else.
type visit struct {
	Address string
	Binding string // 128 random bits of this browser: codes that others asked for do not work here, nor this one's there
	Request string // 128 random bits of the newest code, so that what somebody typed before it tells nothing of it
}

func (s *signIn) visit(r *http.Request) visit {
	c, err := r.Cookie(s.cookie.Name)
	if err != nil {
		return visit{}
	}
	v, _ := url.ParseQuery(c.Value) // what is no query has no address
	return visit{v.Get("address"), v.Get("binding"), v.Get("request")}
}

func (s *signIn) keep(w http.ResponseWriter, v visit) {
	c := s.cookie
	c.Value = url.Values{"address": {v.Address}, "binding": {v.Binding}, "request": {v.Request}}.Encode()
	http.SetCookie(w, &c)
}

// ask issues a code. Whether an address has an account does not show: a decoy is answered, counted and throttled like the
// real thing, and what is real is sent after the answer.
func (s *signIn) ask(w http.ResponseWriter, r *http.Request) {
	typed, err := address.Mail(r.PostFormValue("address"))
	if !limit.Passes(s.mayAsk, r) {
		err = errTooMany
	}
	if err != nil {
		s.fail(w, r, startPage, err)
		return
	}
	_, to, found, err := s.Accounts.Lookup(r.Context(), typed)
	if err != nil {
		s.fail(w, r, startPage, err)
		return
	}
	v := s.visit(r)
	if v.Address != typed {
		v = visit{typed, rand.Text(), ""}
	}
	next := visit{typed, v.Binding, rand.Text()}
	opts := []onetime.IssueOption{onetime.WithBinding(next.Binding), onetime.WithRequest(next.Request), s.known(r)}
	if !found {
		to, opts = typed, append(opts, onetime.AsDecoy())
	}
	// The subject is the address: the proof is about the account that has it when the session begins.
	otp, err := s.codes.IssueOTP(r.Context(), typed, opts...)
	switch {
	case errors.Is(err, onetime.ErrThrottled) && v.Request != "": // a double click, say: the code of before works on
		http.Redirect(w, r, codePage, http.StatusSeeOther)
		return
	case err != nil:
		s.fail(w, r, startPage, err)
		return
	}
	s.keep(w, next)
	http.Redirect(w, r, codePage, http.StatusSeeOther)
	http.NewResponseController(w).Flush()
	done := func(result onetimesend.Result) {
		if result.Failed() { // nobody has the code and nobody will: from now on it is a decoy
			s.codes.CancelQuietly(context.WithoutCancel(r.Context()), typed, otp.ID)
		}
	}
	message := onetimesend.Message{ID: otp.ID, Brand: s.brand, Code: otp.Code, CodeExpiresIn: otp.ExpiresIn, IssuedAt: time.Now()}
	job := onetimesend.Job{To: onetimesend.To(onetimesend.ChannelMail, to), Message: message, Decoy: !found, Done: done}
	if err := s.queue.Add(job); err != nil {
		done(onetimesend.Result{Err: err})
	}
}

// enter takes a code and begins a session.
func (s *signIn) enter(w http.ResponseWriter, r *http.Request) {
	v := s.visit(r)
	if v.Request == "" { // too late, or without cookies
		http.Redirect(w, r, startPage, http.StatusSeeOther)
		return
	}
	if !limit.Passes(s.mayTry, r) {
		s.fail(w, r, codePage, errTooMany)
		return
	}
	// Both halves of a double click sign in.
	proof, err := s.codes.VerifyOTP(r.Context(), v.Address, r.PostFormValue("code"),
		onetime.WithBinding(v.Binding), onetime.WithRequest(v.Request), onetime.Idempotent(v.Binding), s.known(r))
	if err != nil {
		s.fail(w, r, codePage, err)
		return
	}
	id, _, found, err := s.Accounts.Lookup(r.Context(), proof.Subject)
	account, getErr := s.Accounts.Get(r.Context(), id)
	if err = errors.Join(err, getErr); err != nil || !found {
		s.fail(w, r, codePage, errors.Join(err, proof.Undo(r.Context()))) // nobody is signed in, and the code works again
		return
	}
	s.remember(w, r, proof)
	s.Sessions.Begin(w, r, account) // with a new id
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var errTooMany = &onetime.DeniedError{Reason: onetime.ErrThrottled, RetryAfter: time.Minute}

// fail leads to the page that says what went wrong. Each can be loaded again, which tries nothing: so it is for every POST.
func (s *signIn) fail(w http.ResponseWriter, r *http.Request, page string, err error) {
	var denied *onetime.DeniedError
	why := "undecided"
	switch {
	case errors.Is(err, onetime.ErrInvalid):
		why = "address"
	case errors.As(err, &denied) && denied.RetryAfter > 0 && !errors.Is(err, onetime.ErrMismatch):
		why = "wait"
	case errors.Is(err, onetime.ErrDenied):
		why = "code"
	}
	http.Redirect(w, r, page+"?why="+why, http.StatusSeeOther)
}
