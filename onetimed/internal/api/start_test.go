package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestStartAndCheck_ARightCodeIs200Once(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		a, sent := f.start("login", body("subject", "Alice@Example.com", "payload", `{"next":"/"}`, "locale", "de", "action", "Überweisung",
			"client", body("user_agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")))
		require.Equal(t, "de", sent.To.Locale)
		require.Equal(t, "Überweisung", sent.Action)
		require.Equal(t, "Firefox on Linux", sent.Browser)
		require.Equal(t, "p-login", sent.Purpose)
		require.Equal(t, onetimesend.ChannelMail, sent.To.Addresses[0].Channel)
		require.Equal(t, map[string]any{"channel": "mail", "state": "queued"}, a.field("delivery"))
		require.Equal(t, 300.0, a.field("expires_in"))
		require.Equal(t, 300.0, a.field("code_expires_in"))
		id := a.text("id")
		a = f.check(id, wrong(sent.Code, 0)).is(422, "code_mismatch")
		require.Equal(t, 1.0, a.field("attempts_left"))
		require.Equal(t, `"attempts";r=1`, a.header.Get("RateLimit"))
		require.Equal(t, `"attempts";q=2`, a.header.Get("RateLimit-Policy"))
		a = f.check(id, " "+sent.Code[:3]+"-"+sent.Code[3:]+" ").is(200)
		require.Equal(t, "alice@example.com", a.text("subject"))
		require.Equal(t, "p-login", a.text("purpose"))
		require.Equal(t, `{"next":"/"}`, a.text("payload"))
		require.Equal(t, "otp", a.text("kind"))
		require.NotEmpty(t, a.text("undo"))
		require.Nil(t, a.field("access_token"), "either or")
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		f.check(id, sent.Code).is(409, "used")
	})
}

func TestStart_ALinkIsCheckedByItsTokenAndInspectUsesNothingUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, sent := f.start("login", body("subject", "account-1", "to", "alice@example.com", "kind", "both", "payload", "p"))
	require.Equal(t, 600.0, a.field("expires_in"))
	require.Equal(t, 300.0, a.field("code_expires_in"))
	_, token, found := strings.Cut(sent.URL, linkBase+"?token=")
	require.True(t, found)
	for range 3 {
		seen := f.call("app", "POST", "/v1/tokens/inspect", body("service", "login", "token", token)).is(200)
		require.Equal(t, "account-1", seen.text("subject"))
		require.Equal(t, "p", seen.text("payload"))
	}
	no := f.call("app", "POST", "/v1/services/login/check", body("token", flip(token))).is(422, "code_mismatch")
	require.Nil(t, no.field("attempts_left"), "a token has none")
	yes := f.call("app", "POST", "/v1/services/login/check", body("token", token, "subject", "account-1")).is(200)
	require.Equal(t, "token", yes.text("kind"))
	f.check(a.text("id"), sent.Code).is(409, "used") // one use uses up both
}

func TestStart_ABindingIsDemandedWhereItWasGiven(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	session, another := "the session of the person", "the session of a stranger"
	a, sent := f.start("login", body("subject", "alice@example.com", "kind", "both", "binding", session))
	id, path := a.text("id"), "/v1/verifications/"+a.text("id")+"/check"
	for _, in := range []map[string]any{body("code", sent.Code), body("code", sent.Code, "binding", another)} {
		f.call("app", "POST", path, in).is(422, "binding_mismatch")
	}
	_, token, _ := strings.Cut(sent.URL, "token=")
	for _, in := range []map[string]any{body("token", token), body("token", token, "binding", another)} {
		f.call("app", "POST", "/v1/services/login/check", in).is(422, "binding_mismatch")
	}
	f.call("app", "POST", "/v1/tokens/inspect", body("service", "login", "token", token, "ignore_binding", true)).is(200)
	f.call("app", "POST", "/v1/verifications/"+id+"/resend", body("binding", another)).is(422, "binding_mismatch")
	again := f.call("app", "POST", "/v1/verifications/"+id+"/resend", body("binding", session)).is(201)
	sent = f.outbox.Next()
	f.call("app", "POST", "/v1/verifications/"+again.text("id")+"/check", body("code", sent.Code, "binding", session)).is(200)
	_, sent = f.start("login", body("subject", "bob@example.com", "kind", "link", "binding", session))
	_, token, _ = strings.Cut(sent.URL, "token=")
	f.call("app", "POST", "/v1/services/login/check", body("token", token, "ignore_binding", true)).is(200)
}

