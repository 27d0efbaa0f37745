package browser_test

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
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
