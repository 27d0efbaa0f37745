package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// The link leads to a form for the new password. GET looks at the link and uses nothing up, however often a mail scanner
// opens it. POST goes through three steps, which the Flow takes in this order:
//
//  1. check: a password that will not do leaves the link as it was.
//  2. VerifyToken: of any number of POSTs with one link one goes on.
//  3. change: if it fails, the Flow gives the link back with Undo, so that the person can try again with it. Where even that
//     is undecided, Redis being away, the person is told to ask for a new link.
//
// The other order, to store first and use the link then, would let one link set two passwords.

// check says what there is against the new password.
func (a *app) check(r *http.Request, v onetime.Verification) error {
	password := r.PostFormValue("password")
	if err := acceptable(password, string(v.Payload)); err != nil { // the payload is the address that the link was sent to
		return err
	}
	if password != r.PostFormValue("again") {
		return onetimehttp.Refusal("The two are not the same. Type the password twice.")
	}
	return nil
}

// change stores the new password, and ends all that the old one let anybody in with.
//
// The order is what survives a crash, or an answer that never comes, at any point:
//
//   - Password and epoch are one write: with the old password all sessions end, or neither does.
//   - Before that write nothing may be revoked, since Revoke rules out the Undo that a failed write needs.
//   - After it nothing may fail the request, since Undo would give back a link that has done its work.
//   - What is left then are codes and links from before. Revoke ends them, and is tried again, and logged, as long as any of
//     them can live. Who crashes in between leaves them for the 10 minutes that they have, and the owner is not told: keep
//     both in an outbox, as package chores says, and the write brings them along.
//
// A write that timed out may have happened. It is an error here: the link works again, and the person sets the password once
// more.
func (a *app) change(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
	// A double click ends the first request, and with it its context: what it has begun goes on.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
	defer cancel()
	if v.Repeated { // the form was sent twice: the password of the first sending stays
		return a.repeat(ctx, w, r, v)
	}
	hash, err := a.passwords.hash(ctx, r.PostFormValue("password"))
	if err != nil {
		return err
	}
	var owner string
	err = a.Accounts.Update(ctx, v.Subject, func(account *accounts.Account) error {
		account.Password, account.Epoch = hash, accounts.NewEpoch()
		owner = account.Address
		return nil
	})
	if err != nil {
		return err
	}

	a.chores.Now(r.Context(), "revoke", a.longest(), func(ctx context.Context) error { return a.endOutstanding(ctx, v) })
	at := a.Now().UTC().Format("15:04 UTC on 2 January 2006")
	a.chores.Later("tell the owner", time.Hour, func(ctx context.Context) error {
		return a.Mails.Write(ctx, owner, "Your password for "+service+" was changed", told(at))
	})
	onetimehttp.Done(w, r, donePage) // and nobody is signed in by it
	return nil
}

// donePage says that the password is set. It is a page of its own, so that it can be loaded again and come back to.
const donePage = "/reset/done"

func (a *app) showDone(w http.ResponseWriter, _ *http.Request) {
	a.pages.Show(w, http.StatusOK, "done", nil)
}

// repeat answers another sending of a form like the first, if that has set the same password: else nobody may be told so.
func (a *app) repeat(ctx context.Context, w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
	account, err := a.Accounts.Get(ctx, v.Subject)
	if err != nil {
		return err
	}
	same, err := a.passwords.matches(ctx, account.Password, r.PostFormValue("password"))
	if err != nil {
		return err
	}
	if !same {
		return errors.New("the first sending of this form has set another password, or none yet")
	}
	onetimehttp.Done(w, r, donePage)
	return nil
}

// endOutstanding ends every code and link of an account, of both purposes, in every browser. The link that was used stays: it
// verifies nothing, and answers the second half of a double click, which Revoke would have refused.
func (a *app) endOutstanding(ctx context.Context, used onetime.Verification) error {
	account := used.Subject
	status, err := a.reset.Status(ctx, account)
	errs := []error{err, a.login.Revoke(ctx, account)}
	for _, p := range status.Pending {
		if p.ID != used.ID {
			errs = append(errs, a.reset.Cancel(ctx, account, p.ID))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// Somebody may have signed in with one of them after the password was stored.
	return a.Accounts.Update(ctx, account, func(account *accounts.Account) error {
		account.Epoch = accounts.NewEpoch()
		return nil
	})
}

// longest is how long anything lives that Revoke would end.
func (a *app) longest() time.Duration {
	reset, login := a.reset.Policy(), a.login.Policy()
	return max(reset.TokenTTL, reset.OTPTTL, login.TokenTTL, login.OTPTTL)
}

// told is what the owner is told. It has no link: who did not change the password may read the mail in a hurry.
func told(at string) string {
	return `The password of your account at ` + service + ` was changed at ` + at + `.
Whoever was signed in to it has to sign in again.

If it was you, there is nothing to do. If it was not, somebody else reads your
mail: change the password of your mailbox first. Then open ` + service + ` as you
always do, and choose "Forgot your password?".
`
}
