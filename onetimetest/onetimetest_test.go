package onetimetest_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// The test of a user: expiry, cooldown and lock without sleeping.
func TestOnetimetest_ExpiryCooldownAndLock(t *testing.T) {
	m, clock := onetimetest.New(t, onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour}))
	ctx := t.Context()

	otp, err := m.IssueOTP(ctx, "ann@example.com")
	require.NoError(t, err)
	_, err = m.IssueOTP(ctx, "ann@example.com")
	require.ErrorIs(t, err, onetime.ErrThrottled)
	clock.Advance(otp.ResendIn)
	otp, err = m.IssueOTP(ctx, "ann@example.com")
	require.NoError(t, err)

	clock.Advance(otp.ExpiresIn - time.Millisecond)
	status, err := m.Status(ctx, "ann@example.com")
	require.NoError(t, err)
	require.Len(t, status.Pending, 1)
	require.Equal(t, time.Millisecond, status.Pending[0].ExpiresIn)
	clock.Advance(time.Millisecond)
	_, err = m.VerifyOTP(ctx, "ann@example.com", otp.Code)
	require.ErrorIs(t, err, onetime.ErrNotFound)

	otp, err = m.IssueOTP(ctx, "ann@example.com")
	require.NoError(t, err)
	wrong := "000000"
	if otp.Code == wrong {
		wrong = "000001"
	}
	_, err = m.VerifyOTP(ctx, "ann@example.com", wrong)
	require.ErrorIs(t, err, onetime.ErrMismatch)
	_, err = m.VerifyOTP(ctx, "ann@example.com", otp.Code)
	require.ErrorIs(t, err, onetime.ErrLocked)
	clock.Advance(time.Hour)
	otp, err = m.IssueOTP(ctx, "ann@example.com")
	require.NoError(t, err)
	_, err = m.VerifyOTP(ctx, "ann@example.com", otp.Code)
	require.NoError(t, err)
}

func TestOnetimetest_EachHasARedisAndAClockOfItsOwn(t *testing.T) {
	one, clock := onetimetest.New(t)
	two, other := onetimetest.New(t)
	otp, err := one.IssueOTP(t.Context(), "ann@example.com")
	require.NoError(t, err)
	_, err = two.VerifyOTP(t.Context(), "ann@example.com", otp.Code)
	require.ErrorIs(t, err, onetime.ErrNotFound)

	before := other.Now()
	clock.Advance(time.Hour)
	require.Equal(t, before, other.Now())
}

func TestOnetimetest_WrongOptionFailsTheTest(t *testing.T) {
	spy := &failing{TB: t}
	done := make(chan struct{})
	go func() { // Fatalf ends its goroutine
		defer close(done)
		onetimetest.New(spy, onetime.WithCodeLength(4))
	}()
	<-done
	require.Contains(t, spy.said, "WithCodeLength(4): want 6 to 12")
}

func TestOnetimetest_ManagersShareIt(t *testing.T) {
	client, clock := onetimetest.NewRedis(t)
	one, err := onetime.New(client, onetimetest.Key)
	require.NoError(t, err)
	two, err := onetime.New(client, onetimetest.Key)
	require.NoError(t, err)
	require.NoError(t, one.Check(t.Context()))

	token, err := one.IssueToken(t.Context(), "ann@example.com")
	require.NoError(t, err)
	v, err := two.VerifyToken(t.Context(), token.Value)
	require.NoError(t, err)
	require.True(t, clock.Now().Equal(v.IssuedAt))
}

func TestOnetimetest_WhatExpiredIsGone(t *testing.T) {
	client, clock := onetimetest.NewRedis(t)
	m, err := onetime.New(client, onetimetest.Key, onetime.WithSendLimits())
	require.NoError(t, err)
	_, err = m.IssueOTP(t.Context(), "ann@example.com")
	require.NoError(t, err)
	require.EqualValues(t, 1, client.DBSize(t.Context()).Val())

	const remembered = 10 * time.Minute // a late copy of the issue must find it
	clock.Advance(remembered)
	require.Zero(t, client.DBSize(t.Context()).Val())
	clock.Advance(-remembered)
	require.Zero(t, client.DBSize(t.Context()).Val(), "a clock that steps back brings nothing back")
}

func TestOnetimetest_FixedCodesEndByItsClock(t *testing.T) {
	const code = "424242424242"
	options := []onetime.Option{
		onetime.WithCodeLength(12), onetime.WithSendLimits(),
		onetime.WithDangerouslyFixedCodes(map[string]string{"ann@example.com": code}, time.Now().Add(time.Hour)),
	}
	made, clock := onetimetest.New(t, options...)
	client, own := onetimetest.NewRedis(t)
	itself, err := onetime.New(client, onetimetest.Key, append(options, own.Option())...)
	require.NoError(t, err)
	derived, err := made.Purpose(made.Policy().Purpose)
	require.NoError(t, err)
	for _, c := range []struct {
		m     *onetime.Manager
		clock *onetimetest.Clock
	}{{made, clock}, {itself, own}, {derived, clock}} {
		issue := func() string {
			otp, err := c.m.IssueOTP(t.Context(), "ann@example.com")
			require.NoError(t, err)
			return otp.Code
		}
		require.Equal(t, code, issue())
		c.clock.Advance(time.Hour + time.Second)
		require.NotEqual(t, code, issue())
		c.clock.Advance(-time.Hour)
		require.Equal(t, code, issue())
		_, err = c.m.Purpose("login", c.clock.Option())
		require.ErrorIs(t, err, onetime.ErrInvalid, "it belongs to New")
	}
}

// failing is a test that notes why it failed.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
