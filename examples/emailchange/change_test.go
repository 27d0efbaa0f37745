package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mails"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestChange_TheNewAddressProvesItself(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	shown, _ := v.Open(request.Link)
	require.Contains(t, shown.Text, "<strong>"+ann+"</strong>")
	require.Equal(t, alice, addressOf(t, s), "nothing is changed before the proof")
	done := v.Submit(shown)
	require.Contains(t, done.Text, "Your address is changed")
	done.Guarded(t)
	require.Equal(t, ann, v.SignedIn(), "and who changed it stays signed in")
	require.Equal(t, http.StatusGone, v.Get(request.Link).Status)
	require.Equal(t, ann, signIn(t, s, ann).SignedIn())
}

// Of two requests the newer link works, and sets the address that it was sent to; the older one does not work any more.
func TestChange_TheAddressConfirmedIsTheAddressStored(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, older := ask(t, s, v, ann)
	_, newer := ask(t, s, v, other)
	require.Equal(t, http.StatusGone, v.Get(older.Link).Status)
	_, token, _ := strings.Cut(older.Link, "token=")
	require.Equal(t, http.StatusGone, v.Post("/address/confirm", "token", token).Status)
	require.Equal(t, alice, addressOf(t, s))
	require.Contains(t, press(v, newer.Link).Text, "<strong>"+other+"</strong>")
	require.Equal(t, other, addressOf(t, s))

	// Asked for again while the page of the first link is open: the page is about its own address, and too late.
	_, first := ask(t, s, v, ann)
	shown, _ := v.Open(first.Link)
	ask(t, s, v, "a@example.org")
	require.Equal(t, http.StatusGone, v.Submit(shown).Status)
	require.Equal(t, other, addressOf(t, s))
}

// A later request whose link did not come to be is in the list as well.
func TestChange_TheAddressIsNotThatOfTheLastRequest(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	require.NoError(t, s.Accounts.Update(t.Context(), "account-1", func(a *accounts.Account) error {
		a.Changes = append(a.Changes, accounts.Change{ID: "later", Old: alice, New: other, Until: s.Now().Add(takeBack)})
		return nil
	}))
	press(v, request.Link)
	require.Equal(t, ann, addressOf(t, s))
}

// What a form says beside the token changes nothing.
func TestChange_TheAddressComesFromTheLinkAlone(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	_, token := v.Open(request.Link)
	v.Post("/address/confirm?address="+other, "token", token, "address", other, "Address", other)
	require.Equal(t, ann, addressOf(t, s))
}

func TestChange_LinkWorksOnlyWhereItsOwnerIsSignedIn(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	laptop, phone, stranger := signIn(t, s, alice), signIn(t, s, alice), signIn(t, s, bob)
	nobody := s.Visitor()
	_, request := ask(t, s, laptop, ann)
	_, token, _ := strings.Cut(request.Link, "token=")
	for v, status := range map[*sitetest.Visitor]int{stranger: http.StatusForbidden, nobody: http.StatusOK} {
		for _, shown := range []sitetest.Page{v.Get(request.Link), v.Post("/address/confirm", "token", token)} {
			require.Equal(t, status, shown.Status)
			require.Equal(t, v == nobody, shown.Path == "/sign-in")
			require.NotContains(t, shown.Text, "@example", "whose it is")
			shown.Guarded(t)
		}
	}
	require.Equal(t, alice, addressOf(t, s))
	// Another session of hers will do, and nothing was used up.
	require.Contains(t, press(phone, request.Link).Text, "Your address is changed")
	require.Equal(t, ann, laptop.SignedIn())
}

func TestChange_LinkEndsWithTheSessionsOfItsTime(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	require.NoError(t, s.Accounts.Update(t.Context(), "account-1", func(a *accounts.Account) error {
		a.Epoch = accounts.NewEpoch()
		return nil
	}))
	again := signIn(t, s, alice)
	require.Equal(t, http.StatusGone, again.Get(request.Link).Status)
	_, token, _ := strings.Cut(request.Link, "token=")
	require.Equal(t, http.StatusGone, again.Post("/address/confirm", "token", token).Status)
	require.Equal(t, alice, addressOf(t, s))
}

