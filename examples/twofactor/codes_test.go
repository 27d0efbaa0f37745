package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// renew makes new recovery codes and returns the page.
func (s *scene) renew(v *sitetest.Visitor, p *phone) (shown sitetest.Page, mail sitetest.Letter) {
	s.t.Helper()
	mail = v.Mails(1, func() { shown = v.Submit(v.Get("/factor/codes/new"), "code", p.code()) })[0]
	require.Equal(s.t, "/factor/codes", shown.Path, shown.Text)
	s.Clock.Advance(61 * time.Second) // until no sending of the form is one with this
	return shown, mail
}

func TestCodes_AreShownUntilTheyAreKeptAndNeverAgain(t *testing.T) {
	t.Parallel()
	s, v, p, _ := withApp(t)
	other := s.Visitor()
	s.second(other, alice, p)
	s.Clock.Advance(time.Minute) // until the app shows another code
	shown, _ := s.renew(v, p)
	shown.Guarded(t)
	codes := codesOf(shown)
	require.Len(t, codes, recoveryCodes)
	require.Equal(t, codes, codesOf(v.Get("/factor/codes")), "loaded again")
	file := v.Get("/factor/codes.txt")
	require.Equal(t, `attachment; filename="example-recovery-codes.txt"`, file.Header.Get("Content-Disposition"))
	require.Equal(t, "no-store, no-transform", file.Header.Get("Cache-Control"))
	for _, code := range codes {
		require.Equal(t, 1, strings.Count(file.Text, code+"\r\n"))
	}
	never := func(v *sitetest.Visitor) {
		t.Helper()
		for _, page := range []string{"/", "/factor", "/factor/codes", "/factor/codes.txt"} {
			for _, code := range codes {
				require.NotContains(t, v.Get(page).Text, code)
			}
		}
	}
	never(other) // another session of hers
	v.Submit(shown)
	never(v)

	codes = codesOf(first(s.renew(v, p)))
	s.Clock.Advance(codesLife)
	never(v)
	require.Contains(t, v.Get("/factor").Text, "10 recovery codes are left")
}

func first[A, B any](a A, _ B) A { return a }

func TestRecovery_CodeSignsInOnceAndTellsByMail(t *testing.T) {
	t.Parallel()
	s, _, p, codes := withApp(t)
	v := s.Visitor()
	shown := s.first(v, alice)
	shown = v.Get(byRecovery.page(token(t, v, shown)))
	mail := v.Mails(1, func() { shown = v.Submit(shown, "code", " "+strings.ToLower(codes[3])) })[0]
	require.Equal(t, "/factor", shown.Path)
	require.Contains(t, shown.Text, "9 recovery codes are left")
	require.Equal(t, alice, v.SignedIn())
	require.Equal(t, recoverySubject, mail.Subject)
	require.Equal(t, alice, mail.To)
	require.Contains(t, mail.Text, "Codes that are left: 9.")
	require.Empty(t, mail.Link)

	again := s.Visitor()
	between := token(t, again, s.first(again, alice))
	refused := again.Post(byRecovery.Action, "token", between, "code", codes[3])
	require.GreaterOrEqual(t, refused.Status, 400)
	require.Contains(t, refused.Said(), "already used")
	require.Empty(t, again.SignedIn())
	require.Equal(t, "/", again.Post(byApp.Action, "token", between, "code", p.code()).Path, "the app stays")
}

func TestRecovery_OneWinnerOfParallelSignIns(t *testing.T) {
	t.Parallel()
	s, _, _, codes := withApp(t)
	visitors, tokens := make([]*sitetest.Visitor, 4), make([]string, 4)
	for i := range visitors {
		visitors[i] = s.Visitor()
		tokens[i] = token(t, visitors[i], s.first(visitors[i], alice))
	}
	var all sync.WaitGroup
	for i, v := range visitors {
		all.Go(func() { v.Post(byRecovery.Action, "token", tokens[i], "code", codes[0]) })
	}
	all.Wait()
	signedIn := 0
	for _, v := range visitors {
		if v.SignedIn() == alice {
			signedIn++
		}
	}
	require.Equal(t, 1, signedIn)
}

