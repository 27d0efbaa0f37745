package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// What there is to tell beside what onetime refuses.
var (
	errEnded   = &pages.Problem{Status: http.StatusGone, Text: "This no longer works: sign in again."}
	errBrowser = &pages.Problem{Status: http.StatusForbidden, Text: "Sign in again in this browser, with cookies allowed."}
	errTooFast = &pages.Problem{Status: http.StatusTooManyRequests, Text: "Too many attempts. Wait a minute."}
	errNotDone = &pages.Problem{Status: http.StatusServiceUnavailable, Text: "That could not be done just now. Wait for the next code and try again."}
)

// betweenError says what the refusal of a token between the two factors means to whoever shows it.
func betweenError(err error) error {
	switch {
	case errors.Is(err, onetime.ErrBinding):
		return errBrowser
	case errors.Is(err, onetime.ErrNotFound), errors.Is(err, onetime.ErrUsed), errors.Is(err, onetime.ErrMalformed):
		return errEnded
	}
	return err
}

// codeTexts are what refusals of a code mean, of the app and of a recovery code.
var codeTexts = []struct {
	reason        error
	app, recovery string
}{
	{onetime.ErrMalformed, "Type the 6 digits that the app shows for " + service + ".", "Type one of your recovery codes, such as 3-7K2M-9QXD-HT4C-WZ5N."},
	{onetime.ErrMismatch, "This is not the code that the app shows now.", "This is none of your recovery codes."},
	{onetime.ErrUsed, "This code was already used. Wait for the next one.", "This recovery code was already used. Take another one."},
	{onetime.ErrNotFound, "This app no longer counts here. Begin again.", "There are no recovery codes for this account."},
	{onetime.ErrLocked, "Too many wrong codes. Wait a while, or use a recovery code.", "Too many wrong codes. Wait a while."},
	{onetime.ErrDisabled, "Codes of the app are disabled for this account. Use a recovery code.", "Recovery codes are disabled for this account. Ask us for help."},
}

// tell returns what to tell of the refusal of a code, and sets the header that goes with it. No error is 200.
func tell(w http.ResponseWriter, err error, recovery bool) onetimehttp.Problem {
	if err == nil {
		return onetimehttp.Problem{Status: http.StatusOK}
	}
	said := pages.Say(w, err)
	var own *pages.Problem
	if errors.As(err, &own) {
		return said
	}
	if !errors.Is(err, onetime.ErrDenied) {
		said.Detail = "We cannot tell right now. Wait for the next code and try again."
		if recovery {
			said.Detail = "We cannot tell right now. Try again."
		}
		return said
	}
	for _, t := range codeTexts {
		if errors.Is(err, t.reason) {
			said.Detail = t.app
			if recovery {
				said.Detail = t.recovery
			}
		}
	}
	if n := said.AttemptsLeft; n != nil && !recovery {
		said.Detail += fmt.Sprintf(" You can try %d more.", *n)
	}
	return said
}

// fail shows a page that says what an error means.
func (a *app) fail(w http.ResponseWriter, err error) {
	a.pages.Fail(w, err)
}
