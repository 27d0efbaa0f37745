package suite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestVerifyOTP_NewCodeThatEqualsADeadOneIsAlive(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2), onetime.WithMaxAttempts(1),
			onetime.WithDangerouslyFixedCodes(map[string]string{rig.Alice: "123456"}, time.Now().Add(time.Hour)))
		for range 2 {
			rig.MustOTP(t, m)
			rig.Refused(t, rig.VerifyOTP(t, m, "654321"), onetime.ErrMismatch)
			rig.Refused(t, rig.VerifyOTP(t, m, "123456"), onetime.ErrExhausted)
		}
		rig.MustOTP(t, m)
		require.NoError(t, rig.VerifyOTP(t, m, "123456"))
		rig.MustOTP(t, m)
		require.NoError(t, rig.VerifyOTP(t, m, "123456"))
	})
}

func TestVerifyOTP_AgainstAUsedChallengeTellsAndCountsNothing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		link := rig.MustLink(t, m)
		codes := rig.WrongCodes(link.Code, 2)
		require.Equal(t, 4, rig.Refused(t, rig.VerifyOTP(t, m, codes[0]), onetime.ErrMismatch).AttemptsLeft)
		v, err := m.VerifyOTP(t.Context(), rig.Alice, link.Code)
		require.NoError(t, err)
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrUsed)
		rig.Refused(t, rig.VerifyOTP(t, m, codes[1]), onetime.ErrUsed)
		require.Equal(t, 4, rig.Refused(t, rig.VerifyOTP(t, m, codes[0]), onetime.ErrMismatch).AttemptsLeft)
		rig.Refused(t, rig.VerifyToken(t, m, link.Token), onetime.ErrUsed)
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Failures)
		require.True(t, rig.MustStatus(t, m, rig.Alice).Pending[0].Used)
		require.NoError(t, v.Undo(t.Context()))
		require.Equal(t, 4, rig.MustStatus(t, m, rig.Alice).Pending[0].AttemptsLeft)
		require.False(t, rig.MustStatus(t, m, rig.Alice).Pending[0].Used)
	})
}

func TestGuessLimits_LockCodesAndNothingElse(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 6, Per: time.Hour}),
			onetime.WithGuessLimits(onetime.Limit{Burst: 3, Per: 30 * time.Minute}, onetime.Limit{Burst: 50, Per: time.Hour}))
		link := rig.MustLink(t, m)
		codes := rig.WrongCodes(link.Code, 5)
		for i := range 3 {
			denied := rig.Refused(t, rig.VerifyOTP(t, m, codes[i]), onetime.ErrMismatch)
			require.Equal(t, 4-i, denied.AttemptsLeft)
			if i < 2 {
				require.Zero(t, denied.RetryAfter)
			} else {
				b.Left(t, 600, denied.RetryAfter, "the one that empties the limit says so")
			}
		}
		b.Left(t, 600, rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrLocked).RetryAfter)
		b.Left(t, 600, rig.Refused(t, rig.VerifyOTP(t, m, codes[4]), onetime.ErrLocked).RetryAfter)
		require.Equal(t, 3, rig.MustStatus(t, m, rig.Alice).Failures)
		b.Left(t, 600, rig.MustStatus(t, m, rig.Alice).GuessIn)

		_, err := m.IssueOTP(ctx, rig.Alice)
		b.Left(t, 600, rig.Refused(t, err, onetime.ErrLocked).RetryAfter)
		again := rig.MustLink(t, m)
		require.Empty(t, again.Code)
		require.Zero(t, again.CodeExpiresIn)
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrLocked)
		require.NoError(t, rig.VerifyToken(t, m, again.Token))

		// A success gives no guesses back.
		rig.MustToken(t, m)
		rig.Refused(t, rig.VerifyOTP(t, m, codes[4]), onetime.ErrLocked)
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Failures)

		b.Advance(t, 10*time.Minute)
		otp := rig.MustOTP(t, m)
		b.Left(t, 600, rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]), onetime.ErrMismatch).RetryAfter)
		rig.Refused(t, rig.VerifyOTP(t, m, otp.Code), onetime.ErrLocked)
		require.NoError(t, m.Unlock(ctx, rig.Alice))
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
	})
}

func TestVerifyOTP_RefusalOfARightCodeDoesWhatThatOfAWrongOneDoes(t *testing.T) {
	// Else the time of a refusal, which is free, would tell whether the refused code is right.
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		commands := func(call func() error) (names []string) {
			require.NoError(t, b.Raw.ConfigResetStat(ctx).Err())
			require.ErrorIs(t, call(), onetime.ErrDenied)
			for line := range strings.Lines(b.Raw.Info(ctx, "commandstats").Val()) {
				if name, _, _ := strings.Cut(line, ",usec="); !strings.Contains(name, "config|") {
					names = append(names, name)
				}
			}
			return names
		}
		for reason, prepare := range map[error]func(m *onetime.Manager, otp onetime.OTP){
			onetime.ErrUsed: func(m *onetime.Manager, otp onetime.OTP) { require.NoError(t, rig.VerifyOTP(t, m, otp.Code)) },
			onetime.ErrExhausted: func(m *onetime.Manager, otp onetime.OTP) {
				for _, code := range rig.WrongCodes(otp.Code, 2) {
					rig.Refused(t, rig.VerifyOTP(t, m, code), onetime.ErrMismatch)
				}
			},
			onetime.ErrLocked: func(m *onetime.Manager, otp onetime.OTP) {
				require.NoError(t, b.Raw.HSet(ctx, b.Only(t), "g3600000", time.Now().Add(time.Hour).UnixMilli()).Err())
			},
			onetime.ErrDisabled: func(m *onetime.Manager, otp onetime.OTP) {
				require.NoError(t, b.Raw.HSet(ctx, b.Only(t), "f", 100).Err())
			},
		} {
			require.NoError(t, b.Raw.FlushAll(ctx).Err())
			m := b.Manager(t, onetime.WithMaxAttempts(2))
			otp := rig.MustOTP(t, m, onetime.WithPayload(make([]byte, 4096)))
			prepare(m, otp)
			right := func() error { return rig.VerifyOTP(t, m, otp.Code) }
			rig.Refused(t, right(), reason)
			require.Equal(t, commands(right), commands(func() error { return rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 4)[3]) }))
		}
	})
}

