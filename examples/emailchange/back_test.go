package main

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// The old address can take a change back after it was confirmed: that ends all sessions, and needs none.
func TestChange_OldAddressTakesAConfirmedChangeBack(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	thief, owner := signIn(t, s, alice), s.Visitor()
	notice, request := ask(t, s, thief, ann)
	require.Contains(t, notice.Text, "24 hours")
	require.Contains(t, press(thief, request.Link).Text, "Your address is changed")
	again := signIn(t, s, ann)

	s.Clock.Advance(24*time.Hour - 3*time.Minute - time.Second)
	require.Contains(t, press(owner, notice.Link).Text, "Your address is as it was")
	require.Equal(t, alice, addressOf(t, s))
	require.Empty(t, thief.SignedIn())
	require.Empty(t, again.SignedIn())
	require.Empty(t, owner.SignedIn(), "nobody is signed in by it")
	require.Equal(t, http.StatusGone, owner.Get(notice.Link).Status)
	require.Equal(t, alice, signIn(t, s, alice).SignedIn())
}

func TestChange_OldAddressEndsAChangeThatIsPending(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	thief := signIn(t, s, alice)
	notice, request := ask(t, s, thief, ann)
	shown, token := thief.Open(request.Link)
	require.Contains(t, press(s.Visitor(), notice.Link).Text, "Your address is as it was")
	require.Empty(t, thief.SignedIn())
	require.Equal(t, "/sign-in", thief.Submit(shown).Path)
	again := signIn(t, s, alice)
	require.Equal(t, http.StatusGone, again.Post("/address/confirm", "token", token).Status)
	require.Equal(t, alice, addressOf(t, s))
}

func TestChange_OldAddressHas24Hours(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	notice, request := ask(t, s, v, ann) // and a minute passes
	press(v, request.Link)
	s.Clock.Advance(24*time.Hour - time.Minute)
	_, token, _ := strings.Cut(notice.Link, "token=")
	require.Equal(t, http.StatusGone, s.Visitor().Post("/address/back", "token", token).Status)
	require.Equal(t, ann, addressOf(t, s))

	ask(t, s, signIn(t, s, ann), other)
	account, err := s.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	require.Len(t, account.Changes, 1, "what cannot be taken back any more is forgotten")
}

// A thief who asks for the next change at the moment at which the address is put back must not get a link to put back theirs.
func TestChange_RequestOvertakenByATakeBackIsNotMade(t *testing.T) {
	t.Parallel()
	s, a, _, notice := changed(t)
	before, err := s.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	next := accounts.Change{ID: "next", Old: before.Address, New: other, Until: s.Now().Add(takeBack)}
	moved := before
	moved.Address = alice // as it was before the first change
	_, err = a.issue(t.Context(), moved, next)
	require.ErrorIs(t, err, errEnded)

	press(s.Visitor(), notice.Link)
	s.Clock.Advance(time.Minute)
	for _, address := range []string{before.Address, alice} {
		stale := before
		stale.Address = address
		_, err = a.issue(t.Context(), stale, next)
		require.ErrorIs(t, err, errEnded)
		s.Clock.Advance(time.Minute)
	}
	after, err := s.Accounts.Get(t.Context(), "account-1")
	require.NoError(t, err)
	require.Empty(t, after.Changes)
}

// Who has stolen a session changes the address a second time, so that the address of before is theirs: the first owner takes
// back both, and the link that the thief got takes nothing back.
func TestChange_SecondChangeDoesNotPushOutTheFirstOwner(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	thief := signIn(t, s, alice)
	first, request := ask(t, s, thief, ann)
	press(thief, request.Link)
	var toThief sitetest.Letter
	for range 6 { // more than an account keeps of one kind
		toThief, request = ask(t, s, thief, other)
		s.Clock.Advance(5 * time.Minute)
	}
	require.Equal(t, ann, toThief.To)
	press(thief, request.Link)
	require.Equal(t, other, addressOf(t, s))

	require.Contains(t, press(s.Visitor(), first.Link).Text, "Your address is as it was")
	require.Equal(t, alice, addressOf(t, s))
	require.Equal(t, http.StatusGone, thief.Get(toThief.Link).Status)
	_, token, _ := strings.Cut(toThief.Link, "token=")
	require.Equal(t, http.StatusGone, thief.Post("/address/back", "token", token).Status)
	require.Equal(t, alice, addressOf(t, s))
}

