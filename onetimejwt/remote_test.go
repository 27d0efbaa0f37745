package onetimejwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

func noKeys(t testing.TB, v *onetimejwt.Verifier, token, why string) {
	t.Helper()
	claims, err := v.Verify(t.Context(), token)
	require.ErrorIs(t, err, onetimejwt.ErrNoKeys, why)
	require.NotErrorIs(t, err, onetimejwt.ErrRefused, why)
	require.Zero(t, claims.Account, why)
}

func TestRemote_OneFetchForAllThatWaitForIt(t *testing.T) {
	d := open(t, p256())
	server := serveKeys(t, d.issuer)
	v := d.verifies(t, onetimejwt.Remote(server.URL))
	token := d.sign(t)
	var wait sync.WaitGroup
	errs := make([]error, 20)
	for n := range errs {
		wait.Go(func() { _, errs[n] = v.Verify(t.Context(), token) })
	}
	wait.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, server.fetches.Load())
}

func TestRemote_AThousandRandomKidsAreOneFetch(t *testing.T) {
	d := open(t, p256())
	server := serveKeys(t, d.issuer)
	v := d.verifies(t, onetimejwt.Remote(server.URL))
	good := d.sign(t)
	accepts(t, v, good, "the first fetch")
	flood := func() {
		var wait sync.WaitGroup
		for n := range 1000 {
			wait.Go(func() {
				invented := b64(header(map[string]any{"kid": fmt.Sprint(n, rand.Text())})) + "." + b64(d.claims(nil)) + "." + b64("signature")
				_, err := v.Verify(t.Context(), invented)
				if !errors.Is(err, onetimejwt.ErrRefused) {
					t.Errorf("a random kid: %v", err)
				}
				if n%20 != 0 {
					return
				}
				if _, err := v.Verify(t.Context(), good); err != nil {
					t.Errorf("a good token: %v", err)
				}
			})
		}
		wait.Wait()
	}
	flood()
	require.EqualValues(t, 1, server.fetches.Load(), "within 30 s of the first")
	d.clock.Advance(30 * time.Second)
	flood()
	require.EqualValues(t, 2, server.fetches.Load())
	d.clock.Advance(30*time.Second - time.Millisecond)
	flood()
	require.EqualValues(t, 2, server.fetches.Load())
}

func TestRemote_StaleForAnHourThenUndecided(t *testing.T) {
	d := open(t, p256())
	server := serveKeys(t, d.issuer)
	v := d.verifies(t, onetimejwt.Remote(server.URL))
	token := d.sign(t, onetimejwt.WithLifetime(24*time.Hour))
	accepts(t, v, token, "fetched")
	server.fail()
	for range 59 {
		d.clock.Advance(time.Minute)
		accepts(t, v, token, "stale")
	}
	refuses(t, v, d.sign(t)+"A", "a stale set still judges")
	noKeys(t, v, forge(header(map[string]any{"kid": "new"}), d.claims(nil)), "the key may have come since")
	d.clock.Advance(time.Minute - time.Millisecond)
	accepts(t, v, token, "stale, at the edge")
	d.clock.Advance(time.Millisecond)
	noKeys(t, v, token, "an hour old")
	require.Equal(t, http.StatusServiceUnavailable, bring(v.Bearer(http.NotFoundHandler()), token).Code)
	require.Equal(t, http.StatusServiceUnavailable, bring(v.AuthRequest(), token).Code)
	require.Equal(t, "30", bring(v.AuthRequest(), token).Header().Get("Retry-After"))

	server.serve(d.issuer.JWKS().ServeHTTP)
	before := server.fetches.Load()
	noKeys(t, v, token, "it asks again after 30 s only")
	require.Equal(t, before, server.fetches.Load())
	d.clock.Advance(30 * time.Second)
	accepts(t, v, token, "back")
}

func TestRemote_AKeyThatIsTakenOutIsRefusedAfterTenMinutes(t *testing.T) {
	d := open(t, p256())
	server := serveKeys(t, d.issuer)
	v := d.verifies(t, onetimejwt.Remote(server.URL))
	token := d.sign(t)
	accepts(t, v, token, "fetched")
	other, err := onetimejwt.NewIssuer(issuerURL, []crypto.Signer{newP256()})
	require.NoError(t, err)
	server.serve(other.JWKS().ServeHTTP)
	d.clock.Advance(10 * time.Minute)
	refuses(t, v, token, "taken out")
}

func TestRemote_AFreshSetIsFetchedWhileTokensGoOn(t *testing.T) {
	d := open(t, p256())
	server := serveKeys(t, d.issuer)
	v := d.verifies(t, onetimejwt.Remote(server.URL))
	token := d.sign(t)
	accepts(t, v, token, "fetched")
	asked, hold := make(chan struct{}), make(chan struct{})
	server.serve(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-hold
		d.issuer.JWKS().ServeHTTP(w, r)
	})
	d.clock.Advance(5 * time.Minute)
	accepts(t, v, token, "while the set is being fetched")
	<-asked
	accepts(t, v, token, "while the set is being fetched")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := v.Verify(ctx, forge(header(map[string]any{"kid": "new"}), d.claims(nil)))
	require.ErrorIs(t, err, onetimejwt.ErrNoKeys, "an unknown key waits, as long as its context lets it")
	require.ErrorIs(t, err, context.Canceled)
	close(hold)
	refuses(t, v, forge(header(map[string]any{"kid": "new"}), d.claims(nil)), "fetched: there is no such key")
	require.EqualValues(t, 2, server.fetches.Load())
}

