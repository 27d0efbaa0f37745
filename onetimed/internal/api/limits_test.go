package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLimits_TheFieldsSayWhatTheBodySays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("tight", "alice@example.com")
	a := f.check(id, wrong(code, 0)).is(422, "code_mismatch")
	require.Equal(t, `"attempts";r=4`, a.header.Get("RateLimit"))
	require.Empty(t, a.header.Get("Retry-After"), "waiting does not help")

	a = f.check(id, wrong(code, 1)).is(422, "code_mismatch") // and the guess limit of two an hour is empty
	wait := a.field("retry_after")
	require.Equal(t, 1800.0, wait)
	require.Equal(t, "1800", a.header.Get("Retry-After"))
	require.Equal(t, `"guesses";r=0;t=1800`, a.header.Get("RateLimit"))
	require.Equal(t, `"guesses";q=2;w=3600`, a.header.Get("RateLimit-Policy"))

	a = f.check(id, code).is(429, "codes_locked")
	require.Equal(t, `"guesses";r=0;t=1800`, a.header.Get("RateLimit"))
	require.Equal(t, fmt.Sprint(a.field("retry_after")), a.header.Get("Retry-After"))
	require.Nil(t, a.field("attempts_left"))
}

func TestLimits_AStartSaysWhenTheNextMayFollow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _ := f.start("slow", body("subject", "alice@example.com"))
	require.Equal(t, 3600.0, a.field("resend_in"))
	require.Equal(t, `"sends";r=0;t=3600`, a.header.Get("RateLimit"))
	a, _ = f.start("login", body("subject", "alice@example.com"))
	require.Equal(t, 0.0, a.field("resend_in"))
	require.Empty(t, a.header.Get("RateLimit"), "the service has no send limits")
}
