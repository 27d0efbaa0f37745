package onetimejwt_test

import (
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for n := 0; n < len(headers); n += 2 {
		r.Header.Add(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWellKnown_KeysAndDiscovery(t *testing.T) {
	issuer, err := onetimejwt.NewIssuer("https://id.example.com/tenant/", []crypto.Signer{p256(), rsaK(), ed()})
	require.NoError(t, err)
	h := issuer.WellKnown()
	w := ask(h, http.MethodGet, "/tenant"+onetimejwt.JWKSPath)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/jwk-set+json", w.Header().Get("Content-Type"))
	require.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"))
	etag := w.Header().Get("ETag")
	require.Regexp(t, `^"[A-Za-z0-9_-]{22}"$`, etag)
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &set))
	require.Len(t, set.Keys, 3)
	for n, want := range []struct {
		key     crypto.Signer
		members []string
		alg     string
	}{{p256(), []string{"kty", "crv", "x", "y"}, "ES256"}, {rsaK(), []string{"kty", "n", "e"}, "RS256"}, {ed(), []string{"kty", "crv", "x"}, "EdDSA"}} {
		kid, err := onetimejwt.KeyID(want.key.Public())
		require.NoError(t, err)
		require.Equal(t, []any{kid, want.alg, "sig"}, []any{set.Keys[n]["kid"], set.Keys[n]["alg"], set.Keys[n]["use"]})
		for name := range set.Keys[n] {
			require.Contains(t, append(want.members, "kid", "alg", "use"), name, "nothing private is published")
		}
	}
	for _, condition := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
		w := ask(h, http.MethodGet, "/tenant"+onetimejwt.JWKSPath, "If-None-Match", condition)
		require.Equal(t, http.StatusNotModified, w.Code, condition)
		require.Empty(t, w.Body.String())
		require.Equal(t, etag, w.Header().Get("ETag"))
	}
	require.Equal(t, http.StatusOK, ask(h, http.MethodGet, "/tenant"+onetimejwt.JWKSPath, "If-None-Match", `"x"`).Code)
	require.Empty(t, ask(h, http.MethodHead, "/tenant"+onetimejwt.JWKSPath).Body.String())
	require.Equal(t, http.StatusMethodNotAllowed, ask(h, http.MethodPost, "/tenant"+onetimejwt.JWKSPath).Code)
	require.Equal(t, http.StatusNotFound, ask(h, http.MethodGet, onetimejwt.JWKSPath).Code, "at the path of the issuer")

	w = ask(h, http.MethodGet, "/tenant"+onetimejwt.ConfigurationPath)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.JSONEq(t, `{"issuer":"https://id.example.com/tenant/","jwks_uri":"https://id.example.com/tenant/.well-known/jwks.json",
		"id_token_signing_alg_values_supported":["ES256","RS256","EdDSA"],"subject_types_supported":["public"]}`, w.Body.String())

	again, err := onetimejwt.NewIssuer("https://id.example.com/tenant/", []crypto.Signer{rsaK(), p256(), ed()})
	require.NoError(t, err)
	require.NotEqual(t, etag, ask(again.JWKS(), http.MethodGet, "/").Header().Get("ETag"))
}

func TestSymmetric_PublishesNothing(t *testing.T) {
	issuer, err := onetimejwt.NewSymmetricIssuer("us", secret)
	require.NoError(t, err)
	for _, h := range []http.Handler{issuer.JWKS(), issuer.Configuration(), issuer.WellKnown()} {
		for _, path := range []string{"/", onetimejwt.JWKSPath, onetimejwt.ConfigurationPath} {
			require.Equal(t, http.StatusNotFound, ask(h, http.MethodGet, path).Code)
		}
	}
}