func TestRemote_AClockThatWasSetBackTrustsNothing(t *testing.T) {
	d := open(t, p256())
	server := serveKeys(t, d.issuer)
	v := d.verifies(t, onetimejwt.Remote(server.URL), onetimejwt.WithLeeway(5*time.Minute))
	token := d.sign(t)
	accepts(t, v, token, "fetched")
	d.clock.Advance(-time.Minute)
	accepts(t, v, token, "fetched anew")
	require.EqualValues(t, 2, server.fetches.Load())
	server.fail()
	d.clock.Advance(-time.Minute)
	noKeys(t, v, token, "no age is known")
}

func TestRemote_WhatIsNoKeySet(t *testing.T) {
	d := open(t, p256())
	var set strings.Builder
	w := httptest.NewRecorder()
	d.issuer.JWKS().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	io.Copy(&set, w.Body)
	right := set.String()
	server := serveKeys(t, d.issuer)
	elsewhere := serveKeys(t, d.issuer)
	token := d.sign(t)
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"redirect with a set": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusFound)
			io.WriteString(w, right)
		},
		"404 with a set": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, right)
		},
		"203": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNonAuthoritativeInfo)
			io.WriteString(w, right)
		},
		"64 KiB and one": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, right+strings.Repeat(" ", 64<<10+1-len(right)))
		},
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9999")
			io.WriteString(w, right)
		},
		"nothing":  func(http.ResponseWriter, *http.Request) {},
		"HTML":     func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"two sets": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, right+right) },
		"keys twice": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Replace(right, "{", `{"Keys":[],`, 1))
		},
		"keys null": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"keys":null}`) },
		"a member of a key twice": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Replace(right, `"kty"`, `"KTY":"oct","kty"`, 1))
		},
		"no keys":          func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"keys":[]}`) },
		"no member keys":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) },
		"keys are strings": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"keys":["x"]}`) },
		"65 keys": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Replace(right, "[", "["+strings.Repeat("{},", 64), 1))
		},
	} {
		server.serve(answer)
		noKeys(t, d.verifies(t, onetimejwt.Remote(server.URL)), token, name)
	}
	require.Zero(t, elsewhere.fetches.Load(), "no redirect is followed")
	server.text(right + strings.Repeat(" ", 64<<10-len(right)))
	accepts(t, d.verifies(t, onetimejwt.Remote(server.URL)), token, "64 KiB")
	server.Close()
	noKeys(t, d.verifies(t, onetimejwt.Remote(server.URL)), token, "nobody listens")
}

// A key of a set verifies by its one algorithm or not at all.
func TestRule19_KeysOfASetThatMustNotVerify(t *testing.T) {
	d := open(t, p256())
	w := httptest.NewRecorder()
	d.issuer.JWKS().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &set))
	right := set.Keys[0]
	kid := right["kid"].(string)
	encode := func(key crypto.Signer) map[string]any {
		issuer, err := onetimejwt.NewIssuer(issuerURL, []crypto.Signer{key})
		require.NoError(t, err)
		w := httptest.NewRecorder()
		issuer.JWKS().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		var set struct{ Keys []map[string]any }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &set))
		return set.Keys[0]
	}
	other := encode(ed()) // keeps a set alive that has no other key
	server := serveKeys(t, d.issuer)
	judge := func(key map[string]any) *onetimejwt.Verifier {
		server.text(string(must(json.Marshal(map[string]any{"keys": []any{key, other}}))))
		return d.verifies(t, onetimejwt.Remote(server.URL))
	}
	with := func(changes map[string]any) map[string]any {
		changed := map[string]any{}
		for name, value := range right {
			changed[name] = value
		}
		for name, value := range changes {
			changed[name] = value
			if value == nil {
				delete(changed, name)
			}
		}
		return changed
	}
	token := d.sign(t)
	accepts(t, judge(right), token, "right")
	accepts(t, judge(with(map[string]any{"alg": nil, "use": nil})), token, "alg and use may be missing")
	accepts(t, judge(with(map[string]any{"x5u": "https://attacker.example", "x5c": []string{"x"}, "key_ops": []string{"verify"}})), token, "what is not looked at")
	for name, changes := range map[string]map[string]any{
		"for encryption": {"use": "enc"}, "use a number": {"use": 1}, "of another algorithm": {"alg": "ES512"}, "of none": {"alg": "none"}, "of HS256": {"alg": "HS256"},
		"private": {"d": right["x"]}, "symmetric": {"kty": "oct", "k": "c2VjcmV0"}, "another curve": {"crv": "P-384"}, "off the curve": {"y": right["x"]},
		"without kid": {"kid": nil}, "kid a number": {"kid": 7}, "without y": {"y": nil}, "another kid": {"kid": "another"},
	} {
		refuses(t, judge(with(changes)), token, name)
	}
	secretKey := map[string]any{"kty": "oct", "k": b64(string(secret)), "kid": kid, "alg": "HS256"}
	signed := b64(header(map[string]any{"alg": "HS256"})) + "." + b64(d.claims(nil))
	refuses(t, judge(secretKey), signed+"."+b64(hs256(secret, signed)), "symmetric keys of a set are ignored")

	short := must(rsa.GenerateKey(rand.Reader, 1024))
	refuses(t, judge(map[string]any{"kty": "RSA", "kid": kid, "n": b64(string(short.N.Bytes())), "e": "AQAB"}), token, "RSA with 1024 bits")
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	refuses(t, judge(map[string]any{"kty": "EC", "crv": "P-384", "kid": kid, "x": b64(string(p384.X.FillBytes(make([]byte, 48)))), "y": b64(string(p384.Y.FillBytes(make([]byte, 48))))}), token, "P-384")

	// Of two keys of one kid the first counts.
	server.text(string(must(json.Marshal(map[string]any{"keys": []any{right, with(map[string]any{"x": encode(newP256())["x"]}), right}}))))
	accepts(t, d.verifies(t, onetimejwt.Remote(server.URL)), token, "the first of one kid")
}

func TestRemote_BadAddresses(t *testing.T) {
	for _, address := range []string{"", "http://id.example.com/jwks.json", "https://user:password@id.example.com/", "file:///etc/passwd", "https://id.example.com/#x", "/jwks.json", "https://"} {
		_, err := onetimejwt.NewVerifier(issuerURL, api, onetimejwt.Remote(address))
		require.ErrorIs(t, err, onetime.ErrInvalid, address)
		require.NotContains(t, err.Error(), "password")
	}
	_, err := onetimejwt.NewVerifier(issuerURL, api, onetimejwt.Remote("https://id.example.com/keys?tenant=1"), nil)
	require.NoError(t, err)
}

func TestRemote_OverTLSWithOnesOwnClient(t *testing.T) {
	d := open(t, p256())
	server := httptest.NewUnstartedServer(d.issuer.JWKS())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	token := d.sign(t)
	accepts(t, d.verifies(t, onetimejwt.Remote(server.URL), onetimejwt.WithHTTPClient(server.Client())), token, "its certificate is trusted")
	noKeys(t, d.verifies(t, onetimejwt.Remote(server.URL)), token, "a certificate that nobody trusts")
}

// The old key signs until the new one is known, and is known as long as what it signed lives.
func TestRemote_RotationInThreeStepsUnderLoadWithoutOne401(t *testing.T) {
	d := open(t, p256())
	old, coming := p256(), newP256()
	steps := [][]crypto.Signer{{old}, {old, coming}, {coming, old}, {coming}}
	minutes := []int{2, 15, 24 * 60, 20}
	issuer := func(keys []crypto.Signer) *onetimejwt.Issuer {
		i, err := onetimejwt.NewIssuer(issuerURL, keys, onetimejwt.WithClock(d.clock.Now))
		require.NoError(t, err)
		return i
	}
	server := serveKeys(t, d.issuer)
	guarded := d.verifies(t, onetimejwt.Remote(server.URL)).Bearer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	proof := []onetime.Verification{d.proof(t)}
	var longest string
	for step, keys := range steps {
		i := issuer(keys)
		server.serve(i.JWKS().ServeHTTP)
		for minute := range minutes[step] {
			if step == 2 && 30 <= minute && minute < 24*60-30 && minute%60 != 0 {
				d.clock.Advance(time.Minute)
				continue
			}
			var wait sync.WaitGroup
			codes := make([]int, 6)
			for n := range codes {
				wait.Go(func() {
					token, err := i.Sign(account, api, proof)
					if err == nil {
						codes[n] = bring(guarded, token).Code
					}
				})
			}
			wait.Go(func() { d.clock.Advance(time.Minute) })
			wait.Wait()
			for _, code := range codes {
				require.Equal(t, http.StatusNoContent, code, "step %d, minute %d", step, minute)
			}
			if longest != "" && step == 2 {
				require.Equal(t, http.StatusNoContent, bring(guarded, longest).Code, "step %d, minute %d", step, minute)
			}
		}
		if step == 1 { // the last that the old key signs
			var err error
			longest, err = i.Sign(account, api, proof, onetimejwt.WithLifetime(24*time.Hour))
			require.NoError(t, err)
		}
	}
	require.Equal(t, http.StatusUnauthorized, bring(guarded, longest).Code)
	stolen, err := issuer(steps[0]).Sign(account, api, proof)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, bring(guarded, stolen).Code, "what the old key signs counts no more")
}
