package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestReset_SetsThePasswordAndSignsNobodyIn(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	require.False(t, knows(t, s, alice, first), "no password")

	v := s.Visitor()
	mail := v.Ask("/reset", " Alice@EXAMPLE.com", alice)
	require.Regexp(t, `^Reset your password for Example \(ref\. [A-Z]{5}\)$`, mail.Subject)
	require.Empty(t, mail.Code)
	shown, token := v.Open(mail.Link)
	require.Contains(t, shown.Text, `<input type="text" name="username" autocomplete="username" value="`+alice+`" hidden readonly>`, "for password managers")
	require.NotContains(t, shown.Text, `name="here"`)
	v.Mails(1, func() {
		done := v.Submit(shown, "password", first, "again", first)
		require.Contains(t, done.Text, "<h1>Your password is set</h1>")
	})
	require.Empty(t, v.SignedIn())
	require.Empty(t, v.Cookie("session"))
	require.True(t, knows(t, s, alice, first))

	again := v.Post("/reset/link", "token", token, "password", second, "again", second)
	require.Contains(t, again.Text, "<h1>Your password is set</h1>", "sent twice: it is that of the first")
	require.False(t, knows(t, s, alice, second))
	require.Equal(t, http.StatusGone, s.Visitor().Get(mail.Link).Status)
	require.Equal(t, http.StatusGone, s.Visitor().Post("/reset/link", "token", token, "password", second, "again", second).Status)
	require.False(t, knows(t, s, alice, second))
	s.Clock.Advance(time.Minute)
	set(t, s, alice, second)
	require.False(t, knows(t, s, alice, first))
	require.True(t, knows(t, s, alice, second))
	require.False(t, knows(t, s, bob, second))
}

func TestReset_FailedStoreGivesTheLinkBack(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	set(t, s, alice, first)
	s.Clock.Advance(time.Minute)
	v := s.Visitor()
	shown, _ := v.Open(v.Ask("/reset", alice, alice).Link)
	s.Accounts.Fail(errors.New("the disk is full"))
	for range 2 {
		shown = v.Submit(shown, "password", second, "again", second)
		require.Equal(t, http.StatusServiceUnavailable, shown.Status)
		require.Equal(t, "That could not be done just now. Try again.", shown.Said())
		require.NotContains(t, shown.Text, "disk")
		shown.Guarded(t)
	}
	require.True(t, knows(t, s, alice, first), "the old password stays")
	s.Accounts.Fail(nil)
	require.Contains(t, v.Submit(shown, "password", second, "again", second).Text, "Your password is set")
	require.True(t, knows(t, s, alice, second))
}

// Where Undo is undecided nobody knows whether the link works again.
func TestReset_FailedStoreAndNoRedisAsksForANewLink(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	v := s.Visitor()
	shown, _ := v.Open(v.Ask("/reset", alice, alice).Link)
	a.Accounts.Fail(errors.New("the disk is full"))
	calls := 0
	s.FailRedis(func() error {
		if calls++; calls > 2 { // InspectToken, VerifyToken
			return errors.New("connection refused")
		}
		return nil
	})
	shown = v.Submit(shown, "password", first, "again", first)
	require.Equal(t, http.StatusServiceUnavailable, shown.Status)
	require.Equal(t, "That could not be done just now. Send a new code or link.", shown.Said())
	require.Contains(t, shown.Text, `href="/reset"`)
	require.Equal(t, 4, calls, "and the page that says so")
}

