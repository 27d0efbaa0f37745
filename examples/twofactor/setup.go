package main

import (
	"context"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/factor"
)

// fresh is how old a session may be in which somebody sets up an app: whoever has stolen an old one cannot lock its owner out.
const fresh = 15 * time.Minute

// What sessions keep.
const (
	keptEnrollment = "enrollment"
	keptCodes      = "codes"
)

// owner returns who is signed in. Where nobody is it leads to sign-in, and from there to page.
func (a *app) owner(w http.ResponseWriter, r *http.Request, page string) (accounts.Account, bool) {
	return a.Sessions.Owner(w, r, page, a.fail)
}

// showFactor says what the account has.
func (a *app) showFactor(w http.ResponseWriter, r *http.Request) {
	account, ok := a.owner(w, r, "/factor")
	if !ok {
		return
	}
	has, err := a.state(r.Context(), account.ID)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.pages.Show(w, http.StatusOK, "factor", has)
}

// settingUp is owner for whoever may set up an app now: signed in just now, and without one.
func (a *app) settingUp(w http.ResponseWriter, r *http.Request) (account accounts.Account, ok bool) {
	if account, ok = a.owner(w, r, "/factor"); !ok {
		return account, false
	}
	if !a.Sessions.Recent(a.Sessions.ID(r), fresh) {
		a.Sessions.SignInFirst(w, r, "/factor")
		return account, false
	}
	has, err := a.state(r.Context(), account.ID)
	switch {
	case err != nil:
		a.fail(w, err)
	case has.App: // whoever wants another turns this one off first, by a code of it
		http.Redirect(w, r, "/factor", http.StatusSeeOther)
	default:
		return account, true
	}
	return account, false
}

// beginSetup makes a new authenticator. It is pending: nothing verifies by it until confirm. So it stands in the session, where
// the page with the QR code can be loaded again.
func (a *app) beginSetup(w http.ResponseWriter, r *http.Request) {
	account, ok := a.settingUp(w, r)
	if !ok {
		return
	}
	enrollment, err := a.factors.EnrollTOTP(account.ID, label(account.Address))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.Sessions.Put(a.Sessions.ID(r), keptEnrollment, enrollment)
	http.Redirect(w, r, "/factor/setup", http.StatusSeeOther)
}

// label is what the app shows below the name of the service: the address, unless no label can be so long.
func label(address string) string {
	if len(address) > 128 || strings.Contains(address, ":") {
		return "account"
	}
	return address
}

func (a *app) showSetup(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.settingUp(w, r); !ok {
		return
	}
	enrollment, ok := a.Sessions.Get(a.Sessions.ID(r), keptEnrollment).(factor.Enrollment)
	if !ok {
		http.Redirect(w, r, "/factor", http.StatusSeeOther)
		return
	}
	a.showEnrollment(w, enrollment, nil)
}

func (a *app) showEnrollment(w http.ResponseWriter, enrollment factor.Enrollment, err error) {
	picture, drawErr := draw(enrollment.URI)
	if drawErr != nil {
		a.fail(w, drawErr)
		return
	}
	said := tell(w, err, false)
	a.pages.Show(w, said.Status, "setup", struct {
		QR     template.HTML
		URI    template.URL // of a scheme that html/template does not know
		Secret []string     // in groups of four
		Error  string
	}{picture, template.URL(enrollment.URI), groups(enrollment.Secret), said.Detail})
}

func groups(secret string) (groups []string) {
	for len(secret) > 4 {
		groups, secret = append(groups, secret[:4]), secret[4:]
	}
	return append(groups, secret)
}

// confirm takes the first code of a new app, and turns it on.
func (a *app) confirm(w http.ResponseWriter, r *http.Request) {
	account, ok := a.owner(w, r, "/factor")
	if !ok {
		return
	}
	id := a.Sessions.ID(r)
	enrollment, ok := a.Sessions.Get(id, keptEnrollment).(factor.Enrollment)
	if !ok { // kept too long, or the form was sent twice and the codes are waiting
		http.Redirect(w, r, "/factor", http.StatusSeeOther)
		return
	}
	if _, ok = a.settingUp(w, r); !ok {
		return
	}
	if wait, err := a.tries(r); err != nil || wait > 0 {
		a.showEnrollment(w, enrollment, errTooFast)
		return
	}
	proof, err := a.factors.Confirm(r.Context(), account.ID, enrollment.Blob, r.PostFormValue("code"))
	if err != nil {
		a.showEnrollment(w, enrollment, err)
		return
	}
	turned, codes, err := a.turnOn(r.Context(), account, proof.Blob)
	if err != nil {
		if turned.ID != "" { // all sessions were ended, so this browser gets another
			a.Sessions.Put(a.Sessions.Begin(w, r, turned), keptEnrollment, enrollment)
			err = errNotDone
		}
		a.fail(w, err)
		return
	}
	a.tell(account.Address, onSubject, turnedOn(a.at()))
	a.Sessions.Put(a.Sessions.Begin(w, r, turned), keptCodes, shown{codes.Codes, a.Now().Add(codesLife)})
	http.Redirect(w, r, "/factor/codes", http.StatusSeeOther)
}

// turnOn stores an app that was confirmed, with new recovery codes, in place of all that the account had. It returns the account
// as it is then.
//
// The first new epoch is a claim: of two sessions that set up an app at the same time one goes on, and the other is over. The
// second one, after the app is stored, ends whatever began in between with the first factor alone: afterFirst reads the epoch
// before it looks for apps.
func (a *app) turnOn(ctx context.Context, account accounts.Account, app []byte) (turned accounts.Account, codes factor.Codes, err error) {
	if codes, err = a.factors.RecoveryCodes(account.ID, recoveryCodes); err != nil {
		return turned, codes, err
	}
	if turned, err = a.newEpoch(ctx, account); err != nil {
		return turned, codes, err
	}
	if err = a.remove(ctx, account.ID, func(row) bool { return true }); err != nil {
		return turned, codes, err
	}
	for _, blob := range [][]byte{codes.Blob, app} { // no app is on without recovery codes
		if err = a.store.Add(ctx, account.ID, blob); err != nil {
			return turned, codes, err
		}
	}
	again, err := a.newEpoch(ctx, turned)
	if err != nil {
		return turned, codes, err
	}
	return again, codes, nil
}

// turnOff removes the app and the recovery codes, by a code of the app.
func (a *app) turnOff(w http.ResponseWriter, r *http.Request) {
	account, _, ok := a.proved(w, r, off)
	if !ok {
		return
	}
	if err := a.remove(r.Context(), account.ID, func(row) bool { return true }); err != nil {
		a.showChange(w, off, errNotDone)
		return
	}
	a.tell(account.Address, offSubject, turnedOff(a.at()))
	http.Redirect(w, r, "/factor", http.StatusSeeOther)
}

// once makes one call of the sendings of a form in a session. Its action is part of it: no code serves two of them.
func (a *app) once(r *http.Request, action string) onetime.CallOption {
	return onetime.Idempotent(action + "\n" + a.Sessions.ID(r))
}
