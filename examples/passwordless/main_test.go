package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	p := start(t, command())
	require.Regexp(t, `^Key: random, .*
Redis: an embedded one, .*
Mail: an embedded server, .*/inbox.*
Open http://localhost:\d+
$`, p.printed.String())

	first := p.browser().get("/")
	require.Contains(t, first.text, `<a href="/sign-in">Sign in</a>`)
	require.Contains(t, first.text, `<a href="/inbox">`)
	for _, address := range []string{alice, bob, "nobody@example.com"} {
		require.Contains(t, first.text, "<strong>"+address+"</strong>")
	}
}

func TestSignIn_ByTheCodeInTheInbox(t *testing.T) {
	t.Parallel()
	p := start(t, command())
	b := p.browser()
	require.Contains(t, b.get("/sign-in").text, `name="address"`)
	mail := b.ask(" Alice@EXAMPLE.com", alice)
	require.Empty(t, b.signedIn())

	wrong := b.post("/sign-in/code", "address", alice, "code", other(mail.code))
	require.Equal(t, http.StatusForbidden, wrong.status)
	require.Contains(t, wrong.text, `role="alert"`)
	require.Empty(t, b.signedIn())

	right := b.post("/sign-in/code", "address", alice, "code", mail.code[:3]+" "+mail.code[3:])
	require.Equal(t, http.StatusOK, right.status)
	require.Equal(t, "/", right.path)
	require.Equal(t, alice, b.signedIn())

	again := b.post("/sign-in/code", "address", alice, "code", mail.code)
	require.Equal(t, http.StatusForbidden, again.status)

	p.end(t)
	require.NotContains(t, p.printed.String(), "ERROR", "what is refused is not logged")
}

func TestSignIn_ByTheLinkInTheInbox(t *testing.T) {
	t.Parallel()
	p := start(t, command())
	b := p.browser()
	mail := b.ask(bob, bob)
	require.True(t, strings.HasPrefix(mail.link, p.origin+"/sign-in/link?token="), mail.link)

	for range 2 { // opening it uses nothing up
		shown, _ := b.open(mail.link)
		require.Contains(t, shown.text, "b•••@example.com")
		require.NotContains(t, shown.text, `name="here"`)
		require.Empty(t, b.signedIn())
	}
	_, token := b.open(mail.link)
	require.Equal(t, "/", b.post("/sign-in/link", "token", token).path)
	require.Equal(t, bob, b.signedIn())

	require.Equal(t, http.StatusGone, b.get(mail.link).status)
	require.Equal(t, http.StatusGone, p.browser().post("/sign-in/link", "token", token, "here", "yes").status)
}

func TestSignIn_LinkInAnotherBrowserAsks(t *testing.T) {
	t.Parallel()
	p := start(t, command())
	mail := p.browser().ask(alice, alice)
	elsewhere := p.browser()

	asked, token := elsewhere.open(mail.link)
	require.Contains(t, asked.text, `name="here" value="yes"`)
	unasked := elsewhere.post("/sign-in/link", "token", token)
	require.Contains(t, unasked.text, `name="here" value="yes"`)
	require.Empty(t, elsewhere.signedIn())

	require.Equal(t, "/", elsewhere.post("/sign-in/link", "token", token, "here", "yes").path)
	require.Equal(t, alice, elsewhere.signedIn())
}

func TestSignIn_UnknownAddressIsAnsweredAlikeAndGetsNoMail(t *testing.T) {
	t.Parallel()
	server := receive(t)
	p := start(t, command("SMTP_URL=smtp://"+server.addr))
	b := p.browser()
	// Five letters as well, so that the lengths agree.
	unknown := b.post("/sign-in", "address", "carol@example.com")
	known := b.post("/sign-in", "address", alice)
	require.Equal(t, known, page{unknown.status, unknown.path, strings.ReplaceAll(unknown.text, "carol", "alice")})

	unknown = b.post("/sign-in/code", "address", "carol@example.com", "code", "000000")
	known = b.post("/sign-in/code", "address", alice, "code", other(server.mail(t, 0).code()))
	require.Equal(t, http.StatusForbidden, known.status)
	require.Equal(t, known, page{unknown.status, unknown.path, strings.ReplaceAll(unknown.text, "carol", "alice")})

	p.end(t) // and with it whatever was still to be delivered
	require.Equal(t, 1, server.count())
	require.Equal(t, []string{alice}, server.mail(t, 0).to)
}

func TestSignOut_EndsTheSessionWhereverItsCookieIs(t *testing.T) {
	t.Parallel()
	p := start(t, command())
	b := p.browser()
	mail := b.ask(alice, alice)
	b.post("/sign-in/code", "address", alice, "code", mail.code)
	stolen := b.cookie("session")
	require.NotEmpty(t, stolen)
	copied := p.browser()
	copied.set("session", stolen)
	require.Equal(t, alice, copied.signedIn())

	require.Equal(t, http.StatusMethodNotAllowed, b.get("/sign-out").status)
	request, err := http.NewRequest(http.MethodPost, b.url("/sign-out"), nil)
	require.NoError(t, err)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, b.do(b.client.Do(request)).status)
	require.Equal(t, alice, b.signedIn())

	require.Equal(t, "/", b.post("/sign-out").path)
	require.Empty(t, b.signedIn())
	require.Empty(t, b.cookie("session"))
	require.Empty(t, copied.signedIn())
}

func TestSession_EachSignInHasANewID(t *testing.T) {
	t.Parallel()
	p := start(t, command())
	b := p.browser()
	b.set("session", "PLANTED")
	mail := b.ask(alice, alice)
	b.post("/sign-in/code", "address", alice, "code", mail.code)
	require.Equal(t, alice, b.signedIn())
	first := b.cookie("session")
	require.NotEqual(t, "PLANTED", first)
	attacker := p.browser()
	attacker.set("session", "PLANTED")
	require.Empty(t, attacker.signedIn())

	mail = b.ask(bob, bob)
	_, token := b.open(mail.link)
	b.post("/sign-in/link", "token", token)
	require.Equal(t, bob, b.signedIn())
	require.NotEqual(t, first, b.cookie("session"))
	attacker.set("session", first)
	require.Empty(t, attacker.signedIn(), "the session of before")
}

func TestLimit_AddressThatAsksTooOften(t *testing.T) {
	t.Parallel()
	b := start(t, command()).browser()
	for i := range 20 {
		require.Equal(t, http.StatusOK, b.post("/sign-in", "address", "nobody-"+string(rune('a'+i))+"@example.com").status)
	}
	require.Equal(t, http.StatusTooManyRequests, b.post("/sign-in", "address", alice).status)
	require.Empty(t, b.inbox())
}

func TestPages_AllowNoScriptAndTheStyleTheyHave(t *testing.T) {
	t.Parallel()
	b := start(t, command()).browser()
	for _, path := range []string{"/", "/inbox", "/sign-in"} {
		response, err := b.client.Get(b.url(path))
		require.NoError(t, err)
		shown := b.do(response, nil)
		policy := response.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'; style-src 'sha256-"+hash(t, shown.text)+"'; ", path)
		require.NotContains(t, policy, "script-src")
		require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	}
	require.Equal(t, http.StatusNotFound, b.get("/elsewhere").status)
}
