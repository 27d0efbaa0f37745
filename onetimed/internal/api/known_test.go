package api

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startedBy starts for alice, whose browser shows something, and returns the answer and the code.
func (f *fixture) startedBy(known string) (answer, string) {
	a := f.call("vault", "POST", "/v1/services/login/verifications", body("subject", "alice@example.com", "channel", "none", "client", body("known_browser", known)))
	if a.status != 201 {
		return a, ""
	}
	return a, a.text("code")
}

func TestRule14_AStrangerLocksNoKnownBrowserOut(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		id, code := f.started("login", "alice@example.com")
		known := f.check(id, code).is(200).text("known_browser")
		require.Len(t, known, 28)

		w := &walker{fixture: f}
		for n := range 43 { // 85 wrong codes of a stranger
			id, code := w.started("login", "alice@example.com")
			w.check(id, wrong(code, n))
			w.check(id, wrong(code, n+50))
		}
		for _, shown := range []string{"", flip(known), strings.Repeat("<x>.", 1000)} {
			a, _ := f.startedBy(shown)
			a.is(429, "codes_disabled")
		}
		a, _ := f.startedBy(known)
		a.is(201)
		resent := f.call("vault", "POST", "/v1/verifications/"+a.text("id")+"/resend", body()).is(201)
		again := f.check(resent.text("id"), resent.text("code")).is(200)
		require.Len(t, again.text("known_browser"), 28, "the newest of the person")
		strangers := f.admin("status", "login", "alice@example.com").field("strangers").(map[string]any)
		require.Zero(t, strangers["failures"], "a success ends the row")
	})
}

func TestRule14_CredentialsOfSeveralPeopleTravelTogetherAndEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "bob@example.com")
	bob := f.check(id, code).is(200).text("known_browser")
	a, code := f.startedBy(bob)
	both := f.check(a.is(201).text("id"), code).is(200).text("known_browser")
	require.Equal(t, bob, strings.Split(both, ".")[1])

	// By the service, without an id.
	const binding, drawn = "a secret of the person's session", "a random value of this start"
	client := body("known_browser", both, "known_since", time.Now().Add(-time.Hour).Unix())
	a = f.call("vault", "POST", "/v1/services/login/verifications", body("subject", "alice@example.com", "channel", "none", "binding", binding, "request", drawn, "client", client)).is(201)
	check := func(more ...any) answer {
		return f.call("app", "POST", "/v1/services/login/check", body(append([]any{"subject", "alice@example.com", "code", a.text("code"), "request", drawn}, more...)...))
	}
	check("known_browser", both).is(422, "invalid")
	check("known_browser", both, "binding", binding).is(200)

	f.call("vault", "POST", "/v1/services/login/verifications", body("subject", "alice@example.com", "channel", "none", "kind", "both", "client", client)).is(422, "invalid")
	status := func() map[string]any {
		return f.admin("status", "login", "alice@example.com").field("known_browsers").(map[string]any)
	}
	wrongCode := func(since int64) {
		a := f.call("vault", "POST", "/v1/services/login/verifications", body("subject", "alice@example.com", "channel", "none",
			"client", body("known_browser", both, "known_since", since))).is(201)
		f.check(a.text("id"), wrong(a.text("code"), 0)).is(422, "code_mismatch")
	}
	wrongCode(time.Now().Add(time.Hour).Unix())
	require.Zero(t, status()["failures"], "ended by the account's row")
	wrongCode(1)
	require.Equal(t, 1.0, status()["failures"])
}
