package main

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/limit"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

const (
	audience = "orders" // whom the proofs are for: this service and the one of verifier
	lifetime = 15 * time.Minute
)

// An api signs people in and serves their orders.
type api struct {
	login    *onetime.Manager
	issuer   *onetimejwt.Issuer
	verifier *onetimejwt.Verifier
	accounts *accounts.Directory
	allow    func(*http.Request) (time.Duration, error)
	out      io.Writer // where codes are printed that yours would send
}

func newAPI(rdb *redis.Client, key []byte, signer crypto.Signer, origin string, people *accounts.Directory, out io.Writer) (*api, error) {
	a := &api{accounts: people, out: out, allow: limit.PerAddress(60, time.Minute)}
	var err error
	if a.login, err = onetime.New(rdb, key); err != nil {
		return nil, err
	}
	if a.issuer, err = onetimejwt.NewIssuer(origin, []crypto.Signer{signer}); err != nil {
		return nil, err
	}
	// Whoever has the key at hand needs no key set.
	a.verifier, err = onetimejwt.NewVerifier(origin, audience, onetimejwt.Keys(signer.Public()), onetimejwt.ForPurpose("default"))
	return a, err
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /code", a.limited(a.code))
	mux.HandleFunc("POST /proof", a.limited(a.proof))
	mux.Handle("GET /orders", a.verifier.Bearer(http.HandlerFunc(orders)))
	mux.Handle("GET /auth", a.verifier.AuthRequest()) // for nginx
	mux.Handle("/.well-known/", a.issuer.WellKnown())
	return mux
}

func (a *api) limited(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		if !limit.Passes(a.allow, r) {
			reply(w, http.StatusTooManyRequests, map[string]any{"reason": "too_many_requests"})
			return
		}
		next(w, r)
	}
}

// lookup finds the account of the address of a form. Of who has none the subject is the address, under which a decoy answers.
func (a *api) lookup(r *http.Request) (subject, deliverTo string, found bool, err error) {
	typed, err := address.Mail(r.PostFormValue("address"))
	if err != nil {
		return "", "", false, err
	}
	if subject, deliverTo, found, err = a.accounts.Lookup(r.Context(), typed); !found {
		subject = typed
	}
	return subject, deliverTo, found, err
}

// code sends a code to whoever has the account of an address. Who has none gets the same answer.
func (a *api) code(w http.ResponseWriter, r *http.Request) {
	account, deliverTo, found, err := a.lookup(r)
	if err != nil {
		refuse(w, err)
		return
	}
	request := rand.Text() // only who brings it back can use the code
	opts := []onetime.IssueOption{onetime.WithRequest(request)}
	if !found {
		opts = append(opts, onetime.AsDecoy())
	}
	otp, err := a.login.IssueOTP(r.Context(), account, opts...)
	if err != nil {
		refuse(w, err)
		return
	}
	if found {
		fmt.Fprintf(a.out, "Code for %s: %s\n", deliverTo, otp.Code) // deliver it, and never print it
	}
	reply(w, http.StatusAccepted, map[string]any{"request": request, "expires_in": int(otp.ExpiresIn.Seconds())})
}

// proof makes a signed proof of a right code.
func (a *api) proof(w http.ResponseWriter, r *http.Request) {
	account, _, _, err := a.lookup(r)
	if err != nil {
		refuse(w, err)
		return
	}
	v, err := a.login.VerifyOTP(r.Context(), account, r.PostFormValue("code"), onetime.WithRequest(r.PostFormValue("request")))
	if err != nil {
		refuse(w, err)
		return
	}
	// Last of all: no Undo recalls a token.
	token, err := a.issuer.Sign(v.Subject, audience, []onetime.Verification{v}, onetimejwt.WithLifetime(lifetime))
	if err != nil {
		refuse(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime.Seconds())})
}

func orders(w http.ResponseWriter, r *http.Request) {
	claims, _ := onetimejwt.ClaimsFrom(r.Context())
	reply(w, http.StatusOK, map[string]any{"account": claims.Account, "orders": []string{"a bicycle"}})
}

// refuse answers what is no yes.
func refuse(w http.ResponseWriter, err error) {
	var denied *onetime.DeniedError
	switch {
	case errors.As(err, &denied):
		status := http.StatusForbidden
		if denied.RetryAfter > 0 && !errors.Is(err, onetime.ErrMismatch) {
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", fmt.Sprint(int(denied.RetryAfter.Seconds())+1))
		}
		reply(w, status, map[string]any{"reason": denied.Name(), "attempts_left": denied.AttemptsLeft})
	case errors.Is(err, onetime.ErrInvalid):
		reply(w, http.StatusBadRequest, map[string]any{"reason": "invalid"})
	default: // undecided
		reply(w, http.StatusServiceUnavailable, map[string]any{"reason": "undecided"})
	}
}

func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
