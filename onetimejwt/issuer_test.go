package onetimejwt_test

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func TestSign_TheClaims(t *testing.T) {
	for name, signer := range map[string]crypto.Signer{"ES256": p256(), "RS256": rsaK(), "EdDSA": ed()} {
		d := open(t, signer)
		v := d.proof(t)
		used := d.clock.Now()
		d.clock.Advance(time.Minute)
		token, err := d.issuer.Sign(account, api, []onetime.Verification{v}, onetimejwt.WithClaims(map[string]any{"role": "admin", "n": json.Number("12345678901234567890")}))
		require.NoError(t, err)
		head, claims := read(t, token)
		kid, err := onetimejwt.KeyID(signer.Public())
		require.NoError(t, err)
		require.Equal(t, map[string]any{"alg": name, "typ": "JWT", "kid": kid}, head)
		now := float64(d.clock.Now().Unix())
		require.Equal(t, map[string]any{
			"iss": issuerURL, "sub": account, "aud": api, "iat": now, "nbf": now, "exp": now + 900, "auth_time": float64(used.Unix()),
			"jti": claims["jti"], "amr": []any{"otp"}, "purpose": "default", "role": "admin", "n": 12345678901234567890.0,
		}, claims)

		got := accepts(t, d.verifier, token, name)
		require.Equal(t, issuerURL, got.Issuer)
		require.Equal(t, []string{api}, got.Audience)
		require.Equal(t, d.clock.Now().Unix(), got.IssuedAt.Unix())
		require.Equal(t, got.IssuedAt, got.NotBefore)
		require.Equal(t, got.IssuedAt.Add(15*time.Minute), got.ExpiresAt)
		require.Equal(t, used.Unix(), got.AuthTime.Unix())
		require.Equal(t, []string{"otp"}, got.Methods)
		require.Equal(t, "default", got.Purpose)
		require.Equal(t, claims["jti"], got.ID)
		require.False(t, got.FixedCode)
		var role string
		require.True(t, got.Claim("role", &role))
		require.Equal(t, "admin", role)
		var n json.Number
		require.True(t, got.Claim("n", &n))
		require.Equal(t, "12345678901234567890", n.String(), "no digit is lost")
		require.False(t, got.Claim("roles", &role))
		require.False(t, got.Claim("role", new(int)))
	}
}

func TestRule19_WhatProvesNothingIsNotSigned(t *testing.T) {
	d := open(t, p256())
	token, err := d.IssueToken(t.Context(), alice)
	require.NoError(t, err)
	inspected, err := d.InspectToken(t.Context(), token.Value)
	require.NoError(t, err)
	used := d.proof(t)
	for name, proofs := range map[string][]onetime.Verification{
		"none": nil, "an inspected token": {inspected}, "a literal": {{Subject: alice, Purpose: "default", Kind: onetime.KindOTP}}, "the zero value": {{}},
		"one of two": {used, inspected}, "the same twice": {used, used}, "five": {used, used, used, used, used},
	} {
		signed, err := d.issuer.Sign(account, api, proofs)
		require.ErrorIs(t, err, onetime.ErrInvalid, name)
		require.NotContains(t, err.Error(), alice)
		require.Empty(t, signed, name)
	}
}

func TestRule19_AFixedCodeIsSignedIfAskedAndClaimed(t *testing.T) {
	rdb, clock := onetimetest.NewRedis(t)
	m, err := onetime.New(rdb, onetimetest.Key, clock.Option(), onetime.WithDangerouslyFixedCodes(map[string]string{alice: "123456"}, clock.Now().Add(time.Hour)))
	require.NoError(t, err)
	d := open(t, p256())
	d.Manager = m
	v := d.proof(t)
	require.True(t, v.FixedCode)
	_, err = d.issuer.Sign(account, api, []onetime.Verification{v})
	require.ErrorIs(t, err, onetime.ErrInvalid)
	token, err := d.issuer.Sign(account, api, []onetime.Verification{v}, onetimejwt.AllowFixedCodes())
	require.NoError(t, err)
	require.True(t, accepts(t, d.verifier, token, "asked").FixedCode)
	_, claims := read(t, token)
	require.Equal(t, true, claims["fixed_code"])
	require.False(t, accepts(t, d.verifier, open(t, p256()).sign(t, onetimejwt.AllowFixedCodes()), "another").FixedCode)
}

