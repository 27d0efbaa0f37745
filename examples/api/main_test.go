package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(m.Run())
	}
}

var printedCode = regexp.MustCompile(`(?m)^Code for alice@example\.com: (\d{6})$`)

// field returns a field of an answer in JSON.
func field(t testing.TB, answer, name string) string {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer), &fields), answer)
	value, ok := fields[name].(string)
	require.True(t, ok, answer)
	return value
}

// signIn does what the program says to do, and returns the token.
func signIn(t testing.TB, p *sitetest.Program) string {
	t.Helper()
	curls := p.Curls()
	require.Len(t, curls, 4)
	answer, status := sitetest.Curl(t, curls[0])
	require.Equal(t, "202", status, answer)
	mailtest.Wait(t, "the code is printed", func() bool { return printedCode.MatchString(p.Printed.String()) })
	code := printedCode.FindStringSubmatch(p.Printed.String())[1]
	answer, status = sitetest.Curl(t, curls[1], "REQUEST", field(t, answer, "request"), "CODE", code)
	require.Equal(t, "200", status, answer)
	return field(t, answer, "access_token")
}

func TestProgram_EveryCurlThatItPrints(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	token := signIn(t, p)
	curls := p.Curls()
	answer, status := sitetest.Curl(t, curls[2], "TOKEN", token)
	require.Equal(t, "200", status)
	require.JSONEq(t, `{"account":"account-1","orders":["a bicycle"]}`, answer)
	_, status = sitetest.Curl(t, curls[2], "TOKEN", token+"A")
	require.Equal(t, "401", status)
	answer, status = sitetest.Curl(t, curls[3])
	require.Equal(t, "200", status)
	require.Contains(t, answer, `"alg":"ES256"`)
}

func TestProgram_WrongCodesAndStrangersAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	ask := func(address string) (answers []string) {
		answer, status := sitetest.Curl(t, p.Curls()[0], "alice@example.com", address)
		require.Equal(t, "202", status)
		request := field(t, answer, "request")
		for range 2 {
			answer, status = sitetest.Curl(t, p.Curls()[1], "alice@example.com", address, "REQUEST", request, "CODE", "000000")
			answers = append(answers, status+answer)
		}
		return answers
	}
	known, stranger := ask("bob@example.com"), ask("carol@example.com")
	require.Equal(t, stranger, known)
	require.Contains(t, known[0], `403{"attempts_left":4,"reason":"code_mismatch"}`)
	answer, status := sitetest.Curl(t, p.Curls()[0], "alice@example.com", "alice")
	require.Equal(t, "400", status, answer)
	require.NotContains(t, p.Printed.String(), "Code for carol")
}

func TestProgram_ASecondServiceVerifiesByTheKeySetAlone(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	token := signIn(t, p)
	binary := filepath.Join(t.TempDir(), "verifier")
	built, err := exec.Command("go", "build", "-o", binary, "./verifier").CombinedOutput()
	require.NoError(t, err, string(built))
	cmd := sitetest.Command(context.Background(), "ISSUER="+p.Origin)
	cmd.Path, cmd.Args = binary, []string{binary}
	second := sitetest.Start(t, cmd)
	answer, status := sitetest.Curl(t, second.Curls()[0], "TOKEN", token)
	require.Equal(t, "200", status)
	require.JSONEq(t, `{"account":"account-1","proved_by":["otp"]}`, answer)
	_, status = sitetest.Curl(t, second.Curls()[0], "TOKEN", "none")
	require.Equal(t, "401", status)
	p.End()
	_, status = sitetest.Curl(t, second.Curls()[0], "TOKEN", token)
	require.Equal(t, "200", status, "the keys are known")
}

func TestProgram_SigningKeyOfAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	made, err := exec.Command("openssl", strings.Fields("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "+file)...).CombinedOutput()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("openssl is missing")
	}
	require.NoError(t, err, string(made))
	keys := func() string {
		p := sitetest.Run(t, "SIGNING_KEY="+file)
		require.Contains(t, p.Printed.String(), "Signing key: the one of SIGNING_KEY.\n")
		answer, _ := sitetest.Curl(t, p.Curls()[3])
		return answer
	}
	require.Equal(t, keys(), keys(), "the same key after a restart")
}
