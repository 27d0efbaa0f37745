package onetimejwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

const (
	issuerURL = "https://id.example.com"
	api       = "https://api.example.com"
	alice     = "alice@example.com"
	account   = "account-1"
)

var secret = []byte("a secret of HS256 for tests only")

// Keys of tests are made once.
var (
	p256 = sync.OnceValue(func() *ecdsa.PrivateKey { // the same in each process of a fuzz run
		scalar := sha256.Sum256([]byte("the key of P-256 of the tests"))
		return must(ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]))
	})
	rsaK = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ed   = sync.OnceValue(func() ed25519.PrivateKey {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return must(private, err)
	})
)

func newP256() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A desk is a Manager with a clock, and what signs and verifies by that clock.
type desk struct {
	*onetime.Manager
	clock    *onetimetest.Clock
	issuer   *onetimejwt.Issuer
	verifier *onetimejwt.Verifier
}

// open makes a desk that signs with a key.
func open(t testing.TB, signer crypto.Signer, opts ...onetimejwt.VerifierOption) *desk {
	t.Helper()
	d := &desk{}
	d.Manager, d.clock = onetimetest.New(t, onetime.WithSendLimits())
	var err error
	d.issuer, err = onetimejwt.NewIssuer(issuerURL, []crypto.Signer{signer}, onetimejwt.WithClock(d.clock.Now))
	require.NoError(t, err)
	d.verifier = d.verifies(t, onetimejwt.Keys(signer.Public()), opts...)
	return d
}

func (d *desk) verifies(t testing.TB, keys onetimejwt.KeySource, opts ...onetimejwt.VerifierOption) *onetimejwt.Verifier {
	t.Helper()
	v, err := onetimejwt.NewVerifier(issuerURL, api, keys, append([]onetimejwt.VerifierOption{onetimejwt.WithClock(d.clock.Now)}, opts...)...)
	require.NoError(t, err)
	return v
}

// proof has Alice prove her inbox.
func (d *desk) proof(t testing.TB, opts ...onetime.CallOption) onetime.Verification {
	t.Helper()
	var issue []onetime.IssueOption
	var verify []onetime.VerifyOption
	for _, o := range opts {
		issue, verify = append(issue, o), append(verify, o)
	}
	otp, err := d.IssueOTP(t.Context(), alice, issue...)
	require.NoError(t, err)
	v, err := d.VerifyOTP(t.Context(), alice, otp.Code, verify...)
	require.NoError(t, err)
	return v
}

func (d *desk) sign(t testing.TB, opts ...onetimejwt.SignOption) string {
	t.Helper()
	token, err := d.issuer.Sign(account, api, []onetime.Verification{d.proof(t)}, opts...)
	require.NoError(t, err)
	return token
}

// claims are those of a right token now, with changes; nil takes a claim out.
func (d *desk) claims(changes map[string]any) string {
	now := d.clock.Now().Unix()
	all := map[string]any{"iss": issuerURL, "aud": api, "sub": account, "iat": now, "exp": now + 900, "jti": "1"}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return string(must(json.Marshal(all)))
}

// header is that of a right token by the key of P-256, with changes; nil takes a member out.
func header(changes map[string]any) string {
	all := map[string]any{"alg": "ES256", "typ": "JWT", "kid": must(onetimejwt.KeyID(p256().Public()))}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return string(must(json.Marshal(all)))
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge signs any header and any claims with the key of P-256, as the issuer could and would not.
func forge(header, claims string) string {
	signed := b64(header) + "." + b64(claims)
	return signed + "." + b64(es256(p256(), signed))
}

func es256(key *ecdsa.PrivateKey, signed string) string {
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	must(r, err)
	return string(r.FillBytes(make([]byte, 32))) + string(s.FillBytes(make([]byte, 32)))
}

func hs256(secret []byte, signed string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return string(mac.Sum(nil))
}

func refuses(t testing.TB, v *onetimejwt.Verifier, token, why string) {
	t.Helper()
	claims, err := v.Verify(t.Context(), token)
	require.ErrorIs(t, err, onetimejwt.ErrRefused, why)
	require.Zero(t, claims.Account, why)
	require.NotErrorIs(t, err, onetimejwt.ErrNoKeys, why)
	require.NotContains(t, err.Error(), account, why)
}

func accepts(t testing.TB, v *onetimejwt.Verifier, token, why string) onetimejwt.Claims {
	t.Helper()
	claims, err := v.Verify(t.Context(), token)
	require.NoError(t, err, why)
	require.Equal(t, account, claims.Account, why)
	return claims
}

// read returns header and claims of a token that nobody verified.
func read(t testing.TB, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	for n, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[n])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, into))
	}
	return header, claims
}

// A keyServer serves the keys of an issuer that tests exchange.
type keyServer struct {
	*httptest.Server
	answer  atomic.Pointer[http.HandlerFunc]
	fetches atomic.Int64
}

func serveKeys(t testing.TB, issuer *onetimejwt.Issuer) *keyServer {
	t.Helper()
	s := &keyServer{}
	s.serve(issuer.JWKS().ServeHTTP)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) serve(answer http.HandlerFunc) { s.answer.Store(&answer) }

func (s *keyServer) fail() {
	s.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
}

func (s *keyServer) text(body string) {
	s.serve(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) })
}

// bring sends a request with a token to a handler.
func bring(h http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