// The newest first, then the one before it: each goes back to what was before.
func TestChange_TakenBackOneByOne(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	first, request := ask(t, s, v, ann)
	press(v, request.Link)
	second, request := ask(t, s, v, other)
	press(v, request.Link)
	require.Contains(t, press(s.Visitor(), second.Link).Text, "Your address is as it was")
	require.Equal(t, ann, addressOf(t, s))
	require.Contains(t, press(s.Visitor(), first.Link).Text, "Your address is as it was")
	require.Equal(t, alice, addressOf(t, s))
}

// While it can be put back the old address is nobody else's: neither by a change nor by an account that is made.
func TestChange_OldAddressStaysTakenForAsLong(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v, stranger := signIn(t, s, alice), signIn(t, s, bob)
	notice, request := ask(t, s, v, ann)
	press(v, request.Link)
	_, err := s.Accounts.Create(t.Context(), alice)
	require.Error(t, err)
	mails := stranger.Mails(2, func() { stranger.Submit(stranger.Get("/address"), "address", alice) })
	require.Equal(t, takenSubject, mails[0].Subject)
	require.Contains(t, press(s.Visitor(), notice.Link).Text, "Your address is as it was")
	require.Equal(t, alice, addressOf(t, s))
}

// A sign-in link that went to the new address is worth nothing once the address is put back.
func TestChange_TakingBackEndsWhatTheNewAddressCouldSignInWith(t *testing.T) {
	t.Parallel()
	s, _, _, notice := changed(t)
	later := s.Visitor()
	code := later.Ask("/sign-in", ann, ann)
	press(s.Visitor(), notice.Link)
	require.Equal(t, http.StatusGone, later.Get(code.Link).Status)
	require.Equal(t, http.StatusGone, later.Post("/sign-in/code", "address", ann, "code", code.Code).Status)
	require.Empty(t, later.SignedIn())
}

// A proof of an address is worth nothing once the account has another, however late it comes: not even in the moment
// between the take-back and its Revoke.
func TestChange_ProofOfTheNewAddressBetweenTakingBackAndRevokeSignsNobodyIn(t *testing.T) {
	t.Parallel()
	s, _, _, notice := changed(t)
	later := s.Visitor()
	code := later.Ask("/sign-in", ann, ann)
	_, token := later.Open(code.Link)
	var between sync.Once
	s.FailRedis(func() error {
		if addressOf(t, s) == alice {
			between.Do(func() {
				s.FailRedis(func() error { return nil })
				require.Equal(t, http.StatusGone, later.Post("/sign-in/link", "token", token).Status)
			})
		}
		return nil
	})
	require.Contains(t, press(s.Visitor(), notice.Link).Text, "Your address is as it was")
	require.Empty(t, later.SignedIn())
}

// A thief at the new address asks for a code. The account was found by that address; the take-back comes and goes, with its
// Revoke; only then is the code issued, and mailed to the address that was found.
func TestChange_SlowIssueAcrossATakeBackSignsNobodyIn(t *testing.T) {
	t.Parallel()
	s, _, _, notice := changed(t)
	thief := s.Visitor()
	var between sync.Once
	s.FailRedis(func() error {
		between.Do(func() {
			s.FailRedis(func() error { return nil })
			require.Contains(t, press(s.Visitor(), notice.Link).Text, "Your address is as it was")
		})
		return nil
	})
	code := thief.Ask("/sign-in", ann, ann)
	require.Equal(t, alice, addressOf(t, s))
	for _, address := range []string{ann, alice} {
		require.NotEqual(t, "/", thief.Post("/sign-in/code", "address", address, "code", code.Code).Path)
		require.Empty(t, thief.SignedIn())
	}
	require.Equal(t, http.StatusGone, press(thief, code.Link).Status)
	require.Empty(t, thief.SignedIn())
}

