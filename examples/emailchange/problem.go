package main

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A problem is an error that a person is told.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

// What there is to tell beside what onetime refuses.
var (
	errEnded = &problem{http.StatusGone, "This no longer works: the change was ended meanwhile."}
	errTaken = &problem{http.StatusConflict, "This address belongs to another account by now. Nothing was changed."}
	errLost  = &problem{http.StatusServiceUnavailable, "That could not be done just now. Ask for a new link."}
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
	said := onetimehttp.ProblemOf(err)
	var own *problem
	if errors.As(err, &own) {
		said.Status, said.Detail = own.status, own.text
	}
	if said.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(said.RetryAfter))
	}
	a.pages.Show(w, said.Status, "problem", said)
}
