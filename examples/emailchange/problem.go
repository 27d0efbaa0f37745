package main

import (
	"errors"
	"net/http"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
)

// What there is to tell beside what onetime refuses.
var (
	errEnded = &pages.Problem{Status: http.StatusGone, Text: "This no longer works: the change was ended meanwhile."}
	errTaken = &pages.Problem{Status: http.StatusConflict, Text: "This address belongs to another account by now. Nothing was changed."}
	errLost  = &pages.Problem{Status: http.StatusServiceUnavailable, Text: "That could not be done just now. Ask for a new link."}
)

// notDone is what the page of a link says that was given back.
const notDone = "That could not be done just now. Try again."

// confirmError says what the refusal of a link to a new address means to who showed it.
func confirmError(err error) error {
	if errors.Is(err, onetime.ErrBinding) {
		return errEnded // all sessions were ended since, and with them what was asked for in them
	}
	return err
}

// fail shows a page that says what an error means.
func (a *app) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, accounts.ErrTaken) {
		err = errTaken
	}
	a.pages.Fail(w, err)
}
