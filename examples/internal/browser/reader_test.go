package browser_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// Screen readers are told what there is to say as a status, or an alert where it went wrong, and again with the field that has
// the focus: some are silent about what stood in the page when it came.
func TestBrowser_ScreenReadersAreToldNotesAndErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *onetimehttp.Config) { c.OtherBrowser = onetimehttp.AskOtherBrowser }, nil)
	b := browser.Open(t, "Alice")
	b.Visit(s.origin + "/sign-in")
	require.Equal(t, []string{
		"heading: Sign in to Example", "textbox: E-mail address or phone number, focused", "button: Send me a code or a link",
	}, b.Reader())
	b.Type(addressLabel, "nobody")
	b.Press(askButton)
	require.Equal(t, []string{
		"heading: Sign in to Example", "textbox: E-mail address or phone number, Check the address., invalid, focused",
		"alert: Check the address.", "button: Send me a code or a link",
	}, b.Reader())

	b.Type(addressLabel, address)
	b.Press(askButton)
	mail := s.mail()
	rest := []string{"button: Sign in", "button: Send again"}
	require.Equal(t, append([]string{"heading: Enter your code", "link: Change", "textbox: Code of 6 digits, focused"}, rest...), b.Reader())
	b.Press(againButton)
	const already = "A message was already sent. The next one can be sent in 30 seconds."
	require.Equal(t, append([]string{
		"heading: Enter your code", "link: Change", "status: " + already, "textbox: Code of 6 digits, " + already + ", focused",
	}, rest...), b.Reader())
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, wrong(mail.Code, 1), signInButton))
	const mismatch = "This code is wrong. 4 attempts are left."
	require.Equal(t, append([]string{
		"heading: Enter your code", "link: Change", "textbox: Code of 6 digits, " + mismatch + ", invalid, focused", "alert: " + mismatch,
	}, rest...), b.Reader())

	phone := browser.Open(t, "Alice's phone")
	phone.Visit(mail.URL)
	require.Equal(t, []string{
		"heading: Sign in to Example", "status: You asked for it in another browser, or somebody else did. You are signing in here, on this device.",
		"button: Sign in on this device",
	}, phone.Reader())
	b.Send(codeLabel, mail.Code, signInButton)
	phone.Press("Sign in on this device")
	require.Equal(t, []string{
		"heading: That did not work", "alert: This code or link was already used. Send a new one.", "link: Start again",
	}, phone.Reader())
}
