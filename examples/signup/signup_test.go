package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// has tells whether an address has an account.
func has(t testing.TB, s *sitetest.Site, address string) bool {
	t.Helper()
	_, _, found, err := s.Accounts.Lookup(t.Context(), address)
	require.NoError(t, err)
	return found
}

// other returns a code of the same length that is another.
func other(code string, n byte) string { return code[:5] + string('0'+(code[5]-'0'+n)%10) }

// One mail has a code and a link, and either ends the other.
func TestSignup_CodeEndsTheLink(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	mail := v.Ask("/sign-up", " Carol@EXAMPLE.com", carol)
	require.Regexp(t, `^Confirm your address for Example \(ref\. [A-Z]{5}\)$`, mail.Subject)
	shown, token := v.Open(mail.Link)
	require.Contains(t, shown.Text, "c•••@example.com")
	require.Equal(t, http.StatusForbidden, v.Post("/sign-up/code", "address", carol, "code", other(mail.Code, 1)).Status)
	require.False(t, has(t, s, carol), "nothing is made before the proof")

	require.Equal(t, "/", v.Post("/sign-up/code", "address", carol, "code", mail.Code).Path)
	require.Equal(t, carol, v.SignedIn())
	require.True(t, has(t, s, carol))
	require.Contains(t, v.Get(mail.Link).Text, "This link was used in this browser.")
	require.Contains(t, v.Post("/sign-up/link", "token", token).Text, "This link was used in this browser.")
	require.Equal(t, "/", v.Post("/sign-up/code", "address", carol, "code", mail.Code).Path, "sent twice, it signs in like the first")
	require.Equal(t, http.StatusGone, s.Visitor().Get(mail.Link).Status)
	require.Equal(t, http.StatusForbidden, s.Visitor().Post("/sign-up/code", "address", carol, "code", mail.Code).Status)
	require.Equal(t, []string{alice, carol}, s.Accounts.Addresses())

	v.Post("/sign-out")
	v.Post("/sign-in/code", "address", carol, "code", v.Ask("/sign-in", carol, carol).Code)
	require.Equal(t, carol, v.SignedIn())
}

func TestSignup_LinkEndsTheCode(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	mail := v.Ask("/sign-up", carol, carol)
	for range 3 { // a scanner of mail uses nothing up
		s.Visitor().Get(mail.Link)
	}
	shown, _ := v.Open(mail.Link)
	require.Equal(t, "/", v.Submit(shown).Path)
	require.Equal(t, carol, v.SignedIn())
	v.Post("/sign-out")
	require.Equal(t, http.StatusForbidden, v.Post("/sign-up/code", "address", carol, "code", mail.Code).Status, "signed out: forgotten")
	require.Empty(t, v.SignedIn())
}

// All that a stranger can see is alike, until the codes are locked; what tells is the mail.
func TestSignup_AddressWithAnAccountIsAnsweredAlikeAndGetsAnotherMail(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	session := func(name string) (pages []sitetest.Page) {
		v := s.Visitor()
		see := func(p sitetest.Page) { pages = append(pages, p.Seen(name, "X")) }
		address := name + "@example.com"
		see(v.Get("/sign-up"))
		for range 2 {
			mail := v.Mails(1, func() { see(v.Post("/sign-up", "address", address)) })[0]
			require.Equal(t, address, mail.To)
			see(v.Post("/sign-up", "address", address)) // too early
			code := "000000"
			if name == "alice" {
				require.Equal(t, "You have an account at Example", mail.Subject)
				require.Empty(t, mail.Code)
				require.Empty(t, mail.Link)
				require.Contains(t, mail.Text, s.Origin+"/sign-in")
			} else {
				code = mail.Code
				require.NotEmpty(t, mail.Link)
			}
			for n := range byte(6) {
				see(v.Post("/sign-up/code", "address", address, "code", other(code, n+1)))
			}
			s.Clock.Advance(time.Minute)
		}
		require.Empty(t, v.SignedIn())
		return pages
	}
	known, unknown := session("alice"), session("carol")
	require.Equal(t, http.StatusTooManyRequests, known[2].Status)
	require.Equal(t, http.StatusTooManyRequests, known[len(known)-1].Status, "locked")
	require.Equal(t, known, unknown)
}

// A code that was sent to nobody neither makes an account nor signs in to the one that exists.
func TestSignup_GuessedCodeOfAnAddressWithAnAccountDoesNothing(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	code, err := a.signUp.IssueOTP(t.Context(), alice)
	require.NoError(t, err)
	proof, err := a.signUp.VerifyOTP(t.Context(), alice, code.Code)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	a.flow.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, a.create(w, r, proof)) })).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	shown := sitetest.Page{Status: w.Code, Text: w.Body.String(), Header: w.Header()}
	require.Equal(t, http.StatusConflict, shown.Status)
	require.Equal(t, "This address has an account already. Nothing was changed.", shown.Said())
	shown.Guarded(t)
	require.Empty(t, w.Result().Cookies())
	require.Equal(t, []string{alice}, s.Accounts.Addresses())
}