func TestReset_EndsSessionsAndOutstandingSecrets(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	// Two devices signed in; somebody has a link to reset, and somebody else a code and a link to sign in.
	phone, laptop, other := s.Visitor(), s.Visitor(), s.Visitor()
	for _, v := range []*sitetest.Visitor{phone, laptop} {
		v.Post("/sign-in/code", "address", alice, "code", v.Ask("/sign-in", alice, alice).Code)
		require.Equal(t, alice, v.SignedIn())
		s.Clock.Advance(time.Minute)
	}
	other.Post("/sign-in/code", "address", bob, "code", other.Ask("/sign-in", bob, bob).Code)
	reset, login := s.Visitor(), s.Visitor()
	outstanding := reset.Ask("/reset", alice, alice)
	s.Clock.Advance(time.Minute)
	code := login.Ask("/sign-in", alice, alice)
	unconcerned := other.Ask("/reset", bob, bob)
	s.Clock.Advance(time.Minute)

	set(t, s, alice, first)
	for _, v := range []*sitetest.Visitor{phone, laptop} {
		require.Empty(t, v.SignedIn())
	}
	require.Equal(t, bob, other.SignedIn())
	require.Equal(t, http.StatusGone, reset.Get(outstanding.Link).Status)
	require.Equal(t, http.StatusGone, login.Get(code.Link).Status)
	require.Equal(t, http.StatusGone, login.Post("/sign-in/code", "address", alice, "code", code.Code).Status)
	require.Empty(t, login.SignedIn())
	require.Equal(t, http.StatusOK, other.Get(unconcerned.Link).Status)
	require.True(t, knows(t, s, alice, first))
}

// While Redis is away nothing can be revoked. The password is changed, the sessions are ended, and the rest is made up for.
func TestReset_RevokeThatIsUndecidedIsTriedAgain(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	login, phone := s.Visitor(), s.Visitor()
	phone.Post("/sign-in/code", "address", alice, "code", phone.Ask("/sign-in", alice, alice).Code)
	require.Equal(t, alice, phone.SignedIn())
	s.Clock.Advance(time.Minute)
	code := login.Ask("/sign-in", alice, alice)
	v := s.Visitor()
	shown, _ := v.Open(v.Ask("/reset", alice, alice).Link)
	account, err := a.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	s.FailRedis(func() error {
		if now, _ := a.Accounts.Get(t.Context(), account.ID); now.Password != "" {
			return errors.New("connection refused")
		}
		return nil
	})
	require.Contains(t, v.Submit(shown, "password", first, "again", first).Text, "Your password is set")
	require.Empty(t, phone.SignedIn())
	s.FailRedis(func() error { return nil })
	require.True(t, knows(t, s, alice, first))
	mailtest.Wait(t, "the code of before ends", func() bool {
		status, err := a.login.Status(t.Context(), account.ID)
		require.NoError(t, err)
		return len(status.Pending) == 0
	})
	require.Equal(t, http.StatusGone, login.Post("/sign-in/code", "address", alice, "code", code.Code).Status)
}

// Who uses a code of before, after the password was stored and before the code is revoked, is signed out as well.
func TestReset_SignInBetweenStoreAndRevokeEnds(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	login := s.Visitor()
	code := login.Ask("/sign-in", alice, alice)
	v := s.Visitor()
	shown, _ := v.Open(v.Ask("/reset", alice, alice).Link)
	var between sync.Once
	s.FailRedis(func() error {
		if now, _ := a.Accounts.Get(t.Context(), "account-1"); now.Password != "" {
			between.Do(func() {
				s.FailRedis(func() error { return nil })
				login.Post("/sign-in/code", "address", alice, "code", code.Code)
				require.Equal(t, alice, login.SignedIn())
			})
		}
		return nil
	})
	require.Contains(t, v.Submit(shown, "password", first, "again", first).Text, "Your password is set")
	require.Empty(t, login.SignedIn())
}

