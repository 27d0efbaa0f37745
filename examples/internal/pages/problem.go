package pages

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A Problem is an error of a program's own that a person is told.
type Problem struct {
	Status int
	Text   string
}

func (p *Problem) Error() string { return p.Text }

// Say returns what to tell of an error, and sets the header that goes with it.
func Say(w http.ResponseWriter, err error) onetimehttp.Problem {
	said := onetimehttp.ProblemOf(err)
	var own *Problem
	if errors.As(err, &own) {
		said.Status, said.Detail = own.Status, own.Text
	}
	if said.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(said.RetryAfter))
	}
	return said
}

// Fail shows the page "problem", which says what an error means.
func (p *Pages) Fail(w http.ResponseWriter, err error) {
	said := Say(w, err)
	p.Show(w, said.Status, "problem", said)
}
