package main

import (
	"net/http"

	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/factor"
)

// A change is what a session alone does not suffice for: the person shows a code of the app once more (step-up).
type change struct {
	Action, Title, Text, Button string
}

var (
	renewal = change{"/factor/codes/new", "New recovery codes",
		"You get ten new recovery codes. Those that you have stop working.", "Make new codes"}
	off = change{"/factor/off", "Turn the app off",
		"From then on the code or link of a mail signs you in, without the app. Your recovery codes stop working, too.", "Turn it off"}
)

// askProof shows the page of a change.
func (a *app) askProof(c change) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := a.holder(w, r, c); ok {
			a.showChange(w, c, nil)
		}
	}
}

// holder is owner for whoever has an app. Who has none is led to the page that says so: so is the second sending of a form that
// has turned it off.
func (a *app) holder(w http.ResponseWriter, r *http.Request, c change) (account accounts.Account, ok bool) {
	if account, ok = a.owner(w, r, c.Action); !ok {
		return account, false
	}
	has, err := a.state(r.Context(), account.ID)
	switch {
	case err != nil:
		a.fail(w, err)
	case !has.App:
		http.Redirect(w, r, "/factor", http.StatusSeeOther)
	default:
		return account, true
	}
	return account, false
}

func (a *app) showChange(w http.ResponseWriter, c change, err error) {
	said := tell(w, err, false)
	a.pages.Show(w, said.Status, "change", struct {
		change
		Error string
	}{c, said.Detail})
}

// proved takes the code of a change. ok tells that it is right, and the change is to be made; the proof is Repeated where another
// sending of the form makes it.
func (a *app) proved(w http.ResponseWriter, r *http.Request, c change) (account accounts.Account, proof factor.Proof, ok bool) {
	if account, ok = a.holder(w, r, c); !ok {
		return account, proof, false
	}
	if wait, err := a.tries(r); err != nil || wait > 0 {
		a.showChange(w, c, errTooFast)
		return account, proof, false
	}
	proof, err := a.factors.VerifyIn(r.Context(), a.store, account.ID, r.PostFormValue("code"), a.once(r, c.Action))
	if err != nil {
		a.showChange(w, c, err)
		return account, proof, false
	}
	return account, proof, true
}
