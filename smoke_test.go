package onetime_test

import (
	"context"
	"testing"
	"time"
	"github.com/stretchr/testify/require"
	"github.com/redis/go-redis/v9"
	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	m, clock := onetimetest.New(t, onetime.WithLinkBase("https://example.com/login"))
	smoke(t, ctx, m)
	clock.Advance(time.Hour)
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:7399", ContextTimeoutEnabled: true})
	if c.Ping(ctx).Err() == nil {
		c.FlushAll(ctx)
		m, err := onetime.New(c, onetimetest.Key, onetime.WithLinkBase("https://example.com/login"))
		require.NoError(t, err)
		smoke(t, ctx, m)
	}
}
func smoke(t *testing.T, ctx context.Context, m *onetime.Manager) {
	otp, err := m.IssueOTP(ctx, "Alice@example.com", onetime.WithPayload([]byte("hello")))
	require.NoError(t, err)
	t.Log(otp, otp.Code, otp.ResendIn, otp.ExpiresIn)
	_, err = m.IssueOTP(ctx, "alice@example.com")
	require.ErrorIs(t, err, onetime.ErrThrottled); t.Log(err)
	_, err = m.VerifyOTP(ctx, "alice@example.com", "000000")
	require.ErrorIs(t, err, onetime.ErrMismatch); t.Log(err)
	_, err = m.VerifyOTP(ctx, "alice@example.com", "000000")
	require.ErrorIs(t, err, onetime.ErrMismatch); t.Log(err)
	s, err := m.Status(ctx, "alice@example.com")
	require.NoError(t, err); t.Logf("%+v", s)
	v, err := m.VerifyOTP(ctx, "alice@example.com", otp.Code)
	require.NoError(t, err); require.Equal(t, "hello", string(v.Payload))
	_, err = m.VerifyOTP(ctx, "alice@example.com", otp.Code)
	require.ErrorIs(t, err, onetime.ErrUsed)
	require.NoError(t, v.Undo(ctx))
	require.NoError(t, v.Undo(ctx))
	_, err = m.VerifyOTP(ctx, "alice@example.com", otp.Code)
	require.NoError(t, err)
	require.ErrorIs(t, v.Undo(ctx), onetime.ErrUsed)
	require.NoError(t, m.Unlock(ctx, "alice@example.com"))
	l, err := m.IssueLink(ctx, "alice@example.com", onetime.WithCode())
	require.NoError(t, err); t.Log(l.URL)
	v, err = m.InspectToken(ctx, l.Token)
	require.NoError(t, err); t.Log(v.Subject)
	v, err = m.VerifyToken(ctx, l.Token)
	require.NoError(t, err)
	require.NoError(t, m.Revoke(ctx, "alice@example.com"))
	require.ErrorIs(t, v.Undo(ctx), onetime.ErrNotFound)
	require.NoError(t, m.Check(ctx))
}
