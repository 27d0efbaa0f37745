package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// betweenLife is how long somebody may take from the first factor to the second.
const betweenLife = 10 * time.Minute

// A way is how the second factor is shown.
type way struct {
	Action   string // its page
	Recovery bool   // by a recovery code, and not by a code of the app
	Lost     bool   // and the apps that the account had are removed
}

var (
	byApp          = way{Action: "/sign-in/second"}
	byRecovery     = way{Action: "/sign-in/recovery", Recovery: true}
	byRecoveryLost = way{Action: "/sign-in/lost", Recovery: true, Lost: true}
)

// afterFirst is the Config.OnVerified of the first factor. Nobody who has an app is signed in by it: they get a token of its own
// purpose, which opens the page for the code and nothing else. The token stands in the address of that page and is bound to a
// cookie, so that neither is worth anything without the other, and to the epoch of the account.
//
// The account is read before its factors are. Whoever sets up an app gives the account a new epoch after the app is stored: so
// where no app is found here, and one is stored a moment later, the session that begins here is over.
func (a *app) afterFirst(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
	account, err := a.Accounts.Get(r.Context(), v.Subject)
	if err != nil {
		return err // the code or link works again
	}
	if string(v.Payload) != account.Address {
		onetimehttp.WriteError(w, r, onetime.ErrNotFound) // as Sessions.Start explains
		return nil
	}
	has, err := a.state(r.Context(), account.ID)
	if err != nil {
		return err // undecided is never "has none"
	}
	if !has.App {
		a.Sessions.Enter(w, r, account)
		return nil
	}
	browser := a.browser(r)
	if browser == "" {
		browser = rand.Text()
	}
	token, err := a.second.IssueToken(r.Context(), account.ID, onetime.WithBinding(browser), onetime.WithPayload([]byte(account.Epoch)))
	if err != nil {
		return err
	}
	c := a.cookie()
	c.Value, c.MaxAge = browser, int(betweenLife.Seconds())
	http.SetCookie(w, c)
	onetimehttp.Done(w, r, byApp.page(token.Value))
	return nil
}

// page is the address of the page of a way.
func (by way) page(token string) string {
	return by.Action + "?" + url.Values{"token": {token}}.Encode()
}

// cookie is the one that tokens between the two factors are bound to, without its value: 128 random bits.
func (a *app) cookie() *http.Cookie {
	c := &http.Cookie{Name: "second", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if a.secure() {
		c.Name, c.Secure = "__Host-second", true // no other host can set it
	}
	return c
}

// browser returns the value of the cookie, or "".
func (a *app) browser(r *http.Request) string {
	c, err := r.Cookie(a.cookie().Name)
	if err != nil || len(c.Value) != len(rand.Text()) {
		return ""
	}
	return c.Value
}

// binding says which browser shows a token. One without the cookie shows what no token is bound to.
func (a *app) binding(r *http.Request) onetime.CallOption {
	browser := a.browser(r)
	if browser == "" {
		browser = rand.Text()
	}
	return onetime.WithBinding(browser)
}

// askSecond shows the page for the code. It uses nothing up, and can be loaded again.
func (a *app) askSecond(by way) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get("token")
		v, err := a.second.InspectToken(r.Context(), token, a.binding(r))
		if err == nil {
			_, err = a.waiting(r.Context(), v)
		}
		if err != nil {
			a.fail(w, betweenError(err))
			return
		}
		a.showSecond(w, by, token, nil)
	}
}

func (a *app) showSecond(w http.ResponseWriter, by way, token string, err error) {
	said := tell(w, err, by.Recovery)
	a.pages.Show(w, said.Status, "second", struct {
		way
		Token, Error string
	}{by, token, said.Detail})
}

// waiting returns the account that waits for its second factor. All sessions may have been ended since the first one, and with
// them what was on its way to one.
func (a *app) waiting(ctx context.Context, v onetime.Verification) (accounts.Account, error) {
	account, err := a.Accounts.Get(ctx, v.Subject)
	if err == nil && account.Epoch != string(v.Payload) {
		err = errEnded
	}
	return account, err
}

