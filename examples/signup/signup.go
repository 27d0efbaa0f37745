package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// Whether an address has an account already must not show to whoever types it in. So the handlers do not ask: they treat all
// addresses alike, down to the send limits and the wrong codes that are counted. Only send asks, after the answer, and only
// its mail tells, to who reads the inbox.

// anybody is the Lookup: the proof is about the address, to which the mail goes.
func anybody(_ context.Context, typed string) (subject, deliverTo string, found bool, err error) {
	return typed, typed, true, nil
}

// mailOnly makes one spelling of an e-mail address, so that there is one account for all of them. Phone numbers are none here.
func mailOnly(typed string) (string, error) { return address.Mail(typed) }

// send is the Sender. Where the address has an account it sends another mail, and nobody gets to know code and link.
func (a *app) send(ctx context.Context, to onetimesend.Recipient, m onetimehttp.Message) (onetimesend.Delivery, error) {
	mail := to.Addresses[0]
	taken, err := a.Accounts.Taken(ctx, mail.Value, "")
	if err != nil {
		return onetimesend.Delivery{}, err
	}
	if taken {
		return onetimesend.Delivery{Channel: mail.Channel}, a.Mails.Write(ctx, mail.Value, "You have an account at "+service, a.has())
	}
	return a.Mails.Send(ctx, to, m)
}

func (a *app) has() string {
	return `Somebody, hopefully you, wants an account at ` + service + ` with this address. It
has one already. To sign in, open
` + a.Origin + `/sign-in

If it was not you, ignore this message.
`
}

// create is the OnVerified: it makes the account and signs its owner in. Before the proof there is no account at all, or
// somebody could make one for the address of another person, leave a password or a session in it, and wait for them.
//
// If the account cannot be stored, the error gives code and link back.
func (a *app) create(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
	account, err := a.Accounts.Create(r.Context(), v.Subject)
	if v.Repeated && errors.Is(err, accounts.ErrTaken) { // the form was sent twice, and the first sending has made it
		account, err = a.made(r.Context(), v.Subject)
	}
	switch {
	case errors.Is(err, accounts.ErrTaken):
		// Made meanwhile, in another browser, or a code was guessed that nobody was told. It was for an account that does not
		// exist, and is not taken for a sign-in to one that does.
		a.pages.Show(w, http.StatusConflict, "taken", nil)
		return nil
	case err != nil:
		return err
	}
	a.Sessions.Begin(w, r, account)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// made returns the account of an address.
func (a *app) made(ctx context.Context, address string) (accounts.Account, error) {
	id, _, found, err := a.Accounts.Lookup(ctx, address)
	if err == nil && !found {
		err = accounts.ErrTaken // and gone again
	}
	if err != nil {
		return accounts.Account{}, err
	}
	return a.Accounts.Get(ctx, id)
}
