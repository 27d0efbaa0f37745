package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
)

// other returns a code of the same length that is another.
func other(code string) string {
	return code[:5] + string('0'+(code[5]-'0'+1)%10)
}

func TestProgram_SaysWhatItTakes(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	require.Regexp(t, `^Key: random, .*
Redis: an embedded one, .*
Mail: an embedded server, .*/inbox.*
Open http://localhost:\d+
$`, p.Printed.String())

	first := p.Visitor().Get("/")
	require.Contains(t, first.Text, `<a href="/sign-in">Sign in</a>`)
	require.Contains(t, first.Text, `<a href="/inbox">`)
	for _, address := range []string{alice, bob, "nobody@example.com"} {
		require.Contains(t, first.Text, "<strong>"+address+"</strong>")
	}
}

func TestSignIn_ByTheCodeInTheInbox(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	b := p.Visitor()
	require.Contains(t, b.Get("/sign-in").Text, `name="address"`)
	mail := b.Ask("/sign-in", " Alice@EXAMPLE.com", alice)
	require.Empty(t, b.SignedIn())

	wrong := b.Post("/sign-in/code", "address", alice, "code", other(mail.Code))
	require.Equal(t, http.StatusForbidden, wrong.Status)
	require.Contains(t, wrong.Text, `role="alert"`)
	require.Empty(t, b.SignedIn())

	right := b.Post("/sign-in/code", "address", alice, "code", mail.Code[:3]+" "+mail.Code[3:])
	require.Equal(t, http.StatusOK, right.Status)
	require.Equal(t, "/", right.Path)
	require.Equal(t, alice, b.SignedIn())

	again := b.Post("/sign-in/code", "address", alice, "code", mail.Code)
	require.Equal(t, "/", again.Path, "sent twice, it signs in like the first")
	require.Equal(t, http.StatusForbidden, p.Visitor().Post("/sign-in/code", "address", alice, "code", mail.Code).Status)

	p.End()
	require.NotContains(t, p.Printed.String(), "ERROR", "what is refused is not logged")
}

func TestSignIn_ByTheLinkInTheInbox(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	b := p.Visitor()
	mail := b.Ask("/sign-in", bob, bob)
	require.True(t, strings.HasPrefix(mail.Link, p.Origin+"/sign-in/link?token="), mail.Link)

	for range 2 { // opening it uses nothing up
		shown, _ := b.Open(mail.Link)
		require.Contains(t, shown.Text, "b•••@example.com")
		require.NotContains(t, shown.Text, `name="here"`)
		require.Empty(t, b.SignedIn())
	}
	_, token := b.Open(mail.Link)
	require.Equal(t, "/", b.Post("/sign-in/link", "token", token).Path)
	require.Equal(t, bob, b.SignedIn())

	require.Contains(t, b.Get(mail.Link).Text, "This link was used in this browser.")
	require.Equal(t, http.StatusGone, p.Visitor().Get(mail.Link).Status)
	require.Equal(t, http.StatusGone, p.Visitor().Post("/sign-in/link", "token", token, "here", "yes").Status)
}

func TestSignIn_LinkInAnotherBrowserAsks(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	mail := p.Visitor().Ask("/sign-in", alice, alice)
	elsewhere := p.Visitor()

	asked, token := elsewhere.Open(mail.Link)
	require.Contains(t, asked.Text, `name="here" value="yes"`)
	unasked := elsewhere.Post("/sign-in/link", "token", token)
	require.Contains(t, unasked.Text, `name="here" value="yes"`)
	require.Empty(t, elsewhere.SignedIn())

	require.Equal(t, "/", elsewhere.Post("/sign-in/link", "token", token, "here", "yes").Path)
	require.Equal(t, alice, elsewhere.SignedIn())
}

func TestSignIn_UnknownAddressIsAnsweredAlikeAndGetsNoMail(t *testing.T) {
	t.Parallel()
	server := mailtest.Receive(t)
	p := sitetest.Run(t, "SMTP_URL=smtp://"+server.Addr)
	b, c := p.Visitor(), p.Visitor()
	// Five letters as well, so that the lengths agree.
	unknown := c.Post("/sign-in", "address", "carol@example.com")
	known := b.Post("/sign-in", "address", alice)
	require.Equal(t, known.Seen("alice", "X"), unknown.Seen("carol", "X"))

	unknown = c.Post("/sign-in/code", "address", "carol@example.com", "code", "000000")
	known = b.Post("/sign-in/code", "address", alice, "code", other(server.Mail(t, 0).Code(t)))
	require.Equal(t, http.StatusForbidden, known.Status)
	require.Equal(t, known.Seen("alice", "X"), unknown.Seen("carol", "X"))

	p.End() // and with it whatever was still to be delivered
	require.Equal(t, 1, server.Count())
	require.Equal(t, []string{alice}, server.Mail(t, 0).To)
}

func TestSignOut_EndsTheSessionWhereverItsCookieIs(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	b := p.Visitor()
	mail := b.Ask("/sign-in", alice, alice)
	b.Post("/sign-in/code", "address", alice, "code", mail.Code)
	stolen := b.Cookie("session")
	require.NotEmpty(t, stolen)
	copied := p.Visitor()
	copied.SetCookie("session", stolen)
	require.Equal(t, alice, copied.SignedIn())

	require.Equal(t, http.StatusMethodNotAllowed, b.Get("/sign-out").Status)
	request, err := http.NewRequest(http.MethodPost, b.URL("/sign-out"), nil)
	require.NoError(t, err)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, b.Read(b.Client.Do(request)).Status)
	require.Equal(t, alice, b.SignedIn())

	require.Equal(t, "/", b.Post("/sign-out").Path)
	require.Empty(t, b.SignedIn())
	require.Empty(t, b.Cookie("session"))
	require.Empty(t, copied.SignedIn())
}

func TestSession_EachSignInHasANewID(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t)
	b := p.Visitor()
	b.SetCookie("session", "PLANTED")
	mail := b.Ask("/sign-in", alice, alice)
	b.Post("/sign-in/code", "address", alice, "code", mail.Code)
	require.Equal(t, alice, b.SignedIn())
	first := b.Cookie("session")
	require.NotEqual(t, "PLANTED", first)
	attacker := p.Visitor()
	attacker.SetCookie("session", "PLANTED")
	require.Empty(t, attacker.SignedIn())

	mail = b.Ask("/sign-in", bob, bob)
	_, token := b.Open(mail.Link)
	b.Post("/sign-in/link", "token", token)
	require.Equal(t, bob, b.SignedIn())
	require.NotEqual(t, first, b.Cookie("session"))
	attacker.SetCookie("session", first)
	require.Empty(t, attacker.SignedIn(), "the session of before")
}

func TestLimit_AddressThatAsksTooOften(t *testing.T) {
	t.Parallel()
	b := sitetest.Run(t).Visitor()
	for i := range 20 {
		require.Equal(t, http.StatusOK, b.Post("/sign-in", "address", "nobody-"+string(rune('a'+i))+"@example.com").Status)
	}
	require.Equal(t, http.StatusTooManyRequests, b.Post("/sign-in", "address", alice).Status)
	require.Empty(t, b.Inbox())
}

func TestPages_AllowOneScriptAndTheStyleTheyHave(t *testing.T) {
	t.Parallel()
	v := sitetest.Run(t).Visitor()
	for _, path := range []string{"/", "/inbox", "/sign-in"} {
		v.Get(path).Guarded(t)
	}
	require.Equal(t, http.StatusNotFound, v.Get("/elsewhere").Status)
}
