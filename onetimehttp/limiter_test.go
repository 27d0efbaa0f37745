package onetimehttp_test

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func limit(t testing.TB, l *onetimehttp.Limiter, from string) time.Duration {
	t.Helper()
	r := httptest.NewRequest("POST", "/sign-in", nil)
	r.RemoteAddr = from
	wait, err := l.Limit(r)
	require.NoError(t, err)
	return wait
}

func TestLimiter_RefillsEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := onetimehttp.NewLimiter(2, time.Minute, nil)
		require.NoError(t, err)
		const from = "192.0.2.1:1000"
		require.Zero(t, limit(t, l, from))
		require.Zero(t, limit(t, l, from))
		require.Equal(t, 30*time.Second, limit(t, l, from))
		require.Zero(t, limit(t, l, "192.0.2.2:1000"), "another address")
		time.Sleep(30 * time.Second)
		require.Zero(t, limit(t, l, from), "whoever waits as told may go on")
		require.Equal(t, 30*time.Second, limit(t, l, from))
		time.Sleep(time.Hour)
		require.Zero(t, limit(t, l, from))
		require.Zero(t, limit(t, l, from))
		require.Positive(t, limit(t, l, from), "no more than the burst is saved up")
	})
}

func TestLimiter_OverRedisIsShared(t *testing.T) {
	client, clock := onetimetest.NewRedis(t)
	one, err := onetimehttp.NewRedisLimiter(client, "sign-in", 1, time.Minute, nil)
	require.NoError(t, err)
	other, err := onetimehttp.NewRedisLimiter(client, "sign-in", 1, time.Minute, nil)
	require.NoError(t, err)
	require.Zero(t, limit(t, one, "192.0.2.1:1"))
	require.Equal(t, time.Minute, limit(t, other, "192.0.2.1:2"))
	clock.Advance(time.Minute)
	require.Zero(t, limit(t, other, "192.0.2.1:2"))
	require.NoError(t, client.Close())
	_, err = one.Limit(httptest.NewRequest("POST", "/", nil))
	require.Error(t, err, "undecided is never yes")
}

func TestLimiter_IsByNetwork(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1:1000": "192.0.2.1", "[::ffff:192.0.2.2]:1000": "192.0.2.2", "[2001:db8:0:1::1]:1": "2001:db8:0:1::/64",
		"[2001:db8:0:1:2:3:4:5]:1": "2001:db8:0:1::/64", "[fe80::1%eth0]:1": "fe80::/64", "@": "@",
	} {
		r := httptest.NewRequest("POST", "/sign-in", nil)
		r.RemoteAddr = from
		require.Equal(t, want, onetimehttp.ClientAddress(r), from)
	}
}

func TestLimiter_RangesAreChecked(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	for _, c := range []struct {
		burst int
		per   time.Duration
	}{{0, time.Minute}, {1_000_001, time.Minute}, {1, time.Second - 1}, {1, 24*time.Hour + 1}} {
		_, err := onetimehttp.NewLimiter(c.burst, c.per, nil)
		require.ErrorContains(t, err, "want")
		_, err = onetimehttp.NewRedisLimiter(client, "a", c.burst, c.per, nil)
		require.ErrorContains(t, err, "want")
	}
	_, err := onetimehttp.NewRedisLimiter(client, "", 1, time.Minute, nil)
	require.ErrorContains(t, err, "a name of 1 to 100 bytes")
}