func TestSign_ARepeatHasTheSameJTI(t *testing.T) {
	d := open(t, p256())
	const form = "the nonce of this form"
	otp, err := d.IssueOTP(t.Context(), alice)
	require.NoError(t, err)
	id := func(account, audience string, proofs ...onetime.Verification) string {
		token, err := d.issuer.Sign(account, audience, proofs)
		require.NoError(t, err)
		_, claims := read(t, token)
		return claims["jti"].(string)
	}
	first, err := d.VerifyOTP(t.Context(), alice, otp.Code, onetime.Idempotent(form))
	require.NoError(t, err)
	want := id(account, api, first)
	require.Len(t, want, 22)
	require.NotContains(t, want, first.Call())
	d.clock.Advance(30 * time.Second)
	second, err := d.VerifyOTP(t.Context(), alice, otp.Code, onetime.Idempotent(form))
	require.NoError(t, err)
	require.True(t, second.Repeated)
	require.Equal(t, want, id(account, api, second))

	other := d.proof(t)
	for name, another := range map[string]string{
		"account": id("account-2", api, first), "audience": id(account, "https://other.example.com", first), "use": id(account, api, other), "proofs": id(account, api, first, other),
	} {
		require.NotEqual(t, want, another, name)
	}
}

func TestSign_AMRSaysNoMoreThanWasProved(t *testing.T) {
	d := open(t, p256())
	as := func(kind string) onetime.Verification {
		v := d.proof(t)
		v.Kind = kind
		return v
	}
	for name, c := range map[string]struct {
		proofs []onetime.Verification
		opts   []onetimejwt.SignOption
		want   []string
	}{
		"a code":                       {[]onetime.Verification{as("otp")}, nil, []string{"otp"}},
		"a link":                       {[]onetime.Verification{as("token")}, nil, []string{"otp"}},
		"by text message alone":        {[]onetime.Verification{as("otp")}, []onetimejwt.SignOption{onetimejwt.SentBySMS()}, []string{"otp", "sms"}},
		"a code and a link":            {[]onetime.Verification{as("otp"), as("token")}, nil, []string{"otp"}},
		"two of an authenticator":      {[]onetime.Verification{as("totp"), as("recovery")}, nil, []string{"otp"}},
		"a code and an authenticator":  {[]onetime.Verification{as("otp"), as("totp")}, nil, []string{"otp", "mfa"}},
		"a link and a recovery code":   {[]onetime.Verification{as("recovery"), as("token")}, nil, []string{"otp", "mfa"}},
		"text message, hardware token": {[]onetime.Verification{as("otp"), as("hotp")}, []onetimejwt.SignOption{onetimejwt.SentBySMS()}, []string{"otp", "sms", "mfa"}},
	} {
		token, err := d.issuer.Sign(account, api, c.proofs, c.opts...)
		require.NoError(t, err, name)
		require.Equal(t, c.want, accepts(t, d.verifier, token, name).Methods, name)
	}
	_, err := d.issuer.Sign(account, api, []onetime.Verification{as("totp")}, onetimejwt.SentBySMS())
	require.ErrorIs(t, err, onetime.ErrInvalid, "an authenticator sends no text messages")
}

