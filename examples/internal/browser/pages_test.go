package browser_test

import (
	"encoding/base64"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// Each page, in each state that it can be in, can be used by everybody, on a narrow screen and by keyboard, too.
func TestBrowser_Pages(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *onetimehttp.Config) { c.OtherBrowser = onetimehttp.AskOtherBrowser }, nil)
	b := browser.Open(t, "Alice")
	require.Equal(t, http.StatusOK, b.Visit(s.origin+"/sign-in"))
	b.Examine("start")
	b.Type(addressLabel, "   ")
	require.Equal(t, http.StatusBadRequest, b.Press(askButton))
	b.Examine("start-wrong")
	b.Type(addressLabel, address)
	require.Equal(t, http.StatusOK, b.Press(askButton))
	b.Examine("code")
	mail := s.mail()
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton))
	b.Examine("code-already")
	b.Type(codeLabel, "12")
	require.Equal(t, http.StatusBadRequest, b.Press(signInButton))
	b.Examine("code-half")
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, wrong(mail.Code, 1), signInButton))
	b.Examine("code-wrong")

	require.Equal(t, http.StatusOK, b.Visit(mail.URL))
	b.Examine("link")
	other := browser.Open(t, "Alice's phone")
	require.Equal(t, http.StatusOK, other.Visit(mail.URL))
	other.Examine("link-other-browser")
	s.clock.Advance(10*time.Minute + time.Second)
	require.Equal(t, http.StatusGone, b.Press(signInButton))
	b.Examine("link-expired")

	b.Press("Start again")
	b.Type(addressLabel, address)
	b.Press(askButton)
	mail = s.mail()
	s.clock.Advance(5*time.Minute + time.Second)
	require.Equal(t, http.StatusGone, b.Send(codeLabel, wrong(mail.Code, 0), signInButton))
	b.Examine("code-expired")
}

func TestBrowser_PagesOfLockedCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, []onetime.Option{onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: 12 * time.Hour})})
	b := browser.Open(t, "Alice")
	s.ask(b)
	mail := s.mail()
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, wrong(mail.Code, 1), signInButton))
	require.Equal(t, http.StatusTooManyRequests, b.Send(codeLabel, mail.Code, signInButton))
	require.Contains(t, b.Text(), "Try again in 12 hours.")
	b.Examine("code-locked")
}

func TestBrowser_PagesOfNoAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	s.ask(b)
	mail := s.mail()
	require.NoError(t, s.end())
	require.Equal(t, http.StatusServiceUnavailable, b.Send(codeLabel, mail.Code, signInButton))
	b.Examine("code-undecided")
	require.Equal(t, http.StatusServiceUnavailable, b.Visit(mail.URL))
	b.Examine("link-undecided")
	require.Equal(t, http.StatusServiceUnavailable, s.ask(b))
	b.Examine("start-undecided")
}

func TestBrowser_PagesOfLinksAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *onetimehttp.Config) {
		c.Secrets, c.OtherBrowser = onetimehttp.LinkOnly, onetimehttp.RefuseOtherBrowser
	}, nil)
	b := browser.Open(t, "Alice")
	require.Equal(t, http.StatusOK, s.askBy(b, "Send me a link"))
	b.Examine("sent")
	mail := s.mail()
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton))
	b.Examine("sent-already")
	other := browser.Open(t, "Alice's phone")
	require.Equal(t, http.StatusForbidden, other.Visit(mail.URL))
	other.Examine("link-other-browser-refused")
}

// Names, addresses and texts of others may be long, and codes may have letters.
func TestBrowser_PagesOfLongNames(t *testing.T) {
	t.Parallel()
	const name = "Donaudampfschifffahrtsgesellschaftskapitänsmützenverleih"
	texts := onetimehttp.English()
	for text := range texts {
		texts[text] = "Rechtsschutzversicherungsgesellschaften " + texts[text]
	}
	s := newSite(t, func(c *onetimehttp.Config) { c.Name = name }, []onetime.Option{onetime.WithAlphabet(onetime.Crockford32), onetime.WithCodeLength(12)},
		onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{"en": texts}))
	b := browser.Open(t, "Alice")
	b.Visit(s.origin + "/sign-in")
	b.Examine("long-start")
	b.Type(texts["start.address"], "wolfeschlegelsteinhausen.wolfeschlegelsteinhausenbergerdorff@example.com")
	require.Equal(t, http.StatusOK, b.Press(texts["start.submit"]))
	b.Examine("long-code")
	b.Visit(s.mail().URL)
	b.Examine("long-link")
}