func TestStart_ACodeOfOneIDIsNoneOfAnother(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, code := f.started("login", "alice@example.com")
	second, other := f.started("login", "alice@example.com")
	require.NotEqual(t, code, other)
	f.check(second, code).is(422, "code_mismatch")
	f.check(first, other).is(422, "code_mismatch")
	f.check(first, code).is(200)
	f.check(second, other).is(200)
	// A code of an id is not checked by its subject alone.
	_, code = f.started("login", "bob@example.com")
	f.call("app", "POST", "/v1/services/login/check", body("subject", "bob@example.com", "code", code)).is(404, "not_found")
}

func TestStart_ARequestOfTheCallerStandsForTheID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := "a random value of this start"
	_, sent := f.start("login", body("subject", "alice@example.com", "request", mine))
	in := body("subject", "alice@example.com", "code", sent.Code)
	f.call("app", "POST", "/v1/services/login/check", in).is(422, "code_mismatch")
	in["request"] = mine
	f.call("app", "POST", "/v1/services/login/check", in).is(200)
}

func TestResend_TheNewestIDCountsAndAReplacedOneIs404(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		id, code := f.started("login", "alice@example.com")
		a := f.call("app", "POST", "/v1/verifications/"+id+"/resend", body("channel", "sms", "to", "+15550100100")).is(201)
		sent := f.outbox.Next()
		require.Equal(t, onetimesend.ChannelSMS, sent.To.Addresses[0].Channel)
		f.check(id, code).is(404, "not_found")
		f.check(a.text("id"), sent.Code).is(200)
		f.check(a.text("id"), sent.Code).is(409, "used")
	})
}

func TestResend_GoesOnForAnHourBehindTheEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "alice@example.com")
	f.redis.Advance(30 * time.Minute)
	f.check(id, code).is(410, "expired")
	a := f.call("app", "POST", "/v1/verifications/"+id+"/resend", body()).is(201)
	f.check(a.text("id"), f.outbox.Next().Code).is(200)
	f.redis.Advance(time.Hour)
	f.call("app", "POST", "/v1/verifications/"+id+"/resend", body()).is(410, "expired")
}

func TestIDs_ExpireByRedisAndNotByAClockThatIsALittleAhead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "alice@example.com")
	f.redis.Advance(299 * time.Second)
	f.shift.Store(int64(30 * time.Second))
	f.check(id, code).is(200)
	f.shift.Store(0)
	id, code = f.started("login", "alice@example.com")
	f.redis.Advance(301 * time.Second)
	f.shift.Store(int64(time.Second))
	f.check(id, code).is(410, "expired")
	f.call("app", "GET", "/v1/verifications/"+id, nil).is(410, "expired")
}

func TestStatusAndCancel_TellOfDecoysTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var answers []string
	for _, decoy := range []bool{false, true} {
		a := f.call("app", "POST", "/v1/services/slow/verifications", body("subject", "alice@example.com", "decoy", decoy)).is(201)
		at := "/v1/verifications/" + a.text("id")
		seen := f.call("app", "GET", at, nil).is(200)
		f.call("app", "DELETE", at, nil).is(204)
		f.call("app", "GET", at, nil).is(404, "not_found")
		answers = append(answers, string(seen.body))
		require.NoError(t, f.manager["slow"].Unlock(t.Context(), "alice@example.com"))
	}
	require.Equal(t, answers[0], answers[1])
	require.JSONEq(t, `{"state":"pending","expires_in":300,"attempts_left":5,"resend_in":3600,"check_in":0}`, answers[0])
}

