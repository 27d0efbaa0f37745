package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// pagesOfAccount are all that want a session.
var pagesOfAccount = []string{"/factor", "/factor/setup", "/factor/codes", "/factor/codes.txt", "/factor/codes/new", "/factor/off"}

func TestSecond_NothingIsSignedInBeforeIt(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"code", "link"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s, _, p, _ := withApp(t)
			v := s.Visitor()
			mail := v.Ask("/sign-in", alice, alice)
			var shown sitetest.Page
			if by == "code" {
				shown = v.Post("/sign-in/code", "address", alice, "code", mail.Code)
			} else {
				opened, _ := v.Open(mail.Link)
				shown = v.Submit(opened)
			}
			between := token(t, v, shown)
			shown.Guarded(t)
			nobody := func() {
				t.Helper()
				require.Empty(t, v.Cookie("session"))
				require.Empty(t, v.SignedIn())
				for _, page := range pagesOfAccount {
					require.Equal(t, "/sign-in", v.Get(page).Path, page)
				}
				for _, page := range []string{"/factor/setup", "/factor/confirm", "/factor/codes/kept", "/factor/codes/new", "/factor/off"} {
					require.Equal(t, "/sign-in", v.Post(page, "code", p.code(), "token", between).Path, page)
				}
			}
			nobody()
			// The token is of another purpose than what the first factor takes, and opens nothing there.
			require.NotEqual(t, http.StatusOK, v.Post("/sign-in/link", "token", between, "here", "yes").Status)
			for range 2 { // its page uses nothing up
				require.Equal(t, http.StatusOK, v.Get(byApp.page(between)).Status)
			}
			refused := v.Submit(shown, "code", p.wrong())
			require.Equal(t, http.StatusForbidden, refused.Status)
			refused.Guarded(t)
			nobody()
			v.Submit(refused, "code", p.code())
			require.Equal(t, alice, v.SignedIn())
			require.Empty(t, v.Cookie("second"))
		})
	}
}

// Neither the token nor the cookie is worth anything without the other.
func TestSecond_TokenIsBoundToTheBrowser(t *testing.T) {
	t.Parallel()
	s, _, p, codes := withApp(t)
	v, thief := s.Visitor(), s.Visitor()
	between := token(t, v, s.first(v, alice))
	for _, cookie := range []string{"", "x", strings.Repeat("A", 26)} {
		thief.SetCookie("second", cookie)
		require.Equal(t, http.StatusForbidden, thief.Get(byApp.page(between)).Status)
		require.Equal(t, http.StatusForbidden, thief.Post(byApp.Action, "token", between, "code", p.code()).Status)
		require.Equal(t, http.StatusForbidden, thief.Post(byRecoveryLost.Action, "token", between, "code", codes[0]).Status)
		require.Empty(t, thief.SignedIn())
	}
	thief.SetCookie("second", v.Cookie("second"))
	for _, token := range []string{"", "x", strings.Repeat("A", 76)} {
		shown := thief.Post(byApp.Action, "token", token, "code", p.code())
		require.GreaterOrEqual(t, shown.Status, 400)
		require.Empty(t, thief.SignedIn())
	}
	require.Equal(t, "/", v.Post(byApp.Action, "token", between, "code", p.code()).Path, "and nothing was used up")
}

func TestSecond_CodeOfAnotherAccountIsWrong(t *testing.T) {
	t.Parallel()
	s, _, p, codes := withApp(t)
	other := s.Visitor()
	s.first(other, bob)
	s.setUp(other)
	v := s.Visitor()
	between := token(t, v, s.first(v, bob))
	require.Equal(t, http.StatusForbidden, v.Post(byApp.Action, "token", between, "code", p.code()).Status)
	require.Equal(t, http.StatusForbidden, v.Post(byRecovery.Action, "token", between, "code", codes[0]).Status)
	require.Empty(t, v.SignedIn())
}

func TestSecond_EachCodeSignsInOnce(t *testing.T) {
	t.Parallel()
	s, _, p, _ := withApp(t)
	visitors, shown := make([]*sitetest.Visitor, 4), make([]sitetest.Page, 4)
	for i := range visitors {
		visitors[i] = s.Visitor()
		shown[i] = s.first(visitors[i], alice)
	}
	code := p.code()
	statuses := make([]int, len(visitors))
	var all sync.WaitGroup
	for i, v := range visitors {
		all.Go(func() { statuses[i] = v.Submit(shown[i], "code", code).Status })
	}
	all.Wait()
	signedIn := 0
	for _, v := range visitors {
		if v.SignedIn() == alice {
			signedIn++
		}
	}
	require.Equal(t, 1, signedIn, "%v", statuses)
}

