package browser_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A double click counts once, and signs in: with answers that come late the second click falls before the first answer, or on
// the page that it brought. Whichever it is, the outcome is the same.
func TestBrowser_DoubleClick(t *testing.T) {
	t.Parallel()
	for _, script := range []bool{true, false} {
		for _, apart := range []time.Duration{60 * time.Millisecond, 150 * time.Millisecond} {
			t.Run(fmt.Sprintf("script %v, %s", script, apart), func(t *testing.T) { doubleClick(t, script, apart) })
		}
	}
}

func doubleClick(t *testing.T, script bool, apart time.Duration) {
	var opts []onetimehttp.Option
	if !script {
		opts = append(opts, onetimehttp.WithoutScript())
	}
	s := newSite(t, func(*onetimehttp.Config) {}, nil, opts...)
	s.late.Store(int64(120 * time.Millisecond))

	b := browser.Open(t, "Alice")
	b.Visit(s.origin + "/sign-in")
	b.Type(addressLabel, address)
	b.DoubleClick(askButton, apart)
	b.Shows("Enter your code")
	mail := s.mail()
	b.Type(codeLabel, mail.Code)
	if !script { // which sends it at the last digit
		b.DoubleClick(signInButton, apart)
	}
	b.Shows("Welcome back")
	require.EqualValues(t, 1, s.uses.Load())

	s.clock.Advance(time.Minute)
	b = browser.Open(t, "Alice by link")
	b.Visit(s.origin + "/sign-in")
	b.Type(addressLabel, address)
	b.DoubleClick(askButton, apart)
	b.Shows("Enter your code")
	b.Visit(s.mail().URL)
	b.DoubleClick(signInButton, apart)
	b.Shows("Welcome back")
	require.EqualValues(t, 2, s.uses.Load())
	require.Empty(t, s.mails, "one message each")
}