func TestDecoy_IsAnsweredAlikeDeliversNothingAndNeverVerifies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, kind := range []string{"code", "link", "both"} {
		var raw []string
		for _, decoy := range []bool{false, true} {
			require.NoError(t, f.manager["login"].Unlock(t.Context(), "account@example.com"))
			w := httptest.NewRecorder()
			text, _ := json.Marshal(body("subject", "account@example.com", "kind", kind, "decoy", decoy, "payload", "p"))
			r := httptest.NewRequest("POST", startLogin, strings.NewReader(string(text)))
			r.Header.Set("Authorization", "Bearer "+keys["app"])
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Request-Id", "same")
			f.api.ServeHTTP(w, r)
			var header strings.Builder
			require.NoError(t, w.Result().Header.Write(&header))
			id := (answer{f: f, body: w.Body.Bytes()}).text("id")
			raw = append(raw, header.String()+strings.Replace(w.Body.String(), id, strings.Repeat("x", len(id)), 1))
			if decoy && kind != "link" {
				for n := range 2 {
					f.check(id, wrong("123456", n)).is(422, "code_mismatch")
				}
				f.check(id, "123456").is(410, "attempts_exhausted")
				f.call("app", "POST", "/v1/verifications/"+id+"/resend", body()).is(201)
			}
		}
		require.Equal(t, raw[0], raw[1], kind)
		f.outbox.Next() // of the one that is none
	}
	f.sentNothing()
	require.Len(t, f.events, 3, "decoys have no events")
}

func TestDecoy_ThrottledAlike(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var raw []string
	for _, decoy := range []bool{false, true} {
		subject := map[bool]string{false: "alice@example.com", true: "carol@example.com"}[decoy]
		in := body("subject", subject, "decoy", decoy)
		f.call("app", "POST", "/v1/services/slow/verifications", in, "X-Request-Id", "same").is(201)
		a := f.call("app", "POST", "/v1/services/slow/verifications", in, "X-Request-Id", "same").is(429, "sends_throttled")
		require.Equal(t, "3600", a.header.Get("Retry-After"))
		require.Equal(t, 3600.0, a.field("retry_after"))
		require.Equal(t, `"sends";r=0;t=3600`, a.header.Get("RateLimit"))
		require.Equal(t, `"sends";q=1;w=3600`, a.header.Get("RateLimit-Policy"))
		raw = append(raw, string(a.body))
	}
	require.Equal(t, raw[0], raw[1])
}

// An early is a writer that notes whether the message was there before the answer.
type early struct {
	*httptest.ResponseRecorder
	f       *fixture
	flushed bool
}

func (w *early) Flush() {
	w.flushed = true
	require.Zero(w.f, w.f.outbox.Len(), "nothing is sent before the answer is on its way")
	require.NotEmpty(w.f, w.Body.String())
}

func TestDelivery_ComesBehindTheAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := &early{httptest.NewRecorder(), f, false}
	r := httptest.NewRequest("POST", startLogin, strings.NewReader(`{"subject":"alice@example.com"}`))
	r.Header = http.Header{"Authorization": {"Bearer " + keys["app"]}, "Content-Type": {"application/json"}}
	f.api.ServeHTTP(w, r)
	require.True(t, w.flushed)
	f.outbox.Next()
	e := <-f.events
	require.Equal(t, "Deliver", e.Op)
	require.Equal(t, "p-login", e.Purpose)
	who, err := f.manager["login"].Pseudonym("alice@example.com")
	require.NoError(t, err)
	require.Equal(t, who, e.Who)
}

func TestDelivery_ThatFailsForGoodMakesADecoyOfIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.outbox.Fail(onetimesend.Permanent(errors.New("no such mailbox")))
	id := f.call("app", "POST", startLogin, body("subject", "alice@example.com")).is(201).text("id")
	require.Error(t, (<-f.events).Err)
	// A code that nobody was sent verifies no more, and is answered as a wrong one.
	a := f.check(id, "123456").is(422, "code_mismatch")
	require.Equal(t, 1.0, a.field("attempts_left"))
	f.call("app", "GET", "/v1/verifications/"+id, nil).is(200)
}

func TestDelivery_ThatMayHaveBeenTakenKeepsTheCodeAlive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.outbox.Fail(onetimesend.Unknown(errors.New("time-out")))
	a := f.call("vault", "POST", startLogin, body("subject", "alice@example.com", "channel", "none")).is(201)
	f.call("vault", "POST", startLogin, body("subject", "bob@example.com")).is(201)
	require.Error(t, (<-f.events).Err)
	f.check(a.text("id"), a.text("code")).is(200)
}