// takeSecond takes a code, and signs in. A wrong code leaves the token as it was: what counts wrong codes are the guess limits of
// the factors, which outlive any number of tokens. Of several right codes with one token one signs in.
func (a *app) takeSecond(by way) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, code := r.PostFormValue("token"), strings.TrimSpace(r.PostFormValue("code"))
		if wait, err := a.tries(r); err != nil || wait > 0 {
			a.showSecond(w, by, token, errTooFast)
			return
		}
		if len(code) > maxCode {
			a.showSecond(w, by, token, onetime.ErrMalformed)
			return
		}
		// The form may be sent twice. Both sendings have the same token, cookie and code.
		once := onetime.Idempotent(by.Action + "\n" + code + "\n" + a.browser(r) + "\n" + token)
		v, err := a.second.InspectToken(r.Context(), token, a.binding(r))
		if errors.Is(err, onetime.ErrUsed) {
			v, err = a.second.VerifyToken(r.Context(), token, a.binding(r), once) // by the first sending, perhaps
		}
		var account accounts.Account
		if err == nil {
			account, err = a.waiting(r.Context(), v)
		}
		if err != nil {
			a.fail(w, betweenError(err))
			return
		}
		proof := factor.Proof{}
		if !v.Repeated {
			if proof, err = a.verify(r.Context(), by.Recovery, account.ID, code, once); err != nil {
				a.showSecond(w, by, token, err)
				return
			}
			if v, err = a.second.VerifyToken(r.Context(), token, a.binding(r), once); err != nil {
				a.fail(w, betweenError(err))
				return
			}
		}
		a.enter(w, r, by, account, v, proof)
	}
}

// verify verifies a code of the app, or a recovery code.
func (a *app) verify(ctx context.Context, recovery bool, account, code string, once onetime.CallOption) (factor.Proof, error) {
	if recovery {
		return a.factors.VerifyRecoveryIn(ctx, a.store, account, code, once)
	}
	return a.factors.VerifyIn(ctx, a.store, account, code, once)
}

// enter begins the session of an account that has proved both factors.
func (a *app) enter(w http.ResponseWriter, r *http.Request, by way, account accounts.Account, v onetime.Verification, proof factor.Proof) {
	if !v.Used() {
		a.fail(w, errEnded)
		return
	}
	if by.Lost {
		var err error
		if account, err = a.forgetApps(r.Context(), account); err != nil {
			a.fail(w, err)
			return
		}
	}
	if by.Recovery && !v.Repeated {
		a.tell(account.Address, recoverySubject, recoveryUsed(a.at(), proof.Left, by.Lost))
	}
	c := a.cookie()
	c.MaxAge = -1
	http.SetCookie(w, c)
	if !by.Recovery {
		a.Sessions.Enter(w, r, account)
		return
	}
	a.Sessions.Begin(w, r, account)
	http.Redirect(w, r, "/factor", http.StatusSeeOther) // which says how many codes are left
}

// forgetApps removes the apps of a lost phone, and then ends all sessions: one of them may be the finder's, or begin while the apps
// are removed. The recovery codes stay until an app is set up anew.
func (a *app) forgetApps(ctx context.Context, account accounts.Account) (accounts.Account, error) {
	if err := a.remove(ctx, account.ID, row.authenticator); err != nil {
		return accounts.Account{}, err
	}
	return a.newEpoch(ctx, account)
}

// newEpoch ends all sessions of an account, and whatever waits for a second factor, and returns the account as it is then. Where
// somebody else has ended them since the account was read it is an error.
func (a *app) newEpoch(ctx context.Context, account accounts.Account) (changed accounts.Account, err error) {
	err = a.Accounts.Update(ctx, account.ID, func(now *accounts.Account) error {
		if now.Epoch != account.Epoch {
			return errEnded
		}
		now.Epoch = accounts.NewEpoch()
		changed = *now
		return nil
	})
	return changed, err
}
