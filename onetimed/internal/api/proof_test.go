package api

import (
	"crypto"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

const formType = "application/x-www-form-urlencoded"

func (f *fixture) introspect(caller, token string) answer {
	f.Helper()
	return f.call(caller, "POST", "/v1/access-tokens/introspect", "token="+token, "Content-Type", formType)
}

func (f *fixture) pass(service, token string) answer {
	f.Helper()
	return f.call("", "GET", "/v1/access-tokens/verify?service="+service, nil, "Authorization", "Bearer "+token)
}

func TestAccessToken_SaysWhatWasProvedAndCannotBeUndone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("orders", "Alice@Example.com")
	a := f.check(id, code).is(200)
	require.Nil(t, a.field("undo"), "either or")
	require.Equal(t, 900.0, a.field("access_token_expires_in"))
	token := a.text("access_token")

	said := f.introspect("app", token).is(200)
	require.Equal(t, true, said.field("active"))
	require.Equal(t, "alice@example.com", said.text("sub"))
	require.Equal(t, "orders", said.text("aud"))
	require.Equal(t, "p-orders", said.text("purpose"))
	require.Equal(t, testIssuer, said.text("iss"))

	passed := f.pass("orders", token).is(204)
	require.Equal(t, "alice@example.com", passed.header.Get(onetimejwt.AccountHeader))
	require.Equal(t, "p-orders", passed.header.Get(onetimejwt.PurposeHeader))

	f.redis.Advance(16 * time.Minute)
	f.pass("orders", token).is(401, "unauthorized")
	require.JSONEq(t, `{"active":false}`, string(f.introspect("app", token).is(200).body))
}

func TestAccessToken_OfTheKeySetVerifiesElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := (&walker{fixture: f}).accessToken("orders")
	set := f.call("", "GET", "/.well-known/jwks.json", nil).is(200)
	require.Equal(t, "public, max-age=300", strings.ReplaceAll(set.header.Get("Cache-Control"), "max-age=300, public", "public, max-age=300"))
	transport := fixed(set.body)
	v, err := onetimejwt.NewVerifier(testIssuer, "orders", onetimejwt.Remote(testIssuer+"/.well-known/jwks.json"),
		onetimejwt.WithHTTPClient(&http.Client{Transport: transport}), onetimejwt.WithClock(f.now))
	require.NoError(t, err)
	claims, err := v.Verify(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, "p-orders", claims.Purpose)
	cached := f.call("", "GET", "/.well-known/jwks.json", nil, "If-None-Match", set.header.Get("ETag"))
	require.Equal(t, 304, cached.status)
	var said map[string]any
	require.NoError(t, json.Unmarshal(f.call("", "GET", "/.well-known/openid-configuration", nil).is(200).body, &said))
	require.Equal(t, testIssuer+"/.well-known/jwks.json", said["jwks_uri"])
}

// fixed answers each request with one text.
type fixed []byte

func (text fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(text))), Request: r}, nil
}

func TestAccessToken_OfAnotherServiceOrCallerIsNone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := &walker{fixture: f}
	orders, reset := w.accessToken("orders"), w.accessToken("reset")
	f.pass("reset", orders).is(401, "unauthorized")
	f.pass("orders", reset).is(401, "unauthorized")
	f.pass("login", orders).is(404, "not_found")
	f.pass("none", orders).is(404, "not_found")
	for caller, token := range map[string]string{"app": reset, "other": orders} {
		require.JSONEq(t, `{"active":false}`, string(f.introspect(caller, token).is(200).body))
	}
	require.Equal(t, true, f.introspect("other", reset).is(200).field("active"))
}

func TestAccessToken_WhatIsNoneIsNotActiveAndDoesNotPass(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := (&walker{fixture: f}).accessToken("orders")
	parts := strings.Split(token, ".")
	for name, bad := range map[string]string{
		"empty": "", "text": "none", "altered": flip(token), "without signature": parts[0] + "." + parts[1] + ".", "of algorithm none": "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"twice": token + "." + token, "huge": token + strings.Repeat("A", 20_000), "padded": token + "=",
	} {
		require.JSONEq(t, `{"active":false}`, string(f.introspect("app", bad).is(200).body), name)
		a := f.pass("orders", bad).is(401, "unauthorized")
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer", name)
	}
	f.call("", "GET", "/v1/access-tokens/verify?service=orders", nil).is(401, "unauthorized")
	f.call("", "GET", "/v1/access-tokens/verify?service=orders&service=reset", nil, "Authorization", "Bearer "+token).is(400, "bad_request")
	f.call("", "GET", "/v1/access-tokens/verify?service=orders&token="+token, nil).is(400, "bad_request")
}

func TestAccessToken_OfAFixedCodeSaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		m, err := c.Services[3].Manager.Purpose("p-orders", onetime.WithDangerouslyFixedCodes(map[string]string{"review@example.com": "123456"}, time.Now().Add(time.Hour)))
		if err == nil {
			c.Services[3].Manager = m
		}
	})
	id, _ := f.started("orders", "review@example.com")
	a := f.check(id, "123456").is(200)
	require.Equal(t, true, a.field("fixed_code"))
	require.Equal(t, true, f.introspect("app", a.text("access_token")).field("fixed_code"))
}

func TestAccessToken_KeysAreRotatedWhileItRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := &walker{fixture: f}
	before := w.accessToken("orders")
	c := f.config
	c.SigningKeys = append([]crypto.Signer{freshKey(t)}, c.SigningKeys...)
	require.NoError(t, f.api.Replace(c))
	f.pass("orders", before).is(204)
	after := w.accessToken("orders")
	c.SigningKeys = c.SigningKeys[:1]
	require.NoError(t, f.api.Replace(c))
	f.pass("orders", before).is(401)
	f.pass("orders", after).is(204)
}

func TestAccessToken_WithoutKeysTheCallsOfThemAre503(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.SigningKeys = nil
		c.Services = slices.Clone(c.Services)
		for i := range c.Services {
			c.Services[i].AccessTokens = nil
		}
	})
	f.call("", "GET", "/.well-known/jwks.json", nil).is(503, "no_signing_keys")
	f.call("", "GET", "/.well-known/openid-configuration", nil).is(503, "no_signing_keys")
	f.introspect("app", "x").is(503, "no_signing_keys")
	f.pass("orders", "x").is(503, "no_signing_keys")
	id, code := f.started("orders", "alice@example.com")
	require.NotEmpty(t, f.check(id, code).is(200).text("undo"))
}