func TestChange_WantsASession(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	for _, shown := range []sitetest.Page{v.Get("/address"), v.Post("/address", "address", ann)} {
		require.Equal(t, "/sign-in", shown.Path)
	}
	require.Empty(t, v.Inbox())
}

// Whoever opens the link on a device where nobody is signed in signs in, and is back at the link.
func TestChange_OpenedWhileSignedOutLeadsToSignInAndBack(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"code", "link"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t)
			_, request := ask(t, s, signIn(t, s, alice), ann)
			phone := s.Visitor()
			require.Equal(t, "/sign-in", phone.Get(request.Link).Path)
			sent := phone.Ask("/sign-in", alice, alice)
			var shown sitetest.Page
			if by == "code" {
				shown = phone.Post("/sign-in/code", "address", alice, "code", sent.Code)
			} else {
				shown = press(phone, sent.Link)
			}
			require.Equal(t, "/address/confirm", shown.Path)
			require.Contains(t, phone.Submit(shown).Text, "Your address is changed")
			require.Equal(t, ann, addressOf(t, s))
			require.Empty(t, phone.Cookie("session-back"), "once")
		})
	}
}

func TestChange_ScannerUsesNeitherLink(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	notice, request := ask(t, s, v, ann)
	for _, scanner := range []*sitetest.Visitor{s.Visitor(), v} {
		for _, link := range []string{notice.Link, request.Link} {
			for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodOptions} {
				r, err := http.NewRequest(method, link, nil)
				require.NoError(t, err)
				scanner.Read(scanner.Client.Do(r))
			}
		}
	}
	require.Equal(t, alice, v.SignedIn())
	require.Contains(t, press(v, request.Link).Text, "Your address is changed")
	require.Contains(t, press(s.Visitor(), notice.Link).Text, "Your address is as it was")
}

func TestChange_FailedStoreGivesTheLinkBack(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	shown, _ := v.Open(request.Link)
	s.Accounts.Fail(errors.New("the disk is full"))
	for range 2 {
		shown = v.Submit(shown)
		require.Equal(t, http.StatusServiceUnavailable, shown.Status)
		require.Equal(t, notDone, shown.Said())
		shown.Guarded(t)
	}
	s.Accounts.Fail(nil)
	require.Contains(t, v.Submit(shown).Text, "Your address is changed")
}

func TestChange_FailedStoreAndNoRedisAsksForANewLink(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	shown, _ := v.Open(request.Link)
	s.Accounts.Fail(errors.New("the disk is full"))
	calls := 0
	s.FailRedis(func() error {
		if calls++; calls > 1 { // VerifyToken
			return errors.New("connection refused")
		}
		return nil
	})
	require.Equal(t, errLost.Text, v.Submit(shown).Said())
	require.Equal(t, alice, addressOf(t, s))
}

// A request that cannot be noted, or to which Redis has no answer, sends nothing.
func TestChange_UndecidedRequestSendsNothing(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	before := len(v.Inbox())
	s.Accounts.Fail(errors.New("the disk is full"))
	require.Equal(t, http.StatusServiceUnavailable, v.Post("/address", "address", ann).Status)
	s.Accounts.Fail(nil)
	s.Clock.Advance(time.Minute)
	for failing := 1; failing <= 2; failing++ { // the link to the new address, the one to the old
		calls := 0
		s.FailRedis(func() error {
			if calls++; calls >= failing {
				return errors.New("connection refused")
			}
			return nil
		})
		require.Equal(t, http.StatusServiceUnavailable, v.Post("/address", "address", ann).Status)
		s.FailRedis(func() error { return nil })
		s.Clock.Advance(time.Minute)
	}
	ask(t, s, v, other)
	require.Len(t, v.Inbox(), before+2)
}

