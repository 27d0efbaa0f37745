package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

const (
	alice = "alice@example.com" // has an account
	carol = "carol@example.com" // has none
)

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(browser.Run(m))
	}
}

// open starts the program in this process.
func open(t testing.TB) (*sitetest.Site, *app) {
	t.Helper()
	s := sitetest.New(t, alice)
	a, err := newApp(t.Context(), s.Site)
	require.NoError(t, err)
	s.Serve(a.serve)
	return s, a
}

func TestProgram_StartsAndSaysWhatToOpen(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	require.Regexp(t, `(?m)^Open http://localhost:\d+$`, p.Printed.String())
	v := p.Visitor()
	home := v.Get("/")
	home.Guarded(t)
	require.Contains(t, home.Text, "<strong>"+alice+"</strong>")
	require.Contains(t, home.Text, `<a href="/sign-up">Create an account</a>`)
	v.Post("/sign-up/code", "address", carol, "code", v.Ask("/sign-up", carol, carol).Code)
	require.Equal(t, carol, v.SignedIn())
	p.End()
	require.NotContains(t, p.Printed.String(), "ERROR")
}
