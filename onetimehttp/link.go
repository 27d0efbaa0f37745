package onetimehttp

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/seed-3f7b73d1/onetime"
)

// Link returns the handler that a link leads to. GET and HEAD use nothing up, however often, since mail scanners open
// links: they show whom the link is for and a form, which never submits itself, since some scanners run script. POST of the
// form, or of JSON with the field "token", uses it, unless WithLinkCheck refuses, and a success goes to Config.OnVerified.
//
// With the cookie of the browser that asked, POST suffices. In another browser the person is asked first, as
// Config.OtherBrowser says: the form then has the field "here" (JSON: true), and without it POST changes nothing.
// Else a stranger's link would sign people in to the stranger's account (login CSRF).
func (f *Flow) Link() http.Handler { return f.Protect(http.HandlerFunc(f.link)) }

func (f *Flow) link(w http.ResponseWriter, r *http.Request) {
	in := input{Token: r.URL.Query().Get("token")}
	var again error // why the person may try again with the same link
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		var err error
		if in, err = read(w, r); err == nil {
			err = f.use(w, r, in)
		}
		var refusal Refusal
		switch {
		case err == nil:
			return
		case wantsJSON(r):
			f.fail(w, r, err)
			return
		case errors.As(err, &refusal), errors.Is(err, errNotDone):
			again = err
		case !errors.Is(err, onetime.ErrBinding):
			f.fail(w, r, err)
			return
		}
	default:
		f.notAllowed(w, r)
		return
	}

	v, err := f.manager.InspectToken(r.Context(), in.Token, f.holder(r, false)...)
	other := errors.Is(err, onetime.ErrBinding) && f.config.OtherBrowser == AskOtherBrowser
	if other {
		v, err = f.manager.InspectToken(r.Context(), in.Token, onetime.IgnoreBinding())
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	page := f.page(r)
	page.Account, page.Token, page.OtherBrowser = f.account(r.Context(), whole(v)), in.Token, other
	if wantsJSON(r) {
		body, _ := json.Marshal(Opened{page.Account, other}) // strings and a bool
		answer(w, http.StatusOK, "application/json", append(body, '\n'))
		return
	}
	if again != nil {
		f.failOn(w, "link", page, problem(again, page.texts))
		return
	}
	f.show(w, http.StatusOK, "link", page)
}

// use lets a link do what it is for. nil means that it did, and that the request was answered.
func (f *Flow) use(w http.ResponseWriter, r *http.Request, in input) error {
	holder := f.holder(r, in.Here)
	if f.check != nil {
		v, err := f.manager.InspectToken(r.Context(), in.Token, holder...)
		if err == nil {
			err = f.check(r, whole(v))
		}
		if err != nil {
			return err
		}
	}
	v, err := f.manager.VerifyToken(r.Context(), in.Token, holder...)
	if err != nil {
		return err
	}
	return f.verified(w, r, v)
}

// A Refusal is what a function of WithLinkCheck has against a request, in words for the person.
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

// holder says what is known of who shows a token: the browser's cookie, or that the person agreed to go on without.
func (f *Flow) holder(r *http.Request, here bool) []onetime.VerifyOption {
	if here && f.config.OtherBrowser == AskOtherBrowser {
		return []onetime.VerifyOption{onetime.IgnoreBinding()}
	}
	if binding := f.binding(r); binding != "" {
		return []onetime.VerifyOption{onetime.WithBinding(binding)}
	}
	return nil
}