// No address is changed of which the old one could not be told.
func TestChange_OldAddressThatCannotBeToldHoldsItUp(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	v := signIn(t, s, alice)
	server := mailtest.Receive(t, func(m *mailtest.Server) { m.Refuse = errors.New("no such mailbox") })
	refused, err := mails.New("smtp://"+server.Addr, "Example <sign-in@example.com>")
	require.NoError(t, err)
	real := a.Mails
	a.Mails = refused
	account, err := s.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	made, err := a.issue(t.Context(), account, accounts.Change{ID: "1", Old: alice, New: ann, Until: s.Now().Add(takeBack)})
	require.NoError(t, err)
	require.Error(t, made.deliver(t.Context()))
	require.Equal(t, 1, server.Arriving(), "the mail to the new address is not even tried")
	a.Mails = real
	sent := v.Mails(2, func() { require.NoError(t, made.deliver(context.Background())) })
	require.Equal(t, []string{ann, alice}, []string{sent[0].To, sent[1].To})
	sent = v.Mails(1, func() { require.NoError(t, made.deliver(context.Background())) })
	require.Equal(t, ann, sent[0].To, "who was told is not told again")
}

// Whether a new address has an account shows to nobody but who reads its mail.
func TestChange_TakenAddressIsAnsweredAlikeAndToldByMail(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	v := signIn(t, s, alice)
	see := func(address string) (page sitetest.Page, mails []sitetest.Letter) {
		mails = v.Mails(2, func() { page = v.Submit(v.Get("/address"), "address", address) })
		require.Equal(t, sentPage, v.Post("/address", "address", address).Path, "the form, sent twice")
		throttled := v.Post("/address", "address", "another."+address)
		require.Equal(t, http.StatusTooManyRequests, throttled.Status)
		require.NotEmpty(t, throttled.Header.Get("Retry-After"))
		s.Clock.Advance(time.Minute)
		return page.Seen(address, "X"), mails
	}
	free, freeMails := see("eva@example.com")
	taken, takenMails := see(bob)
	require.Equal(t, http.StatusOK, free.Status)
	require.Equal(t, free, taken)
	require.Equal(t, alice, takenMails[1].To, "the old address is told of both")
	require.Equal(t, freeMails[1].Subject, takenMails[1].Subject)
	require.NotEmpty(t, takenMails[1].Link)
	require.Equal(t, bob, takenMails[0].To)
	require.Equal(t, takenSubject, takenMails[0].Subject)
	require.Empty(t, takenMails[0].Link)
	require.NotContains(t, takenMails[0].Text, "alice")
	status, err := a.change.Status(t.Context(), "account-1")
	require.NoError(t, err)
	require.Len(t, status.Pending, 1, "the same as for a free one")
}

// Between mail and link another account took the address: its new owner is told, and nobody else could be.
func TestChange_AddressTakenMeanwhile(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	_, err := s.Accounts.Create(t.Context(), ann)
	require.NoError(t, err)
	shown := press(v, request.Link)
	require.Equal(t, http.StatusConflict, shown.Status)
	require.Equal(t, errTaken.Text, shown.Said())
	require.Equal(t, alice, addressOf(t, s))
	require.Equal(t, http.StatusGone, v.Get(request.Link).Status, "for good")
}

func TestChange_ParallelPostsChangeOnce(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	_, request := ask(t, s, v, ann)
	_, token := v.Open(request.Link)
	before := s.Accounts.Writes()
	var posts sync.WaitGroup
	pages := make([]string, 20)
	for i := range pages {
		posts.Go(func() { pages[i] = v.Post("/address/confirm", "token", token).Path })
	}
	posts.Wait()
	for _, page := range pages {
		require.Equal(t, confirmedPage, page, "19 of them repeat")
	}
	require.Equal(t, ann, addressOf(t, s))
	require.Equal(t, before+1, s.Accounts.Writes())
	s.Clock.Advance(61 * time.Second)
	require.Equal(t, http.StatusGone, v.Post("/address/confirm", "token", token).Status)
}

