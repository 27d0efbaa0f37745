package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestProgram_StartsAndSaysWhatToOpen(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	require.Regexp(t, `(?m)^Open http://localhost:\d+$`, p.Printed.String())
	require.Contains(t, p.Printed.String(), "Database: a SQLite file")
	v := p.Visitor()
	home := v.Get("/")
	home.Guarded(t)
	require.Contains(t, home.Text, "<strong>"+alice+"</strong>")
	v.Post("/sign-in/code", "address", alice, "code", v.Ask("/sign-in", alice, alice).Code)
	require.Contains(t, v.Get("/").Text, `<a href="/factor">Your authenticator app</a>`)
	shown := v.Post("/factor/setup")
	app := scan(t, decode(t, picture(t, shown.Text)), time.Now)
	v.Mails(1, func() { shown = v.Submit(shown, "code", app.code()) })
	codes := codesOf(shown)
	require.Len(t, codes, recoveryCodes)
	require.Equal(t, alice, v.SignedIn())
	p.End()
	require.NotContains(t, p.Printed.String(), "ERROR")
	for _, code := range codes {
		require.NotContains(t, p.Printed.String(), code)
	}
}

func TestProgram_SaysWhatIsWrongWithTheDatabase(t *testing.T) {
	t.Parallel()
	for environment, said := range map[string]string{
		"DATABASE_URL=nonsense://user:swordfish@host":    "DATABASE_URL: want postgres://user:password@host:port/db",
		"DATABASE_URL=postgres://user:swordfish@host/db": "FACTOR_KEY: want one where DATABASE_URL is set",
		"FACTOR_KEY=swordfish":                           "FACTOR_KEY: want hex or base64",
		"FACTOR_KEY=0a0b":                                "FACTOR_KEY: ",
	} {
		printed, err := sitetest.Command(t.Context(), environment).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(printed), "twofactor: "+said)
		require.NotContains(t, string(printed), "swordfish")
		require.NotContains(t, string(printed), "Open ")
	}
}

// With TLS no other host of the domain can set the cookie that tokens are bound to.
func TestCookie_IsOfThisHostOnlyWithTLS(t *testing.T) {
	t.Parallel()
	plain, secure := &app{Site: &site.Site{Origin: "http://localhost:8080"}}, &app{Site: &site.Site{Origin: "https://example.com"}}
	require.Equal(t, "second", plain.cookie().Name)
	c := secure.cookie()
	require.True(t, c.Secure && c.HttpOnly && strings.HasPrefix(c.Name, "__Host-") && c.Path == "/" && c.SameSite == http.SameSiteLaxMode, "%+v", c)
}