// The finder of a phone who is signed in is out, the app on it opens nothing, and what was on its way neither.
func TestLost_RemovesTheAppAndEndsAllSessions(t *testing.T) {
	t.Parallel()
	s, finder, p, codes := withApp(t)
	between := s.Visitor()
	waiting := s.first(between, alice)
	v := s.Visitor()
	shown := s.first(v, alice)
	require.Contains(t, shown.Text, "My phone is lost")
	shown = v.Get(byRecoveryLost.page(token(t, v, shown)))
	require.Equal(t, http.StatusForbidden, v.Submit(shown, "code", "3-7K2M-9QXD-HT4C-WZ5N").Status)
	require.Equal(t, alice, finder.SignedIn(), "a wrong code removes nothing")
	mail := v.Mails(1, func() { shown = v.Submit(shown, "code", codes[0]) })[0]
	require.Contains(t, mail.Text, "its app was removed")
	require.Equal(t, "/factor", shown.Path)
	require.Contains(t, shown.Text, "It is off")
	require.Equal(t, alice, v.SignedIn())
	require.Empty(t, finder.SignedIn())
	require.Equal(t, http.StatusGone, between.Submit(waiting, "code", p.code()).Status)
	require.Empty(t, between.SignedIn())

	// Another phone, and other codes.
	another, others := s.setUp(v)
	back := s.Visitor()
	shown = s.first(back, alice)
	require.Equal(t, http.StatusForbidden, back.Submit(shown, "code", p.code()).Status)
	require.Equal(t, http.StatusForbidden, back.Post(byRecovery.Action, "token", token(t, back, shown), "code", codes[1]).Status)
	require.Empty(t, back.SignedIn())
	back.Submit(shown, "code", another.code())
	require.Equal(t, alice, back.SignedIn())
	require.Len(t, others, recoveryCodes)
}

// The app signs in while it is removed, which stores it anew: it is removed all the same.
func TestLost_RemovesAnAppThatSignsInMeanwhile(t *testing.T) {
	t.Parallel()
	s, v, p, _ := withApp(t)
	ctx := t.Context()
	removals := 0
	err := s.app.remove(ctx, "account-1", func(r row) bool {
		if !r.authenticator() {
			return false
		}
		if removals++; removals == 1 { // between the read and the removal
			_, err := s.app.factors.VerifyIn(ctx, s.app.store, "account-1", p.code())
			require.NoError(t, err)
		}
		return true
	})
	require.NoError(t, err)
	require.Equal(t, 2, removals)
	require.Contains(t, v.Get("/factor").Text, "It is off")
}

func TestRenew_WantsACodeOfTheAppAndEndsTheOldOnes(t *testing.T) {
	t.Parallel()
	s, v, p, old := withApp(t)
	for _, code := range []string{"", p.wrong(), old[0]} {
		shown := v.Post("/factor/codes/new", "code", code)
		require.GreaterOrEqual(t, shown.Status, 400)
		require.NotEmpty(t, shown.Said())
		shown.Guarded(t)
	}
	require.Equal(t, "/factor", v.Get("/factor/codes").Path)
	code := p.code()
	shown, mail := s.renew(v, p)
	require.Equal(t, codesSubject, mail.Subject)
	require.Empty(t, mail.Link)
	fresh := codesOf(shown)
	require.NotEqual(t, old, fresh)
	require.GreaterOrEqual(t, v.Post("/factor/codes/new", "code", code).Status, 400, "a code makes codes once")

	other := s.Visitor()
	between := token(t, other, s.first(other, alice))
	require.Equal(t, http.StatusForbidden, other.Post(byRecovery.Action, "token", between, "code", old[0]).Status)
	require.Equal(t, "/factor", other.Post(byRecovery.Action, "token", between, "code", fresh[0]).Path)
}

// The form is sent twice: the codes that are shown are those that work.
func TestRenew_FormSentTwiceMakesOnePile(t *testing.T) {
	t.Parallel()
	s, v, p, _ := withApp(t)
	code := p.code()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { v.Post("/factor/codes/new", "code", code) })
	}
	both.Wait()
	codes := codesOf(v.Get("/factor/codes"))
	require.Len(t, codes, recoveryCodes)
	_, err := s.app.factors.VerifyRecoveryIn(t.Context(), s.app.store, "account-1", codes[9])
	require.NoError(t, err)
}

func TestRenew_CodeServesOneChange(t *testing.T) {
	t.Parallel()
	_, v, p, _ := withApp(t)
	code := p.code()
	require.Equal(t, "/factor/codes", v.Post("/factor/codes/new", "code", code).Path)
	require.GreaterOrEqual(t, v.Post("/factor/off", "code", code).Status, 400)
	require.Contains(t, v.Get("/factor").Text, "It is on")
}
