package api

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sending = "a-random-key-of-this-request"

func TestIdempotency_ASecondStartSendsNoSecondMessageAndIsAsGood(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		in := body("subject", "alice@example.com")
		f.call("app", "POST", "/v1/services/slow/verifications", in, "Idempotency-Key", sending).is(201)
		sent := f.outbox.Next()
		again := f.call("app", "POST", "/v1/services/slow/verifications", in, "Idempotency-Key", sending).is(201)
		require.Equal(t, true, again.field("repeated"))
		require.Equal(t, map[string]any{"channel": "mail", "state": "queued"}, again.field("delivery"))
		f.check(again.text("id"), sent.Code).is(200) // the answer to the first may be lost
		f.sentNothing()
	})
}

func TestIdempotency_AnotherBodyCallerOrPathIsAnotherRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := "/v1/services/slow/verifications"
	in := body("subject", "alice@example.com")
	f.call("app", "POST", path, in, "Idempotency-Key", sending).is(201)
	f.call("app", "POST", path, body("subject", "alice@example.com", "locale", "de"), "Idempotency-Key", sending).is(429, "sends_throttled")
	f.call("vault", "POST", path, in, "Idempotency-Key", sending).is(429, "sends_throttled")
	f.call("app", "POST", path, in, "Idempotency-Key", sending+"2").is(429, "sends_throttled")
	f.call("app", "POST", startLogin, in, "Idempotency-Key", sending).is(201)
	require.Nil(t, f.call("app", "POST", "/v1/services/tight/verifications", in, "Idempotency-Key", sending).is(201).field("repeated"))
	require.Equal(t, true, f.call("app", "POST", path, in, "Idempotency-Key", sending).is(201).field("repeated"))
}

func TestIdempotency_ARepeatedStartHasNoSecrets(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := body("subject", "alice@example.com", "channel", "none", "kind", "both")
	first := f.call("vault", "POST", startLogin, in, "Idempotency-Key", sending).is(201)
	again := f.call("vault", "POST", startLogin, in, "Idempotency-Key", sending).is(201)
	for _, secret := range []string{"code", "url", "token"} {
		require.NotNil(t, first.field(secret))
		require.Nil(t, again.field(secret))
	}
	f.check(again.text("id"), first.text("code")).is(200)
}

func TestIdempotency_ASecondCheckIsAnsweredAsTheFirstForAMinute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "alice@example.com")
	first := f.check(id, code, "Idempotency-Key", sending).is(200)
	again := f.check(id, code, "Idempotency-Key", sending).is(200)
	require.Equal(t, true, again.field("repeated"))
	require.Equal(t, first.text("subject"), again.text("subject"))
	f.check(id, code).is(409, "used")
	f.check(id, code, "Idempotency-Key", sending+"2").is(409, "used")
	f.call("vault", "POST", "/v1/verifications/"+id+"/check", body("code", code), "Idempotency-Key", sending).is(409, "used")
	for _, a := range []answer{first, again} { // somebody may have acted
		f.call("app", "POST", "/v1/undo", body("undo", a.text("undo"))).is(409, "used")
	}
	f.redis.Advance(61 * time.Second)
	f.check(id, code, "Idempotency-Key", sending).is(409, "used")
}

func TestIdempotency_ARepeatedCheckHasAnAccessTokenOfTheSameUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("orders", "alice@example.com")
	ids := map[any]bool{}
	for range 2 {
		token := f.check(id, code, "Idempotency-Key", sending).is(200).text("access_token")
		ids[f.call("app", "POST", "/v1/access-tokens/introspect", "token="+token, "Content-Type", formType).is(200).field("jti")] = true
	}
	require.Len(t, ids, 1)
}

func TestIdempotency_WrongCodesAreJudgedAnew(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "alice@example.com")
	require.Equal(t, 1.0, f.check(id, wrong(code, 0), "Idempotency-Key", sending).is(422, "code_mismatch").field("attempts_left"))
	require.Equal(t, 0.0, f.check(id, wrong(code, 1), "Idempotency-Key", sending).is(422, "code_mismatch").field("attempts_left"))
	f.check(id, code, "Idempotency-Key", sending).is(410, "attempts_exhausted")
}

func TestIdempotency_ARefusedStartIsJudgedAnew(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path, in := "/v1/services/slow/verifications", body("subject", "alice@example.com")
	f.call("app", "POST", path, in).is(201)
	f.call("app", "POST", path, in, "Idempotency-Key", sending).is(429)
	f.redis.Advance(61 * time.Minute)
	require.Nil(t, f.call("app", "POST", path, in, "Idempotency-Key", sending).is(201).field("repeated"))
}

func TestIdempotency_AResendIsOneToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, _ := f.started("login", "alice@example.com")
	path := "/v1/verifications/" + id + "/resend"
	f.call("app", "POST", path, body(), "Idempotency-Key", sending).is(201)
	code := f.outbox.Next().Code
	again := f.call("app", "POST", path, body(), "Idempotency-Key", sending).is(201)
	require.Equal(t, true, again.field("repeated"))
	f.check(again.text("id"), code).is(200)
	f.sentNothing()
}

func TestIdempotency_AKeyIsLongEnoughToBeRandom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, key := range []string{"short", strings.Repeat("x", 256), "sixteen characters, ä", "with\ta tab in its midst"} {
		f.call("app", "POST", startLogin, body("subject", "alice@example.com"), "Idempotency-Key", key).is(400, "bad_request")
	}
	f.sentNothing()
}