func TestReset_WeakPasswordDoesNotUseTheLink(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	shown, token := v.Open(v.Ask("/reset", alice, alice).Link)
	for _, c := range []struct{ password, again, said string }{
		{"", "", "too short"}, {"fourteen chars", "fourteen chars", "too short"}, {alice, alice, "your address"},
		{"Example example Example", "Example example Example", "our name"}, {strings.Repeat("long ", 60), strings.Repeat("long ", 60), "too long"},
		{first, second, "not the same"}, {first, "", "not the same"},
	} {
		shown = v.Submit(shown, "password", c.password, "again", c.again)
		require.Equal(t, http.StatusUnprocessableEntity, shown.Status, c.password)
		require.Contains(t, shown.Said(), c.said, c.password)
		shown.Guarded(t)
		if c.password != "" {
			require.NotContains(t, strings.ReplaceAll(shown.Text, alice, ""), c.password)
		}
	}
	require.Contains(t, shown.Text, token)
	require.Contains(t, v.Submit(shown, "password", first, "again", first).Text, "Your password is set")
}

// A scanner of mail opens the link, and whatever is on its page that can be opened, before its reader does.
func TestReset_ScannerDoesNotBurnTheLink(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	mail := v.Ask("/reset", alice, alice)
	scanner := s.Visitor()
	for range 3 {
		_, token := scanner.Open(mail.Link)
		fields := url.Values{"token": {token}, "here": {"yes"}, "password": {first}, "again": {first}}
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodOptions} {
			for _, target := range []string{mail.Link, s.Origin + "/reset/link", s.Origin + "/reset/link?" + fields.Encode(), s.Origin + "/reset?" + fields.Encode()} {
				request, err := http.NewRequest(method, target, nil)
				require.NoError(t, err)
				scanner.Read(scanner.Client.Do(request))
			}
		}
	}
	require.False(t, knows(t, s, alice, first))
	shown, _ := v.Open(mail.Link)
	require.Contains(t, v.Submit(shown, "password", second, "again", second).Text, "Your password is set")
}

func TestReset_ParallelPostsSetOnePassword(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	v := s.Visitor()
	_, token := v.Open(v.Ask("/reset", alice, alice).Link)
	const n = 20
	var begin, done sync.WaitGroup
	begin.Add(1)
	answers := make([]int, n)
	password := func(i int) string { return first + " " + string(rune('a'+i)) }
	for i := range n {
		done.Go(func() {
			begin.Wait()
			answers[i] = v.Post("/reset/link", "token", token, "password", password(i), "again", password(i)).Status
		})
	}
	begin.Done()
	done.Wait()
	account, err := a.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	set := 0
	for i, status := range answers { // nobody is told that a password is set which is not
		require.Contains(t, []int{http.StatusOK, http.StatusGone, http.StatusServiceUnavailable}, status)
		right, err := a.passwords.matches(t.Context(), account.Password, password(i))
		require.NoError(t, err)
		if right {
			set++
		}
		require.Equal(t, right, status == http.StatusOK)
	}
	require.Equal(t, 1, set)
	mails := 0
	for _, mail := range s.Visitor().Inbox() {
		if strings.Contains(mail.Subject, "was changed") {
			mails++
		}
	}
	require.LessOrEqual(t, mails, 1, "the password was set once")
}

func TestReset_UnknownAddressIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	session := func(name string) (pages []sitetest.Page) {
		v := s.Visitor()
		for _, p := range []sitetest.Page{
			v.Get("/reset"), v.Post("/reset", "address", name+"@example.com"), v.Post("/reset", "address", name+"@example.com"),
			v.Post("/sign-in/password", "address", name+"@example.com", "password", first),
		} {
			pages = append(pages, p.Seen(name, "X"))
		}
		return pages
	}
	known, unknown := session("alice"), session("carol")
	require.Equal(t, http.StatusTooManyRequests, known[2].Status)
	require.Equal(t, known, unknown)

	v := s.Visitor()
	mailtest.Wait(t, "the mail to alice arrives", func() bool { return len(v.Inbox()) > 0 })
	v.Ask("/reset", bob, bob) // behind whatever was to be delivered to carol
	for _, mail := range v.Inbox() {
		require.NotContains(t, mail.To, "carol")
	}
}