func TestSign_BadInput(t *testing.T) {
	d := open(t, p256())
	v := []onetime.Verification{d.proof(t)}
	many := map[string]any{}
	for n := range 33 {
		many[fmt.Sprint("claim", n)] = n
	}
	for want, sign := range map[string]func() (string, error){
		"Sign: an account of 0 bytes: want 1 to 512":                     func() (string, error) { return d.issuer.Sign("", api, v) },
		"Sign: an account of 513 bytes: want 1 to 512":                   func() (string, error) { return d.issuer.Sign(strings.Repeat("a", 513), api, v) },
		"Sign: an audience of 0 bytes: want 1 to 512":                    func() (string, error) { return d.issuer.Sign(account, "", v) },
		"Sign: an account: want valid UTF-8 without control characters":  func() (string, error) { return d.issuer.Sign("a\x00", api, v) },
		"Sign: an audience: want valid UTF-8 without control characters": func() (string, error) { return d.issuer.Sign(account, "\xff", v) },
		"WithLifetime(59s): want 1m0s to 24h0m0s in whole seconds":       func() (string, error) { return d.issuer.Sign(account, api, v, onetimejwt.WithLifetime(59*time.Second)) },
		"WithLifetime(24h0m1s): want 1m0s to 24h0m0s in whole seconds": func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithLifetime(24*time.Hour+time.Second))
		},
		"WithLifetime(1m0.5s): want 1m0s to 24h0m0s in whole seconds": func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithLifetime(60500*time.Millisecond))
		},
		"WithClaims: 33 claims: want at most 32": func() (string, error) { return d.issuer.Sign(account, api, v, onetimejwt.WithClaims(many)) },
		"WithClaims: 2057 bytes as JSON: want at most 2048": func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithClaims(map[string]any{"x": strings.Repeat("x", 2049)}))
		},
		"WithClaims: want what is JSON": func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithClaims(map[string]any{"x": math.NaN()}))
		},
		"WithClaims: want no two members whose names differ in case only": func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithClaims(map[string]any{"x": 1, "X": 2}))
		},
		`WithClaims("SUB"): Sign makes this claim`: func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithClaims(map[string]any{"SUB": "account-2"}))
		},
		`WithClaims("active"): Sign makes this claim`: func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithClaims(map[string]any{"active": true}))
		},
		"WithClaims: a name of 0 bytes: want 1 to 512": func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithClaims(map[string]any{"": 1}))
		},
		"WithClientHash: want an IP address without port": func() (string, error) {
			return d.issuer.Sign(account, api, v, onetimejwt.WithClientHash("192.0.2.1:80", "x"))
		},
	} {
		token, err := sign()
		require.ErrorIs(t, err, onetime.ErrInvalid, want)
		require.EqualError(t, err, "onetimejwt: "+want)
		require.Empty(t, token)
	}
	for _, name := range []string{"iss", "sub", "aud", "iat", "nbf", "exp", "auth_time", "jti", "amr", "purpose", "fixed_code", "client_hash"} {
		_, err := d.issuer.Sign(account, api, v, onetimejwt.WithClaims(map[string]any{name: 1}))
		require.ErrorIs(t, err, onetime.ErrInvalid, name)
	}
	edge := []onetimejwt.SignOption{nil, onetimejwt.WithClaims(nil), onetimejwt.WithLifetime(24 * time.Hour), onetimejwt.WithClaims(map[string]any{"x": strings.Repeat("x", 2040)})}
	longest := strings.Repeat("\u00e9", 256)
	token, err := d.issuer.Sign(longest, api, v, edge...)
	require.NoError(t, err)
	claims, err := d.verifier.Verify(t.Context(), token)
	require.NoError(t, err, "the longest that is signed verifies")
	require.Equal(t, longest, claims.Account)
}

