package onetimehttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// errRefused is what is said of every code that does not work. More would tell whether a message went out: after a
// delivery that failed nothing is outstanding, while for people who are not known something seems to be.
var errRefused = &requestError{http.StatusForbidden, "error.refused"}

// Verify returns the handler that takes a code. POST takes the fields "address" and "code" of a form or of JSON, where a
// code is a string, and "request", which the answer of Start has brought; it needs the cookie that Start has set. Without the
// request a right code is answered as a wrong one. Config.VerifyLimiter is asked first; what it refuses is 429 with Retry-After. A success goes to Config.OnVerified. GET leads to Start.
func (f *Flow) Verify() http.Handler { return f.Protect(http.HandlerFunc(f.verify)) }

func (f *Flow) verify(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		http.Redirect(w, r, f.config.Paths.Start, http.StatusSeeOther)
		return
	case http.MethodPost:
	default:
		f.notAllowed(w, r)
		return
	}
	if f.config.VerifyLimiter != nil && !f.config.VerifyLimiter(r) {
		f.fail(w, r, errTooMany)
		return
	}
	in, err := read(w, r)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	of, err := f.person(r, in.Address)
	binding := f.binding(r)
	if err == nil && binding == "" {
		err = errNoCookie
	}
	var v onetime.Verification
	var issues known
	if err == nil {
		issues = knownTo(of, binding, in.Request)
		v, err = of.manager.VerifyOTP(r.Context(), of.subject, in.Code, onetime.WithBinding(binding), issues.requests())
		err = f.judged(r.Context(), err)
	}
	if err == nil {
		err = f.verified(w, r, v)
	}
	if err == nil {
		return
	}
	for _, reason := range []error{onetime.ErrMismatch, onetime.ErrNotFound, onetime.ErrUsed, onetime.ErrExhausted} {
		if errors.Is(err, reason) {
			err = errRefused
		}
	}
	page := f.page(r)
	problem := problem(err, page.texts)
	if wantsJSON(r) {
		problem.write(w)
		return
	}
	page.Address = of.typed
	if issues.ring != nil {
		page.Request = issues.form()
	}
	name := "code"
	if of.typed == "" {
		name, page.Address = "start", strings.ToValidUTF8(in.Address, "")
	}
	f.failOn(w, name, page, problem)
}

// Errors of an OnVerified that failed: the secret works again, or nobody knows whether it does.
var (
	errNotDone = &requestError{http.StatusServiceUnavailable, "error.not-done"}
	errLost    = &requestError{http.StatusServiceUnavailable, "error.lost"}
)

// undoTimeout is within what a server gives an answer to be written.
const undoTimeout = 5 * time.Second

// verified lets OnVerified answer. If it fails the secret is given back, and the error says whether that worked.
func (f *Flow) verified(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
	start := time.Now()
	err := f.config.OnVerified(w, r, whole(v))
	if err == nil {
		return nil
	}
	f.tell(r.Context(), onetime.Event{Op: "OnVerified", Purpose: v.Purpose, ID: v.ID, Who: f.who(v.Subject), Err: err, Took: time.Since(start)})
	// The request may be over, and with it its context: that may be why OnVerified failed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), undoTimeout)
	defer cancel()
	if v.Undo(ctx) != nil {
		return errLost
	}
	return errNotDone
}