// Every form can be sent twice, and the browser that hears the second answer only is led to where the first was.
func TestChange_FormsAreSentTwice(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	var shown sitetest.Page
	mails := v.Mails(2, func() {
		for range 2 {
			shown = v.Post("/address", "address", ann)
			require.Equal(t, sentPage, shown.Path)
			require.Contains(t, shown.Text, "<strong>"+ann+"</strong>")
		}
	})
	for _, of := range []struct{ link, page, address string }{{mails[0].Link, confirmedPage, ann}, {mails[1].Link, putBackPage, alice}} {
		form, _ := v.Open(of.link)
		for range 2 {
			require.Equal(t, of.page, v.Submit(form).Path)
		}
		require.Equal(t, of.address, addressOf(t, s))
	}
	require.Len(t, v.Inbox(), 3)
}

// Programs that find links in text take along what stands behind one.
func TestChange_WhatHangsBehindATokenIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	notice, request := ask(t, s, v, ann)
	for _, link := range []string{request.Link, notice.Link} {
		for _, behind := range []string{".", ">", ")", "%20and", ";", "%E2%80%9D"} {
			shown, token := v.Open(link + behind)
			require.True(t, strings.HasSuffix(link, "token="+token), behind)
			require.Equal(t, http.StatusOK, shown.Status)
		}
	}
}

// What was sent to the old address to sign in with ends with it.
func TestChange_EndsWhatTheOldAddressCouldSignInWith(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v, reader := signIn(t, s, alice), s.Visitor()
	code := reader.Ask("/sign-in", alice, alice)
	_, request := ask(t, s, v, ann)
	require.Contains(t, press(v, request.Link).Text, "Your address is changed")
	require.Equal(t, http.StatusGone, reader.Get(code.Link).Status)
	require.Equal(t, http.StatusGone, reader.Post("/sign-in/code", "address", alice, "code", code.Code).Status)
	require.Empty(t, reader.SignedIn())
}

func TestChange_RefusesWhatIsNoNewAddress(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	before := len(v.Inbox())
	for typed, status := range map[string]int{
		"": 400, "ann": 400, "ann@example.net, al@example.net": 400, "ann@example.net\r\nBcc: al@example.net": 400, "ann@localhost": 400, "<alice@example.com>": 422,
		strings.Repeat("a", 9000) + "@example.net": 400, alice: 422, " ALICE@Example.com ": 422,
	} {
		shown := v.Post("/address", "address", typed)
		require.Equal(t, status, shown.Status, "%.40q", typed)
		require.NotEmpty(t, shown.Said())
		shown.Guarded(t)
	}
	require.Len(t, v.Inbox(), before)
}

func TestChange_AnotherSiteCannotPost(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	notice, request := ask(t, s, v, ann)
	for path, link := range map[string]string{"/address": "", "/address/confirm": request.Link, "/address/back": notice.Link} {
		_, token, _ := strings.Cut(link, "token=")
		form := url.Values{"address": {other}, "token": {token}}
		r, err := http.NewRequest(http.MethodPost, s.Origin+path, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		require.Equal(t, http.StatusForbidden, v.Read(v.Client.Do(r)).Status, path)
	}
	require.Equal(t, alice, addressOf(t, s))
	require.Equal(t, alice, v.SignedIn())
}

func TestChange_TokensDoNotLeak(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	notice, request := ask(t, s, v, ann)
	for _, link := range []string{request.Link, notice.Link} {
		shown, token := v.Open(link)
		shown.Guarded(t)
		require.Equal(t, 1, strings.Count(shown.Text, token), "in the form, and nowhere else")
		done := v.Submit(shown)
		require.Equal(t, http.StatusOK, done.Status)
		done.Guarded(t)
		require.NotContains(t, done.Text, token)
	}
}