// A thief's code was found right, the take-back comes and goes, and only then does the session begin.
func TestChange_VerificationJustBeforeATakeBackSignsNobodyIn(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"code", "link"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s, _, _, notice := changed(t)
			thief := s.Visitor()
			sent := thief.Ask("/sign-in", ann, ann)
			_, token := thief.Open(sent.Link)
			s.AfterRedis(func() {
				require.Contains(t, press(s.Visitor(), notice.Link).Text, "Your address is as it was")
			})
			if by == "code" {
				require.Equal(t, http.StatusGone, thief.Post("/sign-in/code", "address", ann, "code", sent.Code).Status)
			} else {
				require.Equal(t, http.StatusGone, thief.Post("/sign-in/link", "token", token).Status)
			}
			require.Equal(t, alice, addressOf(t, s))
			require.Empty(t, thief.SignedIn())
		})
	}
}

// While Redis is away nothing can be revoked: the address is put back, the sessions are ended, and the rest is made up for.
func TestChange_RevokeThatIsUndecidedIsTriedAgain(t *testing.T) {
	t.Parallel()
	s, a, thief, notice := changed(t)
	later := s.Visitor()
	later.Ask("/sign-in", ann, ann)
	shown, _ := later.Open(notice.Link)
	s.FailRedis(func() error {
		if addressOf(t, s) == alice {
			return errors.New("connection refused")
		}
		return nil
	})
	require.Contains(t, later.Submit(shown).Text, "Your address is as it was")
	require.Empty(t, thief.SignedIn())
	s.FailRedis(func() error { return nil })
	mailtest.Wait(t, "the code to the new address ends", func() bool {
		status, err := a.login.Status(t.Context(), "account-1")
		require.NoError(t, err)
		return len(status.Pending) == 0
	})
}

func TestChange_FailedStoreGivesTheLinkToTakeBackBack(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := signIn(t, s, alice)
	notice, request := ask(t, s, v, ann)
	press(v, request.Link)
	owner := s.Visitor()
	shown, _ := owner.Open(notice.Link)
	s.Accounts.Fail(errors.New("the disk is full"))
	shown = owner.Submit(shown)
	require.Equal(t, http.StatusServiceUnavailable, shown.Status)
	require.Equal(t, notDone, shown.Said())
	s.Accounts.Fail(nil)
	require.Contains(t, owner.Submit(shown).Text, "Your address is as it was")
}

// The change is taken back after its request was let in, and before its link is looked at and the address stored.
func TestChange_TakenBackWhileItIsConfirmed(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	thief, owner := signIn(t, s, alice), s.Visitor()
	notice, request := ask(t, s, thief, ann)
	shown, _ := thief.Open(request.Link)
	var between sync.Once
	s.FailRedis(func() error {
		between.Do(func() {
			s.FailRedis(func() error { return nil })
			require.Contains(t, press(owner, notice.Link).Text, "Your address is as it was")
		})
		return nil
	})
	require.Equal(t, http.StatusGone, thief.Submit(shown).Status)
	require.Equal(t, alice, addressOf(t, s))
}

// Confirmed and taken back at the same time, the old address has the last word, whichever comes first.
func TestChange_ConfirmAndTakeBackAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		s, _ := open(t)
		thief, owner := signIn(t, s, alice), s.Visitor()
		notice, request := ask(t, s, thief, ann)
		_, confirm := thief.Open(request.Link)
		_, back := owner.Open(notice.Link)
		var both sync.WaitGroup
		both.Go(func() { thief.Post("/address/confirm", "token", confirm) })
		both.Go(func() { require.Equal(t, http.StatusOK, owner.Post("/address/back", "token", back).Status) })
		both.Wait()
		require.Equal(t, alice, addressOf(t, s))
		require.Empty(t, thief.SignedIn())
	}
}