func TestIssue_LockedComesBeforeThrottled(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour}))
		otp := rig.MustOTP(t, m)
		_, err := m.IssueOTP(t.Context(), rig.Alice)
		rig.Refused(t, err, onetime.ErrThrottled)
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]), onetime.ErrMismatch)
		_, err = m.IssueOTP(t.Context(), rig.Alice)
		rig.Refused(t, err, onetime.ErrLocked)
		_, err = m.IssueLink(t.Context(), rig.Alice, onetime.WithCode())
		rig.Refused(t, err, onetime.ErrThrottled)
	})
}

func TestDisabled_At85ConsecutiveWrongCodes(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(16), onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: 30 * 24 * time.Hour}),
			onetime.WithAlphabet(onetime.Crockford32))
		fail := func(n int) {
			for i := range n {
				if i%16 == 0 {
					rig.MustLink(t, m)
				}
				rig.Refused(t, rig.VerifyOTP(t, m, fmt.Sprintf("%06d", i)), onetime.ErrMismatch)
			}
		}
		fail(3)
		require.NoError(t, rig.VerifyOTP(t, m, rig.MustOTP(t, m).Code))
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Failures, "a success sets them back")
		require.NoError(t, m.Unlock(ctx, rig.Alice))

		fail(84)
		require.False(t, rig.MustStatus(t, m, rig.Alice).Disabled)
		link := rig.MustLink(t, m)
		rig.Refused(t, rig.VerifyOTP(t, m, "000084"), onetime.ErrMismatch)
		require.True(t, rig.MustStatus(t, m, rig.Alice).Disabled)
		require.Equal(t, 85, rig.MustStatus(t, m, rig.Alice).Failures)
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrDisabled)
		rig.Refused(t, rig.VerifyOTP(t, m, "000083"), onetime.ErrDisabled)
		_, err := m.IssueOTP(ctx, rig.Alice)
		rig.Refused(t, err, onetime.ErrDisabled)
		b.Left(t, 400*24*3600, b.Raw.PTTL(ctx, b.Only(t)).Val())

		b.Advance(t, 40*24*time.Hour) // limits are refilled, codes stay disabled
		_, err = m.IssueOTP(ctx, rig.Alice)
		rig.Refused(t, err, onetime.ErrDisabled)
		link = rig.MustLink(t, m)
		require.Empty(t, link.Code)
		b.Left(t, 400*24*3600, b.Raw.PTTL(ctx, b.Only(t)).Val())
		require.NoError(t, rig.VerifyToken(t, m, link.Token)) // the success of a token enables them
		require.NoError(t, rig.VerifyOTP(t, m, rig.MustOTP(t, m).Code))

		fail(85)
		rig.Refused(t, rig.VerifyOTP(t, m, "123456"), onetime.ErrDisabled)
		require.NoError(t, m.Unlock(ctx, rig.Alice))
		require.NoError(t, rig.VerifyOTP(t, m, rig.MustOTP(t, m).Code))
	})
}

func TestSendLimits_AreSharedByAllKindsAndAllChecked(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 1, Per: 30 * time.Second}, onetime.Limit{Burst: 2, Per: 10 * time.Minute}))
		b.Left(t, 30, rig.MustOTP(t, m).ResendIn)
		for range 3 { // what is refused charges nothing
			_, err := m.IssueToken(ctx, rig.Alice, onetime.WithBinding("another browser"))
			b.Left(t, 30, rig.Refused(t, err, onetime.ErrThrottled).RetryAfter)
		}
		b.Left(t, 30, rig.MustStatus(t, m, rig.Alice).SendIn)
		b.Advance(t, 30*time.Second)
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).SendIn)
		b.Left(t, 270, rig.MustLink(t, m).ResendIn)
		b.Advance(t, 100*time.Second)
		_, err := m.IssueOTP(ctx, rig.Alice)
		b.Left(t, 170, rig.Refused(t, err, onetime.ErrThrottled).RetryAfter)
		require.NoError(t, m.Cancel(ctx, rig.Alice, rig.MustStatus(t, m, rig.Alice).Pending[0].ID)) // gives no send back
		_, err = m.IssueOTP(ctx, rig.Alice)
		rig.Refused(t, err, onetime.ErrThrottled)
		require.NoError(t, m.Unlock(ctx, rig.Alice))
		b.Left(t, 30, rig.MustOTP(t, m).ResendIn)

		none := b.Manager(t, onetime.WithSendLimits())
		for range 30 {
			require.Zero(t, rig.MustOTP(t, none).ResendIn)
		}
	})
}