func TestSymmetric_HS256AndNothingElse(t *testing.T) {
	d := open(t, p256())
	issuer, err := onetimejwt.NewSymmetricIssuer(issuerURL, secret, onetimejwt.WithClock(d.clock.Now))
	require.NoError(t, err)
	token, err := issuer.Sign(account, api, []onetime.Verification{d.proof(t)})
	require.NoError(t, err)
	head, _ := read(t, token)
	require.Equal(t, map[string]any{"alg": "HS256", "typ": "JWT"}, head)

	next := []byte("the coming secret of HS256, tests")
	accepts(t, d.verifies(t, onetimejwt.Secrets(next, secret)), token, "one of two")
	refuses(t, d.verifies(t, onetimejwt.Secrets(next)), token, "another secret")
	refuses(t, d.verifier, token, "public keys take no HS256")
	refuses(t, d.verifies(t, onetimejwt.Secrets(secret)), d.sign(t), "secrets take nothing else")
	for _, alg := range []string{"none", "HS512", "hs256", "ES256"} {
		signed := b64(fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, alg)) + "." + b64(d.claims(nil))
		refuses(t, d.verifies(t, onetimejwt.Secrets(secret)), signed+"."+b64(hs256(secret, signed)), alg)
	}
}

func TestForPurpose_AnotherIsErrPurpose(t *testing.T) {
	d := open(t, p256())
	token := d.sign(t)
	accepts(t, d.verifies(t, onetimejwt.Keys(p256().Public()), onetimejwt.ForPurpose("other", "default")), token, "named")
	_, err := d.verifies(t, onetimejwt.Keys(p256().Public()), onetimejwt.ForPurpose("other")).Verify(t.Context(), token)
	require.ErrorIs(t, err, onetimejwt.ErrPurpose)
	require.ErrorIs(t, err, onetimejwt.ErrRefused)
	refuses(t, d.verifies(t, onetimejwt.Keys(p256().Public()), onetimejwt.ForPurpose("default")), forge(header(nil), d.claims(nil)), "none")
}

func TestClientHash_OfThatClientOnly(t *testing.T) {
	d := open(t, p256())
	token := d.sign(t, onetimejwt.WithClientHash("192.0.2.1", "Browser/1"))
	refuses(t, d.verifier, token, "nobody says who shows it")
	for name, c := range map[string]struct {
		ip, userAgent string
		ok            bool
	}{
		"the same": {"192.0.2.1", "Browser/1", true}, "mapped": {"::ffff:192.0.2.1", "Browser/1", true}, "another address": {"192.0.2.2", "Browser/1", false},
		"another browser": {"192.0.2.1", "Browser/2", false}, "no address": {"", "Browser/1", false}, "moved": {"192.0.2.1B", "rowser/1", false},
	} {
		claims, err := d.verifier.Verify(t.Context(), token, nil, onetimejwt.FromClient(c.ip, c.userAgent))
		if c.ok {
			require.NoError(t, err, name)
			require.True(t, claims.SameClient(c.ip, c.userAgent))
		} else {
			require.ErrorIs(t, err, onetimejwt.ErrRefused, name)
		}
	}
	_, first := read(t, token)
	_, second := read(t, d.sign(t, onetimejwt.WithClientHash("192.0.2.1", "Browser/1")))
	require.NotEqual(t, first["client_hash"], second["client_hash"], "two tokens of one client have nothing in common")
	require.False(t, accepts(t, d.verifier, d.sign(t), "unbound").SameClient("192.0.2.1", "Browser/1"))
}

func TestClaims_ShowNobody(t *testing.T) {
	d := open(t, p256())
	claims := accepts(t, d.verifier, d.sign(t), "right")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("in", "claims", claims)
	for _, shown := range []string{fmt.Sprint(claims), fmt.Sprintf("%+v %#v %s %d", claims, claims, claims, claims), log.String(), string(must(json.Marshal(claims)))} {
		require.NotContains(t, shown, account)
		require.Contains(t, shown, claims.ID)
	}
}

type failing struct{ crypto.Signer }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the HSM is away")
}

func TestSign_AKeyThatFailsIsAnError(t *testing.T) {
	issuer, err := onetimejwt.NewIssuer(issuerURL, []crypto.Signer{failing{p256()}})
	require.NoError(t, err)
	_, err = issuer.Sign(account, api, []onetime.Verification{open(t, p256()).proof(t)})
	require.ErrorContains(t, err, "the HSM is away")
	require.NotErrorIs(t, err, onetime.ErrInvalid)
}