func TestBearer_ErrorsOfRFC6750(t *testing.T) {
	d := open(t, p256(), onetimejwt.ForPurpose("default"))
	var served *onetimejwt.Claims
	h := d.verifier.Bearer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := onetimejwt.ClaimsFrom(r.Context())
		require.True(t, ok)
		served = &claims
	}))
	_, ok := onetimejwt.ClaimsFrom(t.Context())
	require.False(t, ok)
	right := d.sign(t)
	expired := right
	d.clock.Advance(16 * time.Minute)
	right = d.sign(t)
	other, err := d.Manager.Purpose("reset")
	require.NoError(t, err)
	reset := (&desk{Manager: other, clock: d.clock, issuer: d.issuer}).sign(t)
	const plain = `Bearer realm="proofs"`
	for name, c := range map[string]struct {
		headers []string
		status  int
		want    string
	}{
		"right": {[]string{"Bearer " + right}, 200, ""}, "in lower case": {[]string{"bearer " + right}, 200, ""}, "two blanks": {[]string{"Bearer  " + right}, 200, ""},
		"none": {nil, 401, plain}, "another scheme": {[]string{"Basic " + right}, 401, plain}, "no scheme": {[]string{right}, 401, plain},
		"empty":           {[]string{"Bearer "}, 400, plain + `, error="invalid_request", error_description="No token in the header Authorization"`},
		"twice":           {[]string{"Bearer " + right, "Bearer " + right}, 400, plain + `, error="invalid_request", error_description="More than one header Authorization"`},
		"wrong":           {[]string{"Bearer " + right + "A"}, 401, plain + `, error="invalid_token", error_description="The token is none of the issuer for this service"`},
		"two":             {[]string{"Bearer " + right + ", Bearer " + right}, 401, plain + `, error="invalid_token", error_description="The token is none of the issuer for this service"`},
		"expired":         {[]string{"Bearer " + expired}, 401, plain + `, error="invalid_token", error_description="The token expired"`},
		"another purpose": {[]string{"Bearer " + reset}, 403, plain + `, error="insufficient_scope", error_description="The token is of another purpose"`},
	} {
		served = nil
		var headers []string
		for _, value := range c.headers {
			headers = append(headers, "Authorization", value)
		}
		w := ask(h, http.MethodGet, "/?access_token="+right, headers...)
		require.Equal(t, c.status, w.Code, name)
		require.Equal(t, c.want, w.Header().Get("WWW-Authenticate"), name)
		require.Equal(t, c.status == 200, served != nil, name)
		if c.status != 200 {
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
		} else {
			require.Equal(t, account, served.Account)
		}

		w = ask(d.verifier.AuthRequest(), http.MethodGet, "/", headers...)
		require.Equal(t, map[int]int{200: 204, 400: 401, 401: 401, 403: 403}[c.status], w.Code, name)
		require.Equal(t, c.want, w.Header().Get("WWW-Authenticate"), name)
		require.Equal(t, c.status == 200, w.Header().Get(onetimejwt.AccountHeader) == account, name)
		require.Equal(t, c.status == 200, w.Header().Get(onetimejwt.PurposeHeader) == "default", name)
	}
}

func TestAuthRequest_AccountsAreNoHeadersOfTheirOwn(t *testing.T) {
	d := open(t, p256())
	token, err := d.issuer.Sign("Jos\u00e9 / x: y", api, []onetime.Verification{d.proof(t)})
	require.NoError(t, err)
	w := bring(d.verifier.AuthRequest(), token)
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, "Jos%C3%A9%20%2F%20x:%20y", w.Header().Get(onetimejwt.AccountHeader))
}

func TestWithClient_TokensOfThatClientOnly(t *testing.T) {
	d := open(t, p256(), onetimejwt.WithClient(func(r *http.Request) (string, string) { return "192.0.2.1", r.UserAgent() }))
	tied := d.sign(t, onetimejwt.WithClientHash("192.0.2.1", ""))
	require.Equal(t, http.StatusNoContent, bring(d.verifier.AuthRequest(), tied).Code)
	require.Equal(t, http.StatusUnauthorized, bring(d.verifier.AuthRequest(), d.sign(t)).Code, "not tied")
	stolen := d.sign(t, onetimejwt.WithClientHash("192.0.2.2", ""))
	require.Equal(t, http.StatusUnauthorized, bring(d.verifier.AuthRequest(), stolen).Code)
	require.Equal(t, http.StatusUnauthorized, bring(open(t, p256()).verifier.AuthRequest(), tied).Code, "nobody says who shows it")
}

func TestIntrospect_RFC7662(t *testing.T) {
	d := open(t, p256())
	h := d.verifier.Introspect(func(r *http.Request) bool { return r.Header.Get("X-Key") == "right" })
	post := func(h http.Handler, body, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Key", key)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		return w
	}
	token := d.sign(t, onetimejwt.WithClaims(map[string]any{"role": "admin"}))
	form := url.Values{"token": {token}}.Encode()
	w := post(h, form, "right")
	require.Equal(t, http.StatusOK, w.Code)
	var got map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	_, want := read(t, token)
	want["active"] = true
	require.Equal(t, want, got)

	for name, body := range map[string]string{
		"wrong": form + "A", "empty": "token=", "tied to a client": url.Values{"token": {d.sign(t, onetimejwt.WithClientHash("192.0.2.1", ""))}}.Encode(),
	} {
		w := post(h, body, "right")
		require.Equal(t, http.StatusOK, w.Code, name)
		require.JSONEq(t, `{"active":false}`, w.Body.String(), name)
	}
	for name, body := range map[string]string{"no token": "", "two tokens": form + "&" + form, "16 KiB": "token=" + strings.Repeat("a", 16<<10), "no form": "token=%zz"} {
		require.Equal(t, http.StatusBadRequest, post(h, body, "right").Code, name)
	}
	require.Equal(t, http.StatusUnauthorized, post(h, form, "wrong").Code)
	require.Equal(t, http.StatusUnauthorized, post(d.verifier.Introspect(nil), form, "right").Code, "nobody is allowed")
	require.Equal(t, http.StatusMethodNotAllowed, ask(h, http.MethodGet, "/?"+form, "X-Key", "right").Code)
	server := serveKeys(t, d.issuer)
	server.fail()
	w = post(d.verifies(t, onetimejwt.Remote(server.URL)).Introspect(func(*http.Request) bool { return true }), form, "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "undecided is not inactive")
}