// Of two right codes, of two steps, with one token: one session.
func TestSecond_EachTokenSignsInOnce(t *testing.T) {
	t.Parallel()
	s, _, p, _ := withApp(t)
	v := s.Visitor()
	shown := s.first(v, alice)
	between, cookie := token(t, v, shown), v.Cookie("second")
	v.Submit(shown, "code", p.code())
	require.Equal(t, alice, v.SignedIn())
	thief := s.Visitor() // has seen all but the next code
	thief.SetCookie("second", cookie)
	s.Clock.Advance(30 * time.Second)
	require.Equal(t, http.StatusGone, thief.Post(byApp.Action, "token", between, "code", p.code()).Status)
	require.Empty(t, thief.SignedIn())
}

func TestSecond_FormSentTwiceIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	s, _, p, codes := withApp(t)
	for _, by := range []way{byApp, byRecovery} {
		v := s.Visitor()
		between := token(t, v, s.first(v, alice))
		code := codes[0]
		if by == byApp {
			code = p.code()
		}
		cookie := v.Cookie("second")
		first := v.Post(by.Action, "token", between, "code", code)
		again := s.Visitor() // the same browser, whose first answer was lost
		again.SetCookie("second", cookie)
		require.Equal(t, first.Path, again.Post(by.Action, "token", between, "code", code).Path)
		require.Equal(t, alice, again.SignedIn())
		late := s.Visitor()
		late.SetCookie("second", cookie)
		s.Clock.Advance(61 * time.Second)
		require.Equal(t, http.StatusGone, late.Post(by.Action, "token", between, "code", code).Status)
		require.Empty(t, late.SignedIn())
	}
}

// Signing in by mail again and again gives no new guesses. Recovery codes stay open.
func TestSecond_WrongCodesAreCountedOverAllTokens(t *testing.T) {
	t.Parallel()
	s, _, p, codes := withApp(t)
	v := s.Visitor()
	shown, locked := s.first(v, alice), false
	for range 30 {
		shown = v.Submit(shown, "code", p.wrong())
		if shown.Status == http.StatusTooManyRequests {
			locked = true
			break
		}
		require.Equal(t, http.StatusForbidden, shown.Status)
	}
	require.True(t, locked)
	require.NotEmpty(t, shown.Header.Get("Retry-After"))
	again := s.Visitor()
	mail := again.Ask("/sign-in", alice, alice)
	shown = again.Post("/sign-in/code", "address", alice, "code", mail.Code)
	require.Equal(t, http.StatusTooManyRequests, again.Submit(shown, "code", p.code()).Status, "the right one, too")
	require.Empty(t, again.SignedIn())
	require.Equal(t, "/factor", again.Post(byRecovery.Action, "token", token(t, again, shown), "code", codes[0]).Path)
	require.Equal(t, alice, again.SignedIn())
}

func TestSecond_TokenEnds(t *testing.T) {
	t.Parallel()
	s, _, p, _ := withApp(t)
	v := s.Visitor()
	late := token(t, v, s.first(v, alice))
	s.Clock.Advance(betweenLife)
	for _, shown := range []sitetest.Page{v.Get(byApp.page(late)), v.Post(byApp.Action, "token", late, "code", p.code())} {
		require.Equal(t, http.StatusGone, shown.Status)
	}
	ended := token(t, v, s.first(v, alice))
	require.NoError(t, s.Accounts.Update(t.Context(), "account-1", func(a *accounts.Account) error {
		a.Epoch = accounts.NewEpoch() // all sessions are ended
		return nil
	}))
	for _, shown := range []sitetest.Page{v.Get(byApp.page(ended)), v.Post(byApp.Action, "token", ended, "code", p.code())} {
		require.Equal(t, http.StatusGone, shown.Status)
		require.Equal(t, errEnded.Text, shown.Said())
	}
	require.Empty(t, v.SignedIn())
}

// Where it cannot be told whether somebody has an app, nobody is signed in, and the first factor works again.
func TestSecond_UndecidedIsNeverYes(t *testing.T) {
	t.Parallel()
	s, _, p, _ := withApp(t)
	damage := func(blob string) {
		t.Helper()
		_, err := s.db.ExecContext(t.Context(), "UPDATE factors SET blob = "+blob)
		require.NoError(t, err)
	}
	v := s.Visitor()
	mail := v.Ask("/sign-in", alice, alice)
	post := func() sitetest.Page { return v.Post("/sign-in/code", "address", alice, "code", mail.Code) }
	_, err := s.db.ExecContext(t.Context(), "ALTER TABLE factors RENAME TO gone")
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, post().Status)
	require.Empty(t, v.Cookie("session"))
	_, err = s.db.ExecContext(t.Context(), "ALTER TABLE gone RENAME TO factors")
	require.NoError(t, err)
	damage("CAST(x'00' || blob AS BLOB)")
	require.Equal(t, http.StatusServiceUnavailable, post().Status)
	require.Empty(t, v.Cookie("session"))
	damage("CAST(substr(blob, 2) AS BLOB)")
	s.Clock.Advance(time.Minute)
	v.Submit(post(), "code", p.code())
	require.Equal(t, alice, v.SignedIn())
}
