package main

import (
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A form is what the page for the password shows.
type form struct{ Address, Error string }

func (a *app) askPassword(w http.ResponseWriter, _ *http.Request) {
	a.pages.Show(w, http.StatusOK, "password", form{})
}

// takePassword signs in whoever knows the password. How often somebody may try is limited by client address and, for
// distributed guessing, by the address that was typed, whether or not it has an account. So a stranger can lock out the
// password of a person, who can sign in by code or link then. It counts in this process only.
func (a *app) takePassword() http.Handler {
	perClient, perAccount := limit.PerAddress(20, time.Minute), limit.PerKey(10, time.Hour)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
		typed, password := r.PostFormValue("address"), r.PostFormValue("password")
		address, err := address.Mail(typed)
		if err != nil {
			a.pages.Show(w, http.StatusBadRequest, "password", form{typed, "Check the address."})
			return
		}
		if wait, err := perClient(r); err != nil || wait > 0 || !perAccount(address) {
			a.pages.Show(w, http.StatusTooManyRequests, "password", form{address, "Too many attempts. Wait a while, or sign in by code or link."})
			return
		}
		account, right, err := a.knows(r, address, password)
		switch {
		case err != nil:
			onetimehttp.WriteError(w, r, err)
		case !right:
			a.pages.Show(w, http.StatusForbidden, "password", form{address, "Address or password are not right."})
		default:
			a.Sessions.Begin(w, r, account)
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	})
}

// knows tells whether a password is that of the account with an address. Where there is no account, or it has no password, it
// takes the same time to say no. The account is as it was before the password was looked at: a session that begins with it
// is over if a reset came in between.
func (a *app) knows(r *http.Request, address, password string) (account accounts.Account, right bool, err error) {
	id, _, found, err := a.Accounts.Lookup(r.Context(), address)
	if err != nil {
		return accounts.Account{}, false, err
	}
	if found {
		if account, err = a.Accounts.Get(r.Context(), id); err != nil {
			return accounts.Account{}, false, err
		}
	}
	right, err = a.passwords.matches(r.Context(), account.Password, password)
	return account, right, err
}
