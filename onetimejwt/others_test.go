package onetimejwt_test

import (
	"crypto"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// missing skips a test of a program that is not there, but not in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	require.Empty(t, os.Getenv("CI"), "%s is missing", what)
	t.Skip(what + " is missing")
}

func TestOthers_PyJWTVerifiesWhatIsSigned(t *testing.T) {
	t.Parallel()
	for _, python := range []string{"/usr/bin/python3", "python3"} { // the first is Debian's, which has its packages
		if exec.Command(python, "-c", "import jwt, cryptography").Run() == nil {
			othersVerify(t, python, filepath.Join("testdata", "verify.py"))
			return
		}
	}
	missing(t, "PyJWT (Debian's python3-jwt and python3-cryptography)")
}

func TestOthers_JoseOfNpmVerifiesWhatIsSigned(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "node")
	}
	if _, err := os.Stat(filepath.Join("testdata", "jose", "node_modules", "jose")); err != nil {
		missing(t, "jose (npm ci --prefix onetimejwt/testdata/jose)")
	}
	othersVerify(t, "node", filepath.Join("testdata", "jose", "verify.mjs"))
}

// othersVerify has a program take right tokens, and refuse what this package refuses, too.
func othersVerify(t *testing.T, program, script string) {
	d := open(t, p256())
	keys := []crypto.Signer{p256(), rsaK(), ed()}
	proof := []onetime.Verification{d.proof(t)}
	var input, want []string
	for n := range keys {
		signs, err := onetimejwt.NewIssuer(issuerURL, append([]crypto.Signer{keys[n]}, append(keys[:n:n], keys[n+1:]...)...)) // by the clock of the program
		require.NoError(t, err)
		token, err := signs.Sign(account, api, proof, onetimejwt.WithClaims(map[string]any{"role": "admin"}))
		require.NoError(t, err)
		elsewhere, err := signs.Sign(account, api+"/other", proof)
		require.NoError(t, err)
		claims := strings.Split(token, ".")[1]
		input = append(input, token, elsewhere, token[:len(token)-20]+"AAAAAAAAAAAAAAAAAAAA", strings.Replace(token, claims, b64(d.claims(nil)), 1))
		_, said := read(t, token)
		text, err := json.Marshal(said)
		require.NoError(t, err)
		want = append(want, string(text), "null", "null", "null")
	}
	late, err := onetimejwt.NewIssuer(issuerURL, keys, onetimejwt.WithClock(func() time.Time { return time.Now().Add(-25 * time.Hour) }))
	require.NoError(t, err)
	expired, err := late.Sign(account, api, proof)
	require.NoError(t, err)
	input, want = append(input, expired), append(want, "null")

	issuer, err := onetimejwt.NewIssuer(issuerURL, keys)
	require.NoError(t, err)
	server := httptest.NewServer(issuer.WellKnown())
	defer server.Close()
	cmd := exec.Command(program, script, server.URL+onetimejwt.JWKSPath, issuerURL, api)
	cmd.Stdin = strings.NewReader(strings.Join(input, "\n") + "\n")
	cmd.Env = append(os.Environ(), "no_proxy=*", "NO_PROXY=*")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	got := strings.Split(strings.TrimSpace(string(output)), "\n")
	require.Len(t, got, len(want))
	for n := range want {
		require.JSONEq(t, want[n], got[n], "token %d", n)
	}
}