// Two browsers sign up at once: the second proof finds the account of the first.
func TestSignup_AccountMadeMeanwhile(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	one, two := s.Visitor(), s.Visitor()
	first := one.Ask("/sign-up", carol, carol)
	s.Clock.Advance(time.Minute)
	second := two.Ask("/sign-up", carol, carol)
	one.Post("/sign-up/code", "address", carol, "code", first.Code)
	require.Equal(t, carol, one.SignedIn())
	require.Equal(t, http.StatusConflict, two.Post("/sign-up/code", "address", carol, "code", second.Code).Status)
	require.Empty(t, two.SignedIn())
	require.Equal(t, []string{alice, carol}, s.Accounts.Addresses())
}

func TestSignup_FailedStoreGivesCodeAndLinkBack(t *testing.T) {
	t.Parallel()
	for _, use := range []string{"code", "link"} {
		s, _ := open(t)
		v := s.Visitor()
		mail := v.Ask("/sign-up", carol, carol)
		s.Accounts.Fail(errors.New("the disk is full"))
		failed := v.Post("/sign-up/code", "address", carol, "code", mail.Code)
		require.Equal(t, http.StatusServiceUnavailable, failed.Status)
		require.Equal(t, "That could not be done just now. Try again.", failed.Said())
		require.Empty(t, v.SignedIn())
		require.Empty(t, v.Cookie("session"))
		s.Accounts.Fail(nil)
		if use == "code" {
			v.Submit(failed, "code", mail.Code)
		} else {
			shown, _ := v.Open(mail.Link)
			v.Submit(shown)
		}
		require.Equal(t, carol, v.SignedIn())
	}
}

// Who asked with the address of somebody else gets nothing by it: the account is made where the link is opened.
func TestSignup_LinkInAnotherBrowserAsksAndMakesTheAccountThere(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	stranger, owner := s.Visitor(), s.Visitor()
	mail := stranger.Ask("/sign-up", carol, carol)
	shown, token := owner.Open(mail.Link)
	require.Contains(t, shown.Text, "another browser")
	owner.Post("/sign-up/link", "token", token)
	require.False(t, has(t, s, carol), "not without the answer")
	require.Equal(t, "/", owner.Submit(shown, "here", "yes").Path)
	require.Equal(t, carol, owner.SignedIn())
	require.Empty(t, stranger.SignedIn())
}

func TestSignup_TakesAddressesOnly(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	for _, typed := range []string{"", "carol", "+1 555 0100", "+15550100100", "carol@example.com, alice@example.com", "carol@localhost", "carol@[10.0.0.5]", "c\r\nBcc: d@example.com"} {
		shown := v.Submit(v.Get("/sign-up"), "address", typed)
		require.Equal(t, http.StatusBadRequest, shown.Status, typed)
		require.Equal(t, "Check the address.", shown.Said())
	}
	require.Empty(t, v.Inbox())
}

// One inbox has one account, however its address is spelled, and one send limit.
func TestRule16_AllSpellingsAreOneAccount(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	const one = "ann@xn--bcher-kva.example"
	spellings := []string{
		"ann@bücher.example", one, "ann@BÜCHER.example", "ann@bu\u0308cher.example", "ann@bücher。example", "Ann <ANN@bücher.example>", "mailto:ann@bücher.example",
		"\u200bann@bücher.example\u2060", "ａｎｎ＠bücher.example", "<ann@bücher.example>,",
	}
	v := s.Visitor()
	mail := v.Ask("/sign-up", spellings[0], one)
	for _, typed := range spellings {
		require.Equal(t, http.StatusTooManyRequests, s.Visitor().Post("/sign-up", "address", typed).Status, typed)
	}
	v.Post("/sign-up/code", "address", spellings[1], "code", mail.Code)
	require.Equal(t, []string{alice, one}, s.Accounts.Addresses())
	for _, typed := range spellings[2:4] {
		s.Clock.Advance(15 * time.Minute)
		require.Equal(t, "You have an account at Example", s.Visitor().Ask("/sign-up", typed, one).Subject, typed)
	}
	require.Equal(t, []string{alice, one}, s.Accounts.Addresses())
}

// Codes and links of signing up do not sign in, and the other way round.
func TestSignup_IsAPurposeOfItsOwn(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	v := s.Visitor()
	up, in := v.Ask("/sign-up", carol, carol), v.Ask("/sign-in", alice, alice)
	require.Equal(t, http.StatusForbidden, v.Get(strings.Replace(up.Link, "/sign-up/", "/sign-in/", 1)).Status)
	require.Equal(t, http.StatusForbidden, v.Get(strings.Replace(in.Link, "/sign-in/", "/sign-up/", 1)).Status)
	if up.Code != in.Code {
		require.Equal(t, http.StatusForbidden, v.Post("/sign-in/code", "address", alice, "code", up.Code).Status)
	}
	require.Equal(t, []string{alice}, s.Accounts.Addresses())
}
