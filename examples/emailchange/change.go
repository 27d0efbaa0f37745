package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func (a *app) showForm(w http.ResponseWriter, r *http.Request) {
	account, ok := a.owner(w, r, "/address")
	if !ok {
		return
	}
	a.pages.Show(w, http.StatusOK, "form", form{Current: account.Address})
}

// owner returns who is signed in. Where nobody is it leads to sign-in, and from there to page.
func (a *app) owner(w http.ResponseWriter, r *http.Request, page string) (accounts.Account, bool) {
	return a.Sessions.Owner(w, r, page, a.fail)
}

// A form is what the page that asks for the new address shows.
type form struct{ Current, Typed, Error string }

// ask takes the new address of who is signed in. Whether it has an account does not show here: that is looked up after the
// answer, and only the mail to that address tells. The send limits of links to new addresses are what keeps an account from
// having mail sent to others without end.
func (a *app) ask(w http.ResponseWriter, r *http.Request) {
	account, ok := a.owner(w, r, "/address")
	if !ok {
		return
	}
	typed := r.PostFormValue("address")
	address, err := address.Mail(typed)
	switch {
	case err != nil:
		a.pages.Show(w, http.StatusBadRequest, "form", form{account.Address, typed, "Check the address."})
		return
	case address == account.Address:
		a.pages.Show(w, http.StatusUnprocessableEntity, "form", form{account.Address, typed, "This is your address already."})
		return
	}
	made, err := a.issue(r.Context(), account, accounts.Change{ID: rand.Text(), Old: account.Address, New: address, Until: a.Now().Add(takeBack)})
	if errors.Is(err, onetime.ErrThrottled) && pending(account) == address { // the form was sent twice, say
		http.Redirect(w, r, sentPage, http.StatusSeeOther)
		return
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	http.Redirect(w, r, sentPage, http.StatusSeeOther)
	a.chores.Later("tell both addresses", made.confirm.ExpiresIn, made.deliver)
}

// Pages that say what was done can be loaded again: what did it was answered by leading there.
const (
	sentPage      = "/address/sent"
	confirmedPage = "/address/confirmed"
	putBackPage   = "/address/back/done"
)

// pending is the address that an account asked for last, "" if there is none.
func pending(account accounts.Account) string {
	if len(account.Changes) == 0 {
		return ""
	}
	return account.Changes[len(account.Changes)-1].New
}

func (a *app) showSent(w http.ResponseWriter, r *http.Request) {
	account, ok := a.owner(w, r, sentPage)
	switch to := pending(account); {
	case !ok:
	case to == "":
		http.Redirect(w, r, "/address", http.StatusSeeOther)
	default:
		a.pages.Show(w, http.StatusOK, "sent", to)
	}
}

func (a *app) showConfirmed(w http.ResponseWriter, r *http.Request) {
	if account, ok := a.owner(w, r, confirmedPage); ok {
		a.pages.Show(w, http.StatusOK, "confirmed", account.Address)
	}
}

// An offer is a change that was asked for, with its two links.
type offer struct {
	app           *app
	account       string
	change        accounts.Change
	confirm, back onetime.Link
	told          bool
}

// issue makes both links and notes the change. Where one of the three fails nothing is delivered, so that nothing happens.
//
// The address is sealed in the link to it, so that the one that is confirmed is the one that got the mail, whatever else was
// asked for since. That link is bound to the epoch of the account, 128 random bits that its sessions share: it works where
// its owner is signed in, on other devices as well, and for nobody else; and it ends when all sessions are ended. The next one
// replaces it.
//
// The link to the old address is bound to nothing, since who is told has perhaps lost the account. Its subject is the change
// and not the account: under one subject the next change would replace it, and who has stolen a session would make one.
func (a *app) issue(ctx context.Context, account accounts.Account, change accounts.Change) (*offer, error) {
	made := &offer{app: a, account: account.ID, change: change}
	var err error
	made.confirm, err = a.change.IssueLink(ctx, account.ID, onetime.WithBinding(account.Epoch), onetime.WithPayload([]byte(change.New)))
	if err != nil {
		return nil, err
	}
	if made.back, err = a.back.IssueLink(ctx, change.ID, onetime.WithPayload([]byte(account.ID))); err != nil {
		return nil, err
	}
	return made, a.Accounts.Update(ctx, account.ID, func(now *accounts.Account) error {
		// Since the account was read somebody may have put an older address back: then this one is not the old address.
		if now.Epoch != account.Epoch || now.Address != account.Address {
			return errEnded
		}
		now.Changes = slices.DeleteFunc(now.Changes, func(c accounts.Change) bool { return !a.Now().Before(c.Until) })
		now.Changes = append(now.Changes, change)
		return nil
	})
}

// deliver tells the old address first, and goes on when its mail server has taken that: no address is changed of which the
// old one could not be told. It may be called again after an error.
func (o *offer) deliver(ctx context.Context) error {
	mails, directory := o.app.Mails, o.app.Accounts
	if !o.told {
		if err := mails.Write(ctx, o.change.Old, noticeSubject, notice(o.back.URL)); err != nil {
			return err
		}
		o.told = true
	}
	taken, err := directory.Taken(ctx, o.change.New, o.account)
	if err != nil {
		return err
	}
	if taken {
		return mails.Write(ctx, o.change.New, takenSubject, takenText)
	}
	return mails.Write(ctx, o.change.New, requestSubject, request(o.confirm.URL, o.confirm.ExpiresIn))
}

// showConfirm is the page of the link to the new address. Scanners of mail open it, too: it uses nothing up.
func (a *app) showConfirm(w http.ResponseWriter, r *http.Request) {
	token := onetimehttp.TokenOf(r.URL)
	account, ok := a.owner(w, r, confirmPage(token))
	if !ok {
		return
	}
	v, err := a.change.InspectToken(r.Context(), token, holder(account)...)
	if err != nil {
		a.fail(w, confirmError(err))
		return
	}
	a.showProposal(w, http.StatusOK, v, token, "")
}

func (a *app) showProposal(w http.ResponseWriter, status int, v onetime.Verification, token, problem string) {
	a.pages.Show(w, status, "confirm", struct{ Address, Token, Error string }{string(v.Payload), token, problem})
}

// confirmPage is the page of a link to a new address.
func confirmPage(token string) string {
	return "/address/confirm?" + url.Values{"token": {token}}.Encode()
}

// holder says who shows a link: the account that is signed in.
func holder(account accounts.Account) []onetime.VerifyOption {
	return []onetime.VerifyOption{onetime.WithSubject(account.ID), onetime.WithBinding(account.Epoch)}
}

// confirm makes the change. Of any number of requests with one link one goes on; the second half of a double click is led to where
// the first was.
func (a *app) confirm(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	account, ok := a.owner(w, r, confirmPage(token))
	if !ok {
		return
	}
	v, err := a.change.VerifyToken(r.Context(), token, append(holder(account), onetime.Idempotent(account.Epoch))...)
	if err != nil {
		a.fail(w, confirmError(err))
		return
	}
	if v.Repeated {
		http.Redirect(w, r, confirmedPage, http.StatusSeeOther)
		return
	}
	err = a.Accounts.Update(r.Context(), v.Subject, func(now *accounts.Account) error {
		// The old address may have taken it back since the link was looked at: one of the two is first.
		if now.Epoch != account.Epoch {
			return errEnded
		}
		now.Address = string(v.Payload)
		return nil
	})
	switch {
	case errors.Is(err, accounts.ErrTaken), errors.Is(err, errEnded): // for good, so the link stays used
		a.fail(w, err)
		return
	case err != nil && a.undo(r, v) == nil:
		a.showProposal(w, http.StatusServiceUnavailable, v, token, notDone)
		return
	case err != nil:
		a.fail(w, errLost)
		return
	}
	// What was sent to the old address opens the account no more.
	a.chores.Now(r.Context(), "revoke", a.longest(), func(ctx context.Context) error { return a.login.Revoke(ctx, v.Subject) })
	http.Redirect(w, r, confirmedPage, http.StatusSeeOther)
}

// undo gives a link back, because what it was used for could not be stored. The request may be over meanwhile.
func (a *app) undo(r *http.Request, v onetime.Verification) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
	defer cancel()
	return v.Undo(ctx)
}

// longest is how long a code or link to sign in with lives.
func (a *app) longest() time.Duration {
	return max(a.login.Policy().TokenTTL, a.login.Policy().OTPTTL)
}