func TestReset_TellsTheOwnerWithoutALink(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	shown, _ := v.Open(v.Ask("/reset", alice, alice).Link)
	mail := v.Mails(1, func() { v.Submit(shown, "password", first, "again", first) })[0]
	require.Equal(t, alice, mail.To)
	require.Equal(t, "Your password for Example was changed", mail.Subject)
	require.Contains(t, mail.Text, s.Clock.Now().UTC().Format("15:04 UTC"))
	require.NotContains(t, mail.Text, "://")
	require.NotContains(t, mail.Text, first)
}

func TestReset_TokenDoesNotLeak(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	var asked []*url.URL
	v.Client.CheckRedirect = func(r *http.Request, _ []*http.Request) error { asked = append(asked, r.URL); return nil }
	mail := v.Ask("/reset", alice, alice)
	shown, token := v.Open(mail.Link)
	shown.Guarded(t) // no referrer, in no cache, nothing is loaded
	require.Contains(t, shown.Text, `<form method="post" action="/reset/link">`)
	require.Equal(t, 1, strings.Count(shown.Text, token), "in the form, and nowhere else")
	require.NotContains(t, shown.Text, mail.Link)
	done := v.Submit(shown, "password", first, "again", first)
	done.Guarded(t)
	require.NotContains(t, done.Text, token)
	require.Equal(t, donePage, done.Path)
	for _, at := range asked {
		require.NotContains(t, at.String(), token, "no redirect carries it on")
	}
	for _, values := range append(shown.Header["Set-Cookie"], done.Header["Set-Cookie"]...) {
		require.NotContains(t, values, token)
	}
}

func TestReset_LinkInAnotherBrowserAsksFirst(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	mail := s.Visitor().Ask("/reset", alice, alice)
	other := s.Visitor()
	shown, token := other.Open(mail.Link)
	require.Contains(t, shown.Text, "another browser")
	unasked := other.Post("/reset/link", "token", token, "password", first, "again", first)
	require.NotContains(t, unasked.Text, "Your password is set")
	require.False(t, knows(t, s, alice, first))
	weak := other.Submit(shown, "password", "short", "again", "short")
	require.Equal(t, http.StatusUnprocessableEntity, weak.Status)
	require.Contains(t, other.Submit(weak, "password", first, "again", first).Text, "Your password is set")
}

func TestReset_LinkExpiresAndIsForNothingElse(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	reset := v.Ask("/reset", alice, alice)
	login := v.Ask("/sign-in", alice, alice)
	_, token := v.Open(reset.Link)
	_, other := v.Open(login.Link)
	require.Equal(t, http.StatusForbidden, v.Post("/sign-in/link", "token", token).Status)
	require.Equal(t, http.StatusForbidden, v.Post("/reset/link", "token", other, "password", first, "again", first).Status)
	require.Equal(t, http.StatusOK, v.Get(reset.Link).Status)
	s.Clock.Advance(10 * time.Minute)
	require.Equal(t, http.StatusGone, v.Post("/reset/link", "token", token, "password", first, "again", first).Status)
	require.False(t, knows(t, s, alice, first))
}

func TestReset_AnotherSiteCannotPost(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	_, token := v.Open(v.Ask("/reset", alice, alice).Link)
	for _, path := range []string{"/reset", "/reset/link", "/sign-in/password", "/sign-out"} {
		form := url.Values{"address": {bob}, "token": {token}, "password": {first}, "again": {first}}
		request, err := http.NewRequest(http.MethodPost, s.Origin+path, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		require.Equal(t, http.StatusForbidden, v.Read(v.Client.Do(request)).Status, path)
	}
	account, err := s.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	require.Empty(t, account.Password)
}

// An account that is deleted between the mail and the link.
func TestReset_OfAnAccountThatIsGone(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	v := s.Visitor()
	shown, _ := v.Open(v.Ask("/reset", alice, alice).Link)
	s.Accounts.Fail(accounts.ErrNone)
	require.Equal(t, http.StatusServiceUnavailable, v.Submit(shown, "password", first, "again", first).Status)
	account, err := a.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	require.Empty(t, account.Password)
}
