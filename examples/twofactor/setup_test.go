package main

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestSetup_QRCodeLinkAndKeyAreOneSecret(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := s.Visitor()
	s.first(v, alice)
	require.Equal(t, "/factor", v.Get("/factor/setup").Path, "nothing was begun")
	shown := v.Post("/factor/setup")
	shown.Guarded(t)
	uri := decode(t, picture(t, shown.Text))
	link := address.FindStringSubmatch(shown.Text)
	require.NotNil(t, link)
	require.Equal(t, uri, html.UnescapeString(link[1]))
	u, err := url.Parse(uri)
	require.NoError(t, err)
	require.Equal(t, "/"+service+":"+alice, u.Path)
	require.Contains(t, shown.Text, strings.Join(groups(u.Query().Get("secret")), " "))
	require.Equal(t, uri, decode(t, picture(t, v.Get("/factor/setup").Text)), "loaded again it is the same")
}

// A wrong code leaves the page as it is, and nothing is on before the right one.
func TestSetup_NothingIsOnBeforeACodeOfIt(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := s.Visitor()
	s.first(v, alice)
	shown := v.Post("/factor/setup")
	uri := decode(t, picture(t, shown.Text))
	p := scan(t, uri, s.Clock.Now)
	refused := v.Submit(shown, "code", p.wrong())
	require.Equal(t, http.StatusForbidden, refused.Status)
	require.NotEmpty(t, refused.Said())
	refused.Guarded(t)
	require.Equal(t, uri, decode(t, picture(t, refused.Text)))
	require.Equal(t, "/", s.first(s.Visitor(), alice).Path, "one factor signs in")
	v.Mails(1, func() { require.Equal(t, "/factor/codes", v.Submit(refused, "code", p.code()).Path) })
	require.Equal(t, byApp.Action, s.first(s.Visitor(), alice).Path)
}

func TestSetup_CodeThatConfirmedDoesNotSignIn(t *testing.T) {
	t.Parallel()
	s := open(t)
	v, other := s.Visitor(), s.Visitor()
	s.first(v, alice)
	shown := v.Post("/factor/setup")
	p := scan(t, decode(t, picture(t, shown.Text)), s.Clock.Now)
	code := p.code()
	v.Mails(1, func() { v.Submit(shown, "code", code) })
	mail := other.Ask("/sign-in", alice, alice)
	shown = other.Post("/sign-in/code", "address", alice, "code", mail.Code)
	require.GreaterOrEqual(t, other.Submit(shown, "code", code).Status, 400)
	require.Empty(t, other.SignedIn())
}

// Sessions that began with one factor are over once there are two.
func TestSetup_EndsAllOtherSessions(t *testing.T) {
	t.Parallel()
	s := open(t)
	v, other := s.Visitor(), s.Visitor()
	s.first(v, alice)
	s.first(other, alice)
	require.Equal(t, alice, other.SignedIn())
	other.Post("/factor/setup") // and what was begun in them
	s.setUp(v)
	require.Empty(t, other.SignedIn())
	require.Equal(t, alice, v.SignedIn())
}

// Somebody signs in with one factor just before the app is stored: that session is over as well.
func TestSetup_EndsASessionThatBeginsMeanwhile(t *testing.T) {
	t.Parallel()
	s := open(t)
	v, other := s.Visitor(), s.Visitor()
	s.first(v, alice)
	mail := other.Ask("/sign-in", alice, alice)
	shown := v.Post("/factor/setup")
	p := scan(t, decode(t, picture(t, shown.Text)), s.Clock.Now)
	epoch := func() string {
		account, err := s.Accounts.Get(t.Context(), "account-1")
		require.NoError(t, err)
		return account.Epoch
	}
	before := epoch()
	lock, err := s.db.BeginTx(t.Context(), nil) // nobody else writes
	require.NoError(t, err)
	var confirming sync.WaitGroup
	confirming.Go(func() { shown = v.Submit(shown, "code", p.code()) })
	mailtest.Wait(t, "the confirmation is about to store the app", func() bool { return epoch() != before })
	require.Equal(t, "/", other.Post("/sign-in/code", "address", alice, "code", mail.Code).Path)
	require.Equal(t, alice, other.SignedIn())
	require.NoError(t, lock.Rollback())
	confirming.Wait()
	require.Equal(t, "/factor/codes", shown.Path)
	require.Empty(t, other.SignedIn())
	require.Equal(t, alice, v.SignedIn())
}

