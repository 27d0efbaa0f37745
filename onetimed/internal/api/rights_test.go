package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRights_AKeyIsShownOnceAsBearer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := keys["support"]
	ask := func(values ...string) int {
		r := httptest.NewRequest("POST", "/v1/admin/login/explain", strings.NewReader(`{"subject":"a@example.com"}`))
		r.Header.Set("Content-Type", "application/json")
		for _, v := range values {
			r.Header.Add("Authorization", v)
		}
		a := f.serve(r)
		if a.status == 401 {
			require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
			require.NotContains(t, string(a.body), "support")
		}
		return a.status
	}
	require.Equal(t, 200, ask("Bearer "+key))
	require.Equal(t, 200, ask("bearer "+key), "schemes have no case (RFC 9110, 11.1)")
	for name, values := range map[string][]string{
		"none": nil, "empty": {""}, "no scheme": {key}, "another scheme": {"Basic " + key}, "no key": {"Bearer"}, "an empty key": {"Bearer "},
		"half": {"Bearer " + key[:len(key)/2]}, "longer": {"Bearer " + key + "A"}, "another case": {"Bearer " + strings.ToLower(key)},
		"two": {"Bearer " + key, "Bearer " + key}, "two in one": {"Bearer " + key + ", Bearer " + key}, "blanks": {"Bearer  " + key},
		"its digest": {"Bearer " + string(func() []byte { d := KeyDigest(key); return d[:] }())},
	} {
		require.Equal(t, 401, ask(values...), name)
	}
}

func TestRights_EveryCallWantsItsScope(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := &walker{fixture: f}
	has := map[string]Scope{"starter": ScopeStart, "checker": ScopeCheck, "support": ScopeAdmin}
	for _, o := range operations() {
		if o.scopes == nil {
			continue
		}
		for caller, scope := range has {
			q := w.valid(o.id)
			q.caller = caller
			allowed := false
			for _, s := range o.scopes {
				allowed = allowed || s == scope
			}
			a := w.do(q)
			switch {
			case !allowed:
				a.is(403, "forbidden")
			case o.id == "undo": // of another key
				a.is(404, "not_found")
			default:
				require.Equal(t, o.success, a.status, "%s by %s: %s", o.id, caller, a.body)
			}
		}
	}
}

func TestRights_AServiceOfAnotherCallerIsLikeNone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	started := f.call("other", "POST", "/v1/services/reset/verifications", body("subject", "a@example.com", "channel", "none", "kind", "both")).is(201)
	id, code, token := started.text("id"), started.text("code"), started.text("token")
	for _, q := range []request{
		{"app", "POST", "/v1/services/reset/verifications", body("subject", "a@example.com"), nil},
		{"app", "POST", "/v1/services/reset/check", body("token", token), nil},
		{"app", "POST", "/v1/tokens/inspect", body("service", "reset", "token", token), nil},
		{"app", "POST", "/v1/verifications/" + id + "/check", body("code", code), nil},
		{"app", "POST", "/v1/verifications/" + id + "/resend", body(), nil},
		{"app", "GET", "/v1/verifications/" + id, nil, nil},
		{"app", "DELETE", "/v1/verifications/" + id, nil, nil},
		{"support", "POST", "/v1/admin/reset/status", body("subject", "a@example.com"), nil},
		{"support", "POST", "/v1/admin/reset/erase", body("subject", "a@example.com"), nil},
	} {
		theirs := f.do(q).is(403, "forbidden")
		if strings.Contains(q.path, "/reset/") {
			q.path = strings.Replace(q.path, "/reset/", "/none/", 1)
			none := f.do(q).is(403, "forbidden")
			require.Equal(t, without(theirs, "request_id"), without(none, "request_id"))
		}
	}
	// A token of a service is none of another one.
	f.call("app", "POST", "/v1/services/login/check", body("token", token)).is(422, "code_mismatch")
	f.call("other", "POST", "/v1/services/reset/check", body("token", token)).is(200)
}

// without returns the text of an answer without a member's value.
func without(a answer, member string) string {
	return strings.ReplaceAll(string(a.body), a.text(member), "")
}

func TestRights_SecretsAreGivenToTheScopeSecretsAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := body("subject", "a@example.com", "channel", "none")
	f.call("app", "POST", startLogin, in).is(403, "forbidden")
	a := f.call("vault", "POST", startLogin, in).is(201)
	require.Len(t, a.text("code"), 6)
	// Nor by a resend of what another caller was given.
	f.call("app", "POST", "/v1/verifications/"+a.text("id")+"/resend", body()).is(403, "forbidden")
	sent := f.call("app", "POST", startLogin, body("subject", "b@example.com")).is(201)
	f.outbox.Next()
	require.Nil(t, sent.field("code"))
	f.call("app", "POST", "/v1/verifications/"+sent.text("id")+"/resend", body("channel", "none")).is(403, "forbidden")
	f.sentNothing()
}

