package main

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// showBack is the page of the link to the old address. It uses nothing up, and needs no session.
func (a *app) showBack(w http.ResponseWriter, r *http.Request) {
	token := onetimehttp.TokenOf(r.URL)
	v, err := a.back.InspectToken(r.Context(), token)
	if err != nil {
		a.fail(w, err)
		return
	}
	account, err := a.Accounts.Get(r.Context(), string(v.Payload))
	if err == nil && at(account, v.Subject) < 0 {
		err = errEnded
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.showQuestion(w, http.StatusOK, token, "")
}

func (a *app) showQuestion(w http.ResponseWriter, status int, token, problem string) {
	a.pages.Show(w, status, "back", struct{ Token, Error string }{token, problem})
}

// at is where a change is in the list of an account, below 0 if it is not there: taken back, or too old.
func at(account accounts.Account, change string) int {
	return slices.IndexFunc(account.Changes, func(c accounts.Change) bool { return c.ID == change })
}

// putBack takes a change back, made or not: the old address is the address again, nobody is signed in any more, and what
// was asked for, or made, since then is gone as well. Else who has stolen a session would change the address a second time,
// and get a link to put back the address of before that, which is theirs.
//
// All that is one write, so that no crash leaves the one without the other. A link to the new address that is still out ends
// with the epoch that it is bound to. Codes and links to sign in with are revoked after the write: Revoke before it, and a
// write that fails, would end them for nothing. What Revoke comes too late for signs nobody in: session.Start compares the
// address that was proved with that of the account.
func (a *app) putBack(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	v, err := a.back.VerifyToken(r.Context(), token, onetime.Idempotent(token)) // it lets nobody in: whoever shows it may hear it twice
	if err != nil {
		a.fail(w, err)
		return
	}
	if v.Repeated {
		http.Redirect(w, r, putBackPage, http.StatusSeeOther)
		return
	}
	account := string(v.Payload)
	err = a.Accounts.Update(r.Context(), account, func(now *accounts.Account) error {
		i := at(*now, v.Subject)
		if i < 0 {
			return errEnded
		}
		now.Address, now.Changes, now.Epoch = now.Changes[i].Old, now.Changes[:i], accounts.NewEpoch()
		return nil
	})
	switch {
	case errors.Is(err, errEnded), errors.Is(err, accounts.ErrTaken):
		a.fail(w, err)
		return
	case err != nil && a.undo(r, v) == nil:
		a.showQuestion(w, http.StatusServiceUnavailable, token, notDone)
		return
	case err != nil:
		a.fail(w, errLost)
		return
	}
	a.chores.Now(r.Context(), "revoke", a.longest(), func(ctx context.Context) error { return a.login.Revoke(ctx, account) })
	http.Redirect(w, r, putBackPage, http.StatusSeeOther)
}

func (a *app) showPutBack(w http.ResponseWriter, _ *http.Request) {
	a.pages.Show(w, http.StatusOK, "putback", nil)
}