// Of two that are confirmed at the same time one counts: nobody is let in by an app that the account does not show.
func TestSetup_OneWinnerOfTwoSessions(t *testing.T) {
	t.Parallel()
	s := open(t)
	visitors, pages, phones := []*sitetest.Visitor{s.Visitor(), s.Visitor()}, make([]sitetest.Page, 2), make([]*phone, 2)
	for i, v := range visitors {
		s.first(v, alice)
		pages[i] = v.Post("/factor/setup")
		phones[i] = scan(t, decode(t, picture(t, pages[i].Text)), s.Clock.Now)
	}
	var both sync.WaitGroup
	for i, v := range visitors {
		both.Go(func() { pages[i] = v.Submit(pages[i], "code", phones[i].code()) })
	}
	both.Wait()
	won := 0
	for i := range visitors {
		if pages[i].Path == "/factor/codes" {
			won++
		}
	}
	require.Equal(t, 1, won)
	rows, err := s.app.rows(t.Context(), "account-1")
	require.NoError(t, err)
	require.Len(t, rows, 2, "an app and recovery codes")
}

// Whoever has stolen an old session cannot lock its owner out with an app of their own.
func TestSetup_OldSessionSignsInFirst(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := s.Visitor()
	s.first(v, alice)
	begun := v.Post("/factor/setup")
	p := scan(t, decode(t, picture(t, begun.Text)), s.Clock.Now)
	s.Clock.Advance(fresh)
	require.Equal(t, alice, v.SignedIn())
	for _, shown := range []sitetest.Page{v.Post("/factor/setup"), v.Submit(begun, "code", p.code())} {
		require.Equal(t, "/sign-in", shown.Path)
	}
	require.Equal(t, "/factor", s.first(v, alice).Path, "and back")
	s.setUp(v)
}

// An account has one app. Another takes the place of the first by a code of that.
func TestSetup_SecondAppWantsTheFirstOff(t *testing.T) {
	t.Parallel()
	_, v, p, _ := withApp(t)
	for _, shown := range []sitetest.Page{v.Post("/factor/setup"), v.Get("/factor/setup"), v.Post("/factor/confirm", "code", p.code())} {
		require.Equal(t, "/factor", shown.Path)
		require.Contains(t, shown.Text, "It is on")
	}
}

func TestOff_WantsACodeOfTheAppAndTellsByMail(t *testing.T) {
	t.Parallel()
	s, v, p, codes := withApp(t)
	for _, code := range []string{"", p.wrong(), codes[0], strings.Repeat("1", 9000)} {
		require.GreaterOrEqual(t, v.Post("/factor/off", "code", code).Status, 400)
	}
	require.Contains(t, v.Get("/factor").Text, "It is on")
	var shown sitetest.Page
	code := p.code()
	mail := v.Mails(1, func() { shown = v.Submit(v.Get("/factor/off"), "code", code) })[0]
	require.Equal(t, offSubject, mail.Subject)
	require.Equal(t, alice, mail.To)
	require.Empty(t, mail.Link)
	require.Contains(t, shown.Text, "It is off")
	require.Equal(t, "/factor", v.Post("/factor/off", "code", code).Path, "sent twice")
	rows, err := s.app.rows(t.Context(), "account-1")
	require.NoError(t, err)
	require.Empty(t, rows)
	require.Equal(t, "/", s.first(s.Visitor(), alice).Path)
}

func TestPages_AreGuardedAndAnotherSiteCannotPost(t *testing.T) {
	t.Parallel()
	s, v, p, codes := withApp(t)
	waiting := s.Visitor()
	between := token(t, waiting, s.first(waiting, alice))
	for _, page := range []string{"/", "/factor", "/factor/codes/new", "/factor/off"} {
		v.Get(page).Guarded(t)
	}
	for _, by := range []way{byApp, byRecovery, byRecoveryLost} {
		shown := waiting.Get(by.page(between))
		require.Equal(t, by.Action, shown.Path)
		shown.Guarded(t)
	}
	for path, who := range map[string]*sitetest.Visitor{
		byApp.Action: waiting, byRecovery.Action: waiting, byRecoveryLost.Action: waiting,
		"/factor/setup": v, "/factor/confirm": v, "/factor/codes/kept": v, "/factor/codes/new": v, "/factor/off": v,
	} {
		for _, code := range []string{p.code(), codes[0]} {
			form := url.Values{"token": {between}, "code": {code}}
			r, err := http.NewRequest(http.MethodPost, s.Origin+path, strings.NewReader(form.Encode()))
			require.NoError(t, err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			require.Equal(t, http.StatusForbidden, who.Read(who.Client.Do(r)).Status, path)
		}
	}
	require.Empty(t, waiting.SignedIn())
	require.Contains(t, v.Get("/factor").Text, "10 recovery codes are left")
}

func TestLimit_AddressThatTriesTooOften(t *testing.T) {
	t.Parallel()
	site := sitetest.New(t, alice)
	a, err := newApp(t.Context(), site.Site, nil, keys(t)) // which is not asked
	require.NoError(t, err)
	a.tries = func(*http.Request) (time.Duration, error) { return time.Second, nil }
	for _, by := range []way{byApp, byRecovery, byRecoveryLost} {
		answer := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, site.Origin+by.Action, strings.NewReader("token=x&code=123456"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a.mux.ServeHTTP(answer, r)
		require.Equal(t, http.StatusTooManyRequests, answer.Code)
		require.Contains(t, answer.Body.String(), errTooFast.Text)
	}
}