func TestRights_AnUndoIsOfTheKeyThatWasAnsweredAndGoodForAMinute(t *testing.T) {
	t.Parallel()
	second := "a second key of app"
	f := newFixture(t, func(c *Config) { c.Callers[0].Keys = append(c.Callers[0].Keys, KeyDigest(second)) })
	id, code := f.started("login", "a@example.com")
	right := f.check(id, code).is(200).text("undo")
	in := body("undo", right)
	for _, caller := range []string{"vault", "checker", "other"} {
		f.call(caller, "POST", "/v1/undo", in).is(404, "not_found")
	}
	f.call("app", "POST", "/v1/undo", in, "Authorization", "Bearer "+second).is(404, "not_found")
	f.call("app", "POST", "/v1/undo", body("undo", flip(right))).is(404, "not_found")
	f.call("app", "POST", "/v1/undo", body("undo", id)).is(404, "not_found")
	f.call("app", "GET", "/v1/verifications/"+right, nil).is(404, "not_found")
	f.call("app", "POST", "/v1/undo", in).is(204)
	f.call("app", "POST", "/v1/undo", in).is(204) // it may be repeated
	f.check(id, code).is(200)
	f.call("app", "POST", "/v1/undo", in).is(409, "used")
}

func TestIDs_AreTakenAsTheyWereSealedAndNoOtherWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "a@example.com")
	for i := 0; i < len(id); i += 7 {
		other := byte('A')
		if id[i] == other {
			other = 'B'
		}
		f.check(id[:i]+string(other)+id[i+1:], code).is(404, "not_found")
	}
	for name, other := range map[string]string{
		"cut": id[:len(id)-1], "longer": id + "A", "padded": id + "=", "with a dash": id + "-", "with a line end": id + "%0A", "huge": strings.Repeat(id, 30),
	} {
		f.check(other, code).is(404, "not_found")
		_ = name
	}
	f.check(id, code).is(200)
}

func TestIDs_SayNothingAndHaveOneLength(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, _ := f.started("login", "a@example.com")
	decoy := f.call("app", "POST", startLogin, body("subject", "somebody-with-a-long-address@subdomain.of.a.company.example.com", "decoy", true)).is(201)
	require.Len(t, decoy.text("id"), len(first))
	second, _ := f.started("login", "a@example.com")
	require.NotEqual(t, first[:16], second[:16])
}

func TestIDs_OfARetiredKeyOpenAsLongAsItIsListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "a@example.com")
	fresh := []byte(strings.Repeat("f", 32))
	c := f.config
	c.SealKeys = [][]byte{fresh, sealKey}
	require.NoError(t, f.api.Replace(c))
	f.call("app", "GET", "/v1/verifications/"+id, nil).is(200)
	c.SealKeys = [][]byte{fresh}
	require.NoError(t, f.api.Replace(c))
	f.check(id, code).is(404, "not_found")
}

func TestRouting_APathIsTakenAsItStands(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{"/", "//docs", "/docs/", "/v1//services/login/verifications", "/v1/services/login/../login/verifications", "/v1/services//verifications",
		"/V1/services/login/verifications", "/v1/services/login/verifications/", "/v1/verifications//check", "/.well-known/", "/openapi.json/", "/v1/admin/login/"} {
		a := f.call("app", "POST", path, body("subject", "a@example.com"))
		a.is(404, "no_such_call")
		require.Empty(t, a.header.Get("Location"))
	}
	a := f.call("app", "PUT", startLogin, nil).is(405, "method_not_allowed")
	require.Equal(t, "POST", a.header.Get("Allow"))
	a = f.call("app", "POST", "/docs", nil).is(405, "method_not_allowed")
	require.Equal(t, "GET, HEAD", a.header.Get("Allow"))
	f.call("", "HEAD", "/docs", nil).is(200)
	f.call("", "OPTIONS", startLogin, nil).is(405, "method_not_allowed")
}

func TestHost_IsNowhereInAnAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := &walker{fixture: f}
	for _, o := range operations() {
		for _, q := range []request{w.valid(o.id), {"app", "POST", "/none", nil, nil}} {
			r := httptest.NewRequest(q.method, q.path, strings.NewReader(""))
			r.Host = "evil.example"
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("Forwarded", "host=evil.example")
			a := f.serve(r)
			require.NotContains(t, string(a.body), "evil.example")
			for name, values := range a.header {
				require.NotContains(t, strings.Join(values, " "), "evil.example", name)
			}
		}
	}
	_, sent := f.start("login", body("subject", "b@example.com", "kind", "link"))
	require.True(t, strings.HasPrefix(sent.URL, linkBase))
}

func TestRequestID_IsTheOneThatCameOrAFreshOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.call("", "GET", "/none", nil, "X-Request-Id", "req-1.A_b")
	require.Equal(t, "req-1.A_b", a.header.Get("X-Request-Id"))
	require.Equal(t, "req-1.A_b", a.text("request_id"))
	for _, bad := range []string{"a b", "a\r\nSet-Cookie: x=y", strings.Repeat("a", 65), "ä", "<script>"} {
		a := f.call("", "GET", "/none", nil, "X-Request-Id", bad)
		require.Regexp(t, "^[A-Z2-7]{26}$", a.text("request_id"))
		require.Empty(t, a.header.Get("Set-Cookie"))
	}
}