// A brand keeps the contrast that text needs, in light and dark.
func TestBrowser_PagesOfABrand(t *testing.T) {
	t.Parallel()
	logo := base64.StdEncoding.EncodeToString([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><rect width="120" height="40" rx="8" fill="#7a1fa2"/></svg>`))
	s := newSite(t, func(*onetimehttp.Config) {}, nil, onetimehttp.WithBrand(onetimesend.Brand{
		Logo: "data:image/svg+xml;base64," + logo, Accent: "#7a1fa2", Footer: "Example Ltd\n1 Main Street, Springfield",
	}))
	b := browser.Open(t, "Alice")
	s.ask(b)
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton))
	b.Examine("brand-code")
}

func TestBrowser_MailAsHTML(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b := browser.Open(t, "Alice")
	s.ask(b)
	b.Visit(s.origin + "/mail")
	b.Picture("mail")
	b.CheckNarrow()
}

// What became of a message is told each in its own words: sent again, no attempts left, replaced, used here and used elsewhere.
func TestBrowser_PagesOfWhatIsOver(t *testing.T) {
	t.Parallel()
	var subject atomic.Value // who is signed in
	subject.Store("")
	s := newSite(t, func(c *onetimehttp.Config) {
		c.OtherBrowser = onetimehttp.AskOtherBrowser
		c.SignedIn = func(*http.Request) string { return subject.Load().(string) }
	}, nil)
	b, phone := browser.Open(t, "Alice"), browser.Open(t, "Alice's phone")
	first := s.askFor(b, address)
	for n := range 5 {
		b.Send(codeLabel, wrong(first.Code, n+1), signInButton)
	}
	require.Equal(t, http.StatusGone, b.Send(codeLabel, first.Code, signInButton))
	require.Contains(t, b.Text(), "Too many wrong codes were tried.")
	b.Examine("code-exhausted")
	s.clock.Advance(30 * time.Second)
	require.Equal(t, http.StatusOK, b.Press(againButton))
	require.Contains(t, b.Text(), "Only the newest one works.")
	b.Examine("code-again")
	second := s.mail()
	require.Equal(t, http.StatusGone, b.Visit(first.URL))
	require.Contains(t, b.Text(), "Only the newest message works.")
	b.Examine("link-replaced")

	require.Equal(t, http.StatusOK, b.Visit(second.URL))
	require.Equal(t, http.StatusOK, b.Press(signInButton))
	require.Equal(t, http.StatusOK, b.Visit(second.URL))
	require.Contains(t, b.Text(), "This link was used in this browser.")
	b.Examine("link-used-here")
	b.Visit(s.origin + "/sign-in/code")
	require.Contains(t, b.Text(), "You are already signed in.")
	b.Examine("code-signed-in")
	require.Equal(t, http.StatusGone, phone.Visit(second.URL))
	require.Contains(t, phone.Text(), "was already used")
	phone.Examine("link-used-elsewhere")
	subject.Store(address)
	b.Visit(s.origin + "/sign-in")
	require.Contains(t, b.Text(), "You are already signed in.")
	b.Examine("start-signed-in")
	subject.Store("")

	s.clock.Advance(time.Minute)
	lost := s.askFor(phone, address)
	phone.DropCookies()
	require.Equal(t, http.StatusForbidden, phone.Send(codeLabel, lost.Code, signInButton))
	require.Contains(t, phone.Text(), "Start again in this browser, with cookies allowed.")
	phone.Examine("start-no-cookie")
}

// After 85 wrong codes in a row an account has none any more, and its messages have the link alone.
func TestBrowser_PagesOfDisabledCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, []onetime.Option{
		onetime.WithSendLimits(), onetime.WithMaxAttempts(16), onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Second}),
	})
	guesser := onetimetest.NewBrowser(t, s.origin, s.handler)
	for failures := 0; failures < 85; {
		page := guesser.Submit(guesser.Get("/sign-in"), "address", address)
		code := s.mail().Code
		for range min(16, 85-failures) {
			failures++
			page = guesser.Submit(page, "code", wrong(code, failures))
			require.Equal(t, http.StatusForbidden, page.Status)
		}
		s.clock.Advance(time.Second)
	}
	b := browser.Open(t, "Alice")
	require.Empty(t, s.askFor(b, address).Code)
	require.Contains(t, b.Text(), "Check your messages")
	b.Examine("sent-codes-disabled")
	page := guesser.Post("/sign-in/code", "address", address, "code", "123456")
	require.Equal(t, http.StatusForbidden, page.Status)
	require.Contains(t, page.Text, "Codes are disabled for this account.")
}

// Flows whose messages have no link, and whose people have no phone.
func TestBrowser_PagesOfCodesAndMailAlone(t *testing.T) {
	t.Parallel()
	const label, button = "E-mail address", "Send me a code"
	s := newSite(t, func(c *onetimehttp.Config) { c.Secrets = onetimehttp.CodeOnly }, nil,
		onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{"en": {"start.address": label}}))
	b := browser.Open(t, "Alice")
	b.Visit(s.origin + "/sign-in")
	b.Examine("start-mail-code")
	b.Type(label, address)
	require.Equal(t, http.StatusOK, b.Press(button))
	require.NotContains(t, b.Text(), "link")
	b.Examine("code-only")
}

// Pages that are written from the right, with an address in them that is not.
func TestBrowser_PagesFromTheRight(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *onetimehttp.Config) { c.OtherBrowser = onetimehttp.AskOtherBrowser }, nil)
	b, phone := browser.Open(t, "Alice"), browser.Open(t, "Alice's phone")
	b.Speaks("ar")
	phone.Speaks("ar")
	b.Visit(s.origin + "/sign-in")
	require.Equal(t, "rtl", b.Script("getComputedStyle(document.body).direction"))
	b.Examine("ar-start")
	b.Reload() // the cursor is in the field
	b.Keys(address)
	require.Equal(t, http.StatusOK, b.Enter())
	b.Examine("ar-code")
	mail := s.mail()
	b.Reload()
	require.Equal(t, http.StatusForbidden, b.KeysLead(wrong(mail.Code, 1)))
	b.Examine("ar-code-wrong")
	phone.Visit(mail.URL)
	phone.Examine("ar-link-other-browser")
	b.Reload()
	b.KeysLead(mail.Code)
	require.Equal(t, http.StatusGone, phone.Visit(mail.URL))
	phone.Examine("ar-link-used")
}
