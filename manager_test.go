package onetime_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

const alice = "alice@example.com"

func mustOTP(t *testing.T, m *onetime.Manager, opts ...onetime.IssueOption) onetime.OTP {
	t.Helper()
	otp, err := m.IssueOTP(t.Context(), alice, opts...)
	require.NoError(t, err)
	return otp
}

func mustToken(t *testing.T, m *onetime.Manager, opts ...onetime.IssueOption) onetime.Token {
	t.Helper()
	token, err := m.IssueToken(t.Context(), alice, opts...)
	require.NoError(t, err)
	return token
}

func mustLink(t *testing.T, m *onetime.Manager, opts ...onetime.IssueOption) onetime.Link {
	t.Helper()
	link, err := m.IssueLink(t.Context(), alice, append(opts, onetime.WithCode())...)
	require.NoError(t, err)
	return link
}

func verifyOTP(t *testing.T, m *onetime.Manager, code string, opts ...onetime.VerifyOption) error {
	t.Helper()
	_, err := m.VerifyOTP(t.Context(), alice, code, opts...)
	return err
}

func verifyToken(t *testing.T, m *onetime.Manager, token string, opts ...onetime.VerifyOption) error {
	t.Helper()
	_, err := m.VerifyToken(t.Context(), token, opts...)
	return err
}

// many lets as many wrong codes be evaluated as tests want.
var many = onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Second})

func TestLifecycle(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits())
		before := b.raw.Time(ctx).Val().Add(-time.Millisecond)

		otp := mustOTP(t, m, onetime.WithPayload([]byte("payload")))
		require.Len(t, otp.Code, 6)
		require.Equal(t, 5*time.Minute, otp.ExpiresIn)
		v, err := m.VerifyOTP(ctx, " Alice@Example.COM", otp.Code)
		require.NoError(t, err)
		require.Equal(t, alice, v.Subject)
		require.Equal(t, "default", v.Purpose)
		require.Equal(t, otp.ID, v.ID)
		require.Equal(t, "payload", string(v.Payload))
		require.False(t, v.IssuedAt.Before(before))
		require.False(t, v.FixedCode)
		refused(t, verifyOTP(t, m, otp.Code), onetime.ErrUsed)

		token := mustToken(t, m)
		require.Equal(t, 10*time.Minute, token.ExpiresIn)
		for range 3 {
			v, err = m.InspectToken(ctx, token.Value)
			require.NoError(t, err)
			require.Equal(t, token.ID, v.ID)
		}
		v, err = m.VerifyToken(ctx, token.Value)
		require.NoError(t, err)
		require.Equal(t, alice, v.Subject)
		require.Nil(t, v.Payload)
		refused(t, verifyToken(t, m, token.Value), onetime.ErrUsed)
		_, err = m.InspectToken(ctx, token.Value)
		refused(t, err, onetime.ErrUsed)

		link := mustLink(t, m, onetime.WithPayload([]byte("payload")))
		require.Equal(t, "https://example.com/in?token="+link.Token, link.URL)
		require.Equal(t, 10*time.Minute, link.ExpiresIn)
		require.Equal(t, 5*time.Minute, link.CodeExpiresIn)
		v, err = m.VerifyToken(ctx, link.Token)
		require.NoError(t, err)
		require.Equal(t, "payload", string(v.Payload))
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrUsed)
	})
}

func TestPurpose_SecretsOfOneNeverVerifyForAnother(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		other, err := m.Purpose("password-reset")
		require.NoError(t, err)
		link := mustLink(t, m)
		refused(t, verifyOTP(t, other, link.Code), onetime.ErrNotFound)
		refused(t, verifyToken(t, other, link.Token), onetime.ErrMismatch)
		mustLink(t, other) // has send limits of its own
		refused(t, verifyToken(t, other, link.Token), onetime.ErrMismatch)
		require.NoError(t, verifyToken(t, m, link.Token))
	})
}

func TestSecrets_ExpireByTheirOwnTime(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		link := mustLink(t, m)
		b.advance(t, 5*time.Minute-time.Second)
		left := mustStatus(t, m, alice).Pending
		require.Len(t, left, 1)
		require.True(t, left[0].Code && left[0].Token)
		b.advance(t, time.Second)
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrNotFound) // the code
		_, err := m.InspectToken(t.Context(), link.Token)
		require.NoError(t, err)
		left = mustStatus(t, m, alice).Pending
		require.True(t, !left[0].Code && left[0].Token)
		b.advance(t, 5*time.Minute)
		refused(t, verifyToken(t, m, link.Token), onetime.ErrNotFound)
		require.Empty(t, mustStatus(t, m, alice).Pending)

		// A wrong code where nothing is outstanding is not counted.
		refused(t, verifyOTP(t, m, wrong(link.Code, 1)[0]), onetime.ErrNotFound)
		require.Zero(t, mustStatus(t, m, alice).Failures)

		b.advance(t, time.Hour)
		short := mustLink(t, m, onetime.WithTTL(20*time.Second))
		require.Equal(t, 20*time.Second, short.ExpiresIn)
		require.Equal(t, 20*time.Second, short.CodeExpiresIn)
		b.advance(t, 20*time.Second)
		refused(t, verifyToken(t, m, short.Token), onetime.ErrNotFound)
	})
}

func TestRecord_LivesAsLongAsTheDesignSays(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		otp := mustOTP(t, m)
		ttl := func() time.Duration { return b.raw.PTTL(t.Context(), b.only(t)).Val() }
		b.left(t, 72*60, ttl())
		refused(t, verifyOTP(t, m, wrong(otp.Code, 1)[0]), onetime.ErrMismatch)
		b.left(t, 14.4*3600, ttl())
		require.NoError(t, m.Unlock(t.Context(), alice))
		b.left(t, 14.4*3600, ttl(), "never shortened")
		require.NoError(t, verifyOTP(t, m, otp.Code))
		b.left(t, 14.4*3600, ttl())
	})
}

func TestRecord_ThatWasMadeImmortalGetsATTLAgain(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits())
		otp := mustOTP(t, m)
		for name, call := range map[string]func() error{
			"wrong code": func() error { return verifyOTP(t, m, wrong(otp.Code, 1)[0]) },
			"right code": func() error { return verifyOTP(t, m, otp.Code) },
			"issue":      func() error { otp = mustOTP(t, m); return nil },
		} {
			otp = mustOTP(t, m)
			require.NoError(t, b.raw.Persist(t.Context(), b.only(t)).Err())
			call()
			b.left(t, 400*24*3600, b.raw.PTTL(t.Context(), b.only(t)).Val(), name)
		}
	})
}

func TestIssue_ReplacesUnderKeep1(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithAlphabet(onetime.Crockford32))
		first := mustLink(t, m)
		token := mustToken(t, m)
		refused(t, verifyOTP(t, m, first.Code), onetime.ErrNotFound) // only a token is outstanding
		require.Zero(t, mustStatus(t, m, alice).Failures)
		refused(t, verifyToken(t, m, first.Token), onetime.ErrNotFound)
		otp := mustOTP(t, m)
		refused(t, verifyToken(t, m, token.Value), onetime.ErrNotFound)
		require.Equal(t, 4, refused(t, verifyOTP(t, m, first.Code), onetime.ErrMismatch).AttemptsLeft) // charged like a wrong one
		require.Len(t, mustStatus(t, m, alice).Pending, 1)
		require.NoError(t, verifyOTP(t, m, otp.Code))
	})
}

func TestIssue_KeepsTheNewestUnderKeepMore(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(3), onetime.WithAlphabet(onetime.Crockford32))
		var links []onetime.Link
		for i := range 5 {
			b.advance(t, time.Second)
			// Sealed parts of all sizes move with their slots.
			links = append(links, mustLink(t, m, onetime.WithPayload([]byte(strings.Repeat("x", i*60)))))
		}
		var ids []string
		for _, p := range mustStatus(t, m, alice).Pending {
			ids = append(ids, p.ID)
		}
		require.Equal(t, []string{links[4].ID, links[3].ID, links[2].ID}, ids)
		for i, link := range links {
			v, err := m.InspectToken(t.Context(), link.Token)
			if i < 2 {
				refused(t, err, onetime.ErrNotFound)
				continue
			}
			require.NoError(t, err)
			require.Len(t, v.Payload, i*60)
		}
		v, err := m.VerifyOTP(t.Context(), alice, links[2].Code)
		require.NoError(t, err)
		require.Equal(t, links[2].ID, v.ID)
		require.Len(t, v.Payload, 120)
		refused(t, verifyToken(t, m, links[4].Token), onetime.ErrUsed)

		// An issue to a used challenge voids all of it.
		last := mustOTP(t, m)
		refused(t, verifyToken(t, m, links[4].Token), onetime.ErrNotFound)
		require.Len(t, mustStatus(t, m, alice).Pending, 1)
		require.NoError(t, verifyOTP(t, m, last.Code))
		for field := range b.record(t, b.only(t)) {
			require.NotRegexp(t, `^[2-5]$|^[a-f][ct][1-4]$`, field, "nothing of the old ones is left")
		}
	})
}

func TestIssue_ExhaustedCodesStayDeadAndTakeNoPlace(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(2), onetime.WithMaxAttempts(2), many, onetime.WithAlphabet(onetime.Crockford32))
		link := mustLink(t, m)
		first := mustOTP(t, m)
		for i, code := range wrong("000000", 3) {
			err := verifyOTP(t, m, code)
			if i < 2 {
				require.Equal(t, 1-i, refused(t, err, onetime.ErrMismatch).AttemptsLeft)
			} else {
				refused(t, err, onetime.ErrExhausted)
			}
		}
		refused(t, verifyOTP(t, m, first.Code), onetime.ErrExhausted)
		require.Zero(t, refused(t, verifyOTP(t, m, "000001"), onetime.ErrMismatch).AttemptsLeft, "a charged one is known")

		second := mustOTP(t, m)
		refused(t, verifyOTP(t, m, first.Code), onetime.ErrMismatch)
		pending := mustStatus(t, m, alice).Pending
		require.Len(t, pending, 2, "the link has the place of the dead code")
		for _, p := range pending {
			require.Equal(t, p.ID == second.ID, p.Code)
			require.Equal(t, p.ID == link.ID, p.Token)
			require.Equal(t, 1, p.AttemptsLeft)
		}
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrMismatch)
		require.NoError(t, verifyToken(t, m, link.Token))
	})
}

func TestVerifyOTP_NewCodeThatEqualsADeadOneIsAlive(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(2), onetime.WithMaxAttempts(1),
			onetime.WithDangerouslyFixedCodes(map[string]string{alice: "123456"}, time.Now().Add(time.Hour)))
		for range 2 {
			mustOTP(t, m)
			refused(t, verifyOTP(t, m, "654321"), onetime.ErrMismatch)
			refused(t, verifyOTP(t, m, "123456"), onetime.ErrExhausted)
		}
		mustOTP(t, m)
		require.NoError(t, verifyOTP(t, m, "123456"))
		mustOTP(t, m)
		require.NoError(t, verifyOTP(t, m, "123456"))
	})
}

func TestVerifyOTP_AgainstAUsedChallengeTellsAndCountsNothing(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		link := mustLink(t, m)
		codes := wrong(link.Code, 2)
		require.Equal(t, 4, refused(t, verifyOTP(t, m, codes[0]), onetime.ErrMismatch).AttemptsLeft)
		v, err := m.VerifyOTP(t.Context(), alice, link.Code)
		require.NoError(t, err)
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrUsed)
		refused(t, verifyOTP(t, m, codes[1]), onetime.ErrUsed)
		require.Equal(t, 4, refused(t, verifyOTP(t, m, codes[0]), onetime.ErrMismatch).AttemptsLeft)
		refused(t, verifyToken(t, m, link.Token), onetime.ErrUsed)
		require.Zero(t, mustStatus(t, m, alice).Failures)
		require.True(t, mustStatus(t, m, alice).Pending[0].Used)
		require.NoError(t, v.Undo(t.Context()))
		require.Equal(t, 4, mustStatus(t, m, alice).Pending[0].AttemptsLeft)
		require.False(t, mustStatus(t, m, alice).Pending[0].Used)
	})
}

func TestGuessLimits_LockCodesAndNothingElse(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 6, Per: time.Hour}),
			onetime.WithGuessLimits(onetime.Limit{Burst: 3, Per: 30 * time.Minute}, onetime.Limit{Burst: 50, Per: time.Hour}))
		link := mustLink(t, m)
		codes := wrong(link.Code, 5)
		for i := range 3 {
			denied := refused(t, verifyOTP(t, m, codes[i]), onetime.ErrMismatch)
			require.Equal(t, 4-i, denied.AttemptsLeft)
			if i < 2 {
				require.Zero(t, denied.RetryAfter)
			} else {
				b.left(t, 600, denied.RetryAfter, "the one that empties the limit says so")
			}
		}
		b.left(t, 600, refused(t, verifyOTP(t, m, link.Code), onetime.ErrLocked).RetryAfter)
		b.left(t, 600, refused(t, verifyOTP(t, m, codes[4]), onetime.ErrLocked).RetryAfter)
		require.Equal(t, 3, mustStatus(t, m, alice).Failures)
		b.left(t, 600, mustStatus(t, m, alice).GuessIn)

		_, err := m.IssueOTP(ctx, alice)
		b.left(t, 600, refused(t, err, onetime.ErrLocked).RetryAfter)
		again := mustLink(t, m)
		require.Empty(t, again.Code)
		require.Zero(t, again.CodeExpiresIn)
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrLocked)
		require.NoError(t, verifyToken(t, m, again.Token))

		// A success gives no guesses back.
		mustToken(t, m)
		refused(t, verifyOTP(t, m, codes[4]), onetime.ErrLocked)
		require.Zero(t, mustStatus(t, m, alice).Failures)

		b.advance(t, 10*time.Minute)
		otp := mustOTP(t, m)
		b.left(t, 600, refused(t, verifyOTP(t, m, wrong(otp.Code, 1)[0]), onetime.ErrMismatch).RetryAfter)
		refused(t, verifyOTP(t, m, otp.Code), onetime.ErrLocked)
		require.NoError(t, m.Unlock(ctx, alice))
		require.NoError(t, verifyOTP(t, m, otp.Code))
	})
}

func TestVerifyOTP_RefusalOfARightCodeDoesWhatThatOfAWrongOneDoes(t *testing.T) {
	// Else the time of a refusal, which is free, would tell whether the refused code is right.
	onRedis(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		commands := func(call func() error) (names []string) {
			require.NoError(t, b.raw.ConfigResetStat(ctx).Err())
			require.ErrorIs(t, call(), onetime.ErrDenied)
			for line := range strings.Lines(b.raw.Info(ctx, "commandstats").Val()) {
				if name, _, _ := strings.Cut(line, ",usec="); !strings.Contains(name, "config|") {
					names = append(names, name)
				}
			}
			return names
		}
		for reason, prepare := range map[error]func(m *onetime.Manager, otp onetime.OTP){
			onetime.ErrUsed: func(m *onetime.Manager, otp onetime.OTP) { require.NoError(t, verifyOTP(t, m, otp.Code)) },
			onetime.ErrExhausted: func(m *onetime.Manager, otp onetime.OTP) {
				for _, code := range wrong(otp.Code, 2) {
					refused(t, verifyOTP(t, m, code), onetime.ErrMismatch)
				}
			},
			onetime.ErrLocked: func(m *onetime.Manager, otp onetime.OTP) {
				require.NoError(t, b.raw.HSet(ctx, b.only(t), "g3600000", time.Now().Add(time.Hour).UnixMilli()).Err())
			},
			onetime.ErrDisabled: func(m *onetime.Manager, otp onetime.OTP) {
				require.NoError(t, b.raw.HSet(ctx, b.only(t), "f", 100).Err())
			},
		} {
			require.NoError(t, b.raw.FlushAll(ctx).Err())
			m := b.manager(t, onetime.WithMaxAttempts(2))
			otp := mustOTP(t, m, onetime.WithPayload(make([]byte, 4096)))
			prepare(m, otp)
			right := func() error { return verifyOTP(t, m, otp.Code) }
			refused(t, right(), reason)
			require.Equal(t, commands(right), commands(func() error { return verifyOTP(t, m, wrong(otp.Code, 4)[3]) }))
		}
	})
}

func TestIssue_LockedComesBeforeThrottled(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour}))
		otp := mustOTP(t, m)
		_, err := m.IssueOTP(t.Context(), alice)
		refused(t, err, onetime.ErrThrottled)
		refused(t, verifyOTP(t, m, wrong(otp.Code, 1)[0]), onetime.ErrMismatch)
		_, err = m.IssueOTP(t.Context(), alice)
		refused(t, err, onetime.ErrLocked)
		_, err = m.IssueLink(t.Context(), alice, onetime.WithCode())
		refused(t, err, onetime.ErrThrottled)
	})
}

func TestDisabled_At100ConsecutiveWrongCodes(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(16), onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: 30 * 24 * time.Hour}),
			onetime.WithAlphabet(onetime.Crockford32))
		fail := func(n int) {
			for i := range n {
				if i%16 == 0 {
					mustLink(t, m)
				}
				refused(t, verifyOTP(t, m, fmt.Sprintf("%06d", i)), onetime.ErrMismatch)
			}
		}
		fail(3)
		require.NoError(t, verifyOTP(t, m, mustOTP(t, m).Code))
		require.Zero(t, mustStatus(t, m, alice).Failures, "a success sets them back")
		require.NoError(t, m.Unlock(ctx, alice))

		fail(99)
		require.False(t, mustStatus(t, m, alice).Disabled)
		link := mustLink(t, m)
		refused(t, verifyOTP(t, m, "000099"), onetime.ErrMismatch)
		require.True(t, mustStatus(t, m, alice).Disabled)
		require.Equal(t, 100, mustStatus(t, m, alice).Failures)
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrDisabled)
		refused(t, verifyOTP(t, m, "000098"), onetime.ErrDisabled)
		_, err := m.IssueOTP(ctx, alice)
		refused(t, err, onetime.ErrDisabled)
		b.left(t, 400*24*3600, b.raw.PTTL(ctx, b.only(t)).Val())

		b.advance(t, 40*24*time.Hour) // limits are refilled, codes stay disabled
		_, err = m.IssueOTP(ctx, alice)
		refused(t, err, onetime.ErrDisabled)
		link = mustLink(t, m)
		require.Empty(t, link.Code)
		b.left(t, 400*24*3600, b.raw.PTTL(ctx, b.only(t)).Val())
		require.NoError(t, verifyToken(t, m, link.Token)) // the success of a token enables them
		require.NoError(t, verifyOTP(t, m, mustOTP(t, m).Code))

		fail(100)
		refused(t, verifyOTP(t, m, "123456"), onetime.ErrDisabled)
		require.NoError(t, m.Unlock(ctx, alice))
		require.NoError(t, verifyOTP(t, m, mustOTP(t, m).Code))
	})
}

func TestSendLimits_AreSharedByAllKindsAndAllChecked(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 1, Per: 30 * time.Second}, onetime.Limit{Burst: 2, Per: 10 * time.Minute}))
		b.left(t, 30, mustOTP(t, m).ResendIn)
		for range 3 { // what is refused charges nothing
			_, err := m.IssueToken(ctx, alice, onetime.WithBinding("another browser"))
			b.left(t, 30, refused(t, err, onetime.ErrThrottled).RetryAfter)
		}
		b.left(t, 30, mustStatus(t, m, alice).SendIn)
		b.advance(t, 30*time.Second)
		require.Zero(t, mustStatus(t, m, alice).SendIn)
		b.left(t, 270, mustLink(t, m).ResendIn)
		b.advance(t, 100*time.Second)
		_, err := m.IssueOTP(ctx, alice)
		b.left(t, 170, refused(t, err, onetime.ErrThrottled).RetryAfter)
		require.NoError(t, m.Cancel(ctx, alice, mustStatus(t, m, alice).Pending[0].ID)) // gives no send back
		_, err = m.IssueOTP(ctx, alice)
		refused(t, err, onetime.ErrThrottled)
		require.NoError(t, m.Unlock(ctx, alice))
		b.left(t, 30, mustOTP(t, m).ResendIn)

		none := b.manager(t, onetime.WithSendLimits())
		for range 30 {
			require.Zero(t, mustOTP(t, none).ResendIn)
		}
	})
}

func TestUndo(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		use := func(link onetime.Link) onetime.Verification {
			t.Helper()
			v, err := m.VerifyToken(ctx, link.Token)
			require.NoError(t, err)
			return v
		}
		link := mustLink(t, m)
		v := use(link)
		require.NoError(t, v.Undo(ctx))
		require.NoError(t, v.Undo(ctx), "what shall hold holds")
		w := use(link)
		require.ErrorIs(t, v.Undo(ctx), onetime.ErrUsed, "another call has used it since")
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrUsed)
		require.NoError(t, w.Undo(ctx))
		require.NoError(t, v.Undo(ctx), "still live")
		v, err := m.VerifyOTP(ctx, alice, link.Code)
		require.NoError(t, err)
		require.NoError(t, v.Undo(ctx))

		// Of a link, the token is live longer than the code.
		v, err = m.VerifyOTP(ctx, alice, link.Code)
		require.NoError(t, err)
		b.advance(t, 6*time.Minute)
		require.NoError(t, v.Undo(ctx))
		v = use(link)
		b.advance(t, 5*time.Minute)
		refused(t, v.Undo(ctx), onetime.ErrNotFound)

		for name, end := range map[string]func(onetime.Link){
			"revoked":   func(onetime.Link) { require.NoError(t, m.Revoke(ctx, alice)) },
			"cancelled": func(l onetime.Link) { require.NoError(t, m.Cancel(ctx, alice, l.ID)) },
			"replaced":  func(onetime.Link) { mustOTP(t, m) },
		} {
			link := mustLink(t, m)
			v := use(link)
			end(link)
			refused(t, v.Undo(ctx), onetime.ErrNotFound)
			refused(t, verifyToken(t, m, link.Token), onetime.ErrNotFound)
			require.Error(t, verifyOTP(t, m, link.Code), name)
		}

		inspected, err := m.InspectToken(ctx, mustLink(t, m).Token)
		require.NoError(t, err)
		require.ErrorIs(t, inspected.Undo(ctx), onetime.ErrInvalid)
		require.ErrorIs(t, onetime.Verification{}.Undo(ctx), onetime.ErrInvalid)
		require.ErrorIs(t, onetime.Verification{Subject: alice, ID: link.ID}.Undo(ctx), onetime.ErrInvalid)
	})
}

func TestUndo_ReturnsNoAttemptsGuessesOrFailures(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		link := mustLink(t, m)
		refused(t, verifyOTP(t, m, wrong(link.Code, 1)[0]), onetime.ErrMismatch)
		v, err := m.VerifyToken(t.Context(), link.Token)
		require.NoError(t, err)
		limits := b.record(t, b.only(t))
		require.NoError(t, v.Undo(t.Context()))
		require.Equal(t, 4, mustStatus(t, m, alice).Pending[0].AttemptsLeft)
		after := b.record(t, b.only(t))
		require.Equal(t, "x"+limits["u"][1:], after["u"])
		delete(limits, "u")
		delete(after, "u")
		require.Equal(t, limits, after)
	})
}

func TestCancel_EndsOneIssueAndOnlyThat(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(3), onetime.WithAlphabet(onetime.Crockford32))
		bound := onetime.WithBinding("a browser")
		first, second, other := mustLink(t, m, onetime.WithPayload([]byte("payload"))), mustLink(t, m), mustOTP(t, m, bound)
		require.NoError(t, m.Cancel(ctx, alice, first.ID))
		require.NoError(t, m.Cancel(ctx, alice, other.ID), "whatever its binding")
		refused(t, verifyToken(t, m, first.Token), onetime.ErrNotFound)
		refused(t, verifyOTP(t, m, first.Code), onetime.ErrMismatch)
		refused(t, verifyOTP(t, m, other.Code, bound), onetime.ErrNotFound)
		require.Len(t, mustStatus(t, m, alice).Pending, 1)
		before := b.record(t, b.only(t))
		require.Equal(t, decode(t, first.ID), before["2"][:12], "the id stays in its slot")
		require.Len(t, before["2"], 20)
		require.NotContains(t, before, "at1", "the sealed parts go")
		require.NotContains(t, before, "ac1")
		require.NotContains(t, before, "r", "it is no revocation")
		for _, id := range []string{first.ID, other.ID, "AAAAAAAAAAAAAAAA"} {
			require.NoError(t, m.Cancel(ctx, alice, id))
			require.Equal(t, before, b.record(t, b.only(t)), "what is unknown or ended changes nothing")
		}
		require.NoError(t, verifyOTP(t, m, second.Code))
		for _, id := range []string{"", "short", first.ID + "A", "AAAAAAAAAAAAAAA=", first.ID[:3] + "\n" + first.ID[3:]} {
			require.ErrorIs(t, m.Cancel(ctx, alice, id), onetime.ErrInvalid)
		}
	})
}

func TestRevoke_EndsAllThatWasIssuedBefore(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		bound := onetime.WithBinding("a browser")
		first, second, token := mustLink(t, m), mustLink(t, m), mustToken(t, m, bound)
		refused(t, verifyOTP(t, m, wrong(second.Code, 3)[2]), onetime.ErrMismatch)
		require.NoError(t, m.Revoke(ctx, alice))
		refused(t, verifyToken(t, m, first.Token), onetime.ErrNotFound)
		refused(t, verifyOTP(t, m, second.Code), onetime.ErrNotFound)
		refused(t, verifyToken(t, m, token.Value, bound), onetime.ErrNotFound)
		require.Empty(t, mustStatus(t, m, alice).Pending)
		require.Equal(t, 1, mustStatus(t, m, alice).Failures, "what was counted stays")
		before := b.record(t, b.only(t))
		require.NoError(t, m.Revoke(ctx, alice))
		after := b.record(t, b.only(t))
		require.NotEqual(t, before["r"], after["r"])
		before["r"] = after["r"]
		require.Equal(t, before, after, "what is ended is written again, and nothing else")

		// By order and not by clock: what is issued after it lives, even if the clock steps back.
		b.advance(t, -5*time.Second)
		require.NoError(t, verifyOTP(t, m, mustOTP(t, m).Code))
		otp := mustOTP(t, m)
		b.advance(t, 5*time.Minute)
		require.NoError(t, m.Revoke(ctx, alice)) // expired by now, and stays ended
		b.advance(t, -time.Minute)
		require.Error(t, verifyOTP(t, m, otp.Code))
	})
}

func TestStatusAndUnlock_OfNothing(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		require.Equal(t, onetime.Status{}, mustStatus(t, m, alice))
		require.NoError(t, m.Unlock(t.Context(), alice))
		mustToken(t, m)
		require.NoError(t, m.Unlock(t.Context(), alice))
		before := b.record(t, b.only(t))
		require.NoError(t, m.Unlock(t.Context(), alice))
		require.Equal(t, before, b.record(t, b.only(t)))
		require.Len(t, mustStatus(t, m, alice).Pending, 1)
	})
}

func TestBinding_HasAChallengeOfItsOwn(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithAlphabet(onetime.Crockford32))
		one, two := onetime.WithBinding("one browser"), onetime.WithBinding("another browser")
		unbound, first, second := mustLink(t, m), mustLink(t, m, one), mustLink(t, m, two)
		refused(t, verifyOTP(t, m, first.Code), onetime.ErrMismatch) // wrong for the unbound challenge
		require.NoError(t, verifyOTP(t, m, first.Code, one))
		refused(t, verifyToken(t, m, second.Token), onetime.ErrBinding)
		refused(t, verifyToken(t, m, second.Token, one), onetime.ErrBinding)
		refused(t, verifyToken(t, m, unbound.Token, one), onetime.ErrBinding)
		require.NoError(t, verifyToken(t, m, second.Token, onetime.IgnoreBinding()))
		require.NoError(t, verifyToken(t, m, unbound.Token))
		refused(t, verifyOTP(t, m, "000000", onetime.WithBinding("a third")), onetime.ErrNotFound)
		require.Zero(t, mustStatus(t, m, alice).Failures)
		for _, p := range mustStatus(t, m, alice).Pending {
			require.Equal(t, p.ID != unbound.ID, p.Bound)
			require.True(t, p.Used)
		}
	})
}

func TestRecord_HoldsAtMost16Challenges(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits())
		payload := onetime.WithPayload(make([]byte, 100))
		bind := func(i int) onetime.CallOption { return onetime.WithBinding(fmt.Sprintf("browser %d", i)) }
		var tokens []onetime.Token
		for i := range 16 {
			b.advance(t, time.Second)
			tokens = append(tokens, mustToken(t, m, bind(i), payload))
		}
		b.advance(t, time.Second)
		mustToken(t, m, bind(0), payload) // no longer the oldest, and no challenge more
		require.Len(t, mustStatus(t, m, alice).Pending, 16)
		b.advance(t, time.Second)
		unbound := mustToken(t, m)
		require.Len(t, mustStatus(t, m, alice).Pending, 16)
		refused(t, verifyToken(t, m, tokens[1].Value, bind(1)), onetime.ErrNotFound)
		for i := 2; i < 16; i++ {
			require.NoError(t, verifyToken(t, m, tokens[i].Value, bind(i)))
		}
		require.NoError(t, verifyToken(t, m, unbound.Value))

		b.advance(t, 11*time.Minute) // all dead: the next issue drops them
		mustToken(t, m)
		require.Len(t, b.record(t, b.only(t)), 2, "a slot and its piece")
	})
}

func TestIssue_DropsLimitsThatNoLongerCount(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		mustOTP(t, b.manager(t))
		b.advance(t, time.Minute)
		m := b.manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 9, Per: time.Hour}))
		mustOTP(t, m)
		record := b.record(t, b.only(t))
		require.NotContains(t, record, "s30000", "refilled")
		require.Contains(t, record, "s86400000", "not refilled yet: another Manager may ask for it")
		require.Contains(t, record, "s3600000")
	})
}

func TestSettings_ChangeUnderARecord(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		wide := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(3), onetime.WithAlphabet(onetime.Crockford32))
		narrow := b.manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(1), onetime.WithAlphabet(onetime.Crockford32))
		payload := onetime.WithPayload(make([]byte, 100))
		old := []onetime.Link{mustLink(t, wide, payload), mustLink(t, wide, payload), mustLink(t, wide, payload)}
		refused(t, verifyToken(t, narrow, old[0].Token), onetime.ErrNotFound)
		for _, code := range wrong("000000", 2) {
			refused(t, verifyOTP(t, wide, code), onetime.ErrMismatch)
		}
		refused(t, verifyOTP(t, narrow, old[2].Code), onetime.ErrExhausted)
		require.Zero(t, mustStatus(t, narrow, alice).Pending[0].AttemptsLeft)
		mustLink(t, narrow) // under Keep 1 it voids all, for those with a greater Keep, too
		for _, link := range old {
			refused(t, verifyToken(t, wide, link.Token), onetime.ErrNotFound)
		}
	})
}

func TestPayload_OfEverySizeComesBack(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t, onetime.WithSendLimits())
		for _, size := range []int{0, 1, 17, 18, 19, 20, 81, 82, 83, 145, 209, 210, 211, 212, 300, 4096} {
			payload := []byte(strings.Repeat("p\x00", size))[:size]
			link := mustLink(t, m, onetime.WithPayload(payload))
			for field, value := range b.record(t, b.only(t)) {
				require.True(t, len(value) <= 64 || len(value) > 256 && len(field) == 3, "%q has %d bytes", field, len(value))
			}
			v, err := m.InspectToken(ctx, link.Token)
			require.NoError(t, err)
			require.Equal(t, string(payload), string(v.Payload))
			v, err = m.VerifyOTP(ctx, alice, link.Code)
			require.NoError(t, err)
			require.Equal(t, string(payload), string(v.Payload))
			require.Equal(t, alice, v.Subject)
		}
	})
}

func TestIssue_BesideOtherChallengesForgetsNothing(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		first, second := onetime.WithBinding("one browser"), onetime.WithBinding("another browser")
		code := mustOTP(t, m, first, onetime.WithPayload([]byte("payload")))
		b.advance(t, 30*time.Second)
		throttled := func() {
			_, err := m.IssueLink(t.Context(), alice)
			refused(t, err, onetime.ErrThrottled)
		}
		token := mustToken(t, m, second, onetime.WithPayload(make([]byte, 300)))
		throttled() // the limit that was refilled is charged again
		b.advance(t, 30*time.Second)
		mustLink(t, m)
		throttled()
		require.Len(t, mustStatus(t, m, alice).Pending, 3)
		require.NoError(t, verifyOTP(t, m, code.Code, first))
		require.NoError(t, verifyToken(t, m, token.Value, second))
		b.advance(t, 6*time.Minute)
		mustOTP(t, m)
		require.Len(t, mustStatus(t, m, alice).Pending, 2, "the dead code's challenge is gone")
		require.NoError(t, m.Unlock(t.Context(), alice))
		b.advance(t, 6*time.Minute)
		mustToken(t, m, first)
		for field := range b.record(t, b.only(t)) {
			require.NotContains(t, field, "ct1")
		}
		require.Len(t, mustStatus(t, m, alice).Pending, 1)
	})
}

func TestCheck(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		require.NoError(t, b.manager(t).Check(t.Context()))
		require.Empty(t, b.records(t), "it writes nothing")
	})
}

func TestCheck_TellsWhatIsWrong(t *testing.T) {
	onRedis(t, func(t *testing.T, b *backend) {
		ctx := t.Context()
		m := b.manager(t)
		set := func(name, value string) {
			old := b.raw.ConfigGet(ctx, name).Val()[name]
			require.NoError(t, b.raw.ConfigSet(ctx, name, value).Err())
			t.Cleanup(func() { require.NoError(t, b.raw.ConfigSet(context.Background(), name, old).Err()) })
		}
		set("maxmemory-policy", "allkeys-lru")
		require.NoError(t, m.Check(ctx), "without maxmemory nothing is evicted")
		set("maxmemory", "1000000000")
		require.ErrorContains(t, m.Check(ctx), "allkeys-lru: want noeviction")
		require.NoError(t, b.raw.ConfigSet(ctx, "maxmemory-policy", "noeviction").Err())
		require.NoError(t, m.Check(ctx))

		deaf := redis.NewClient(&redis.Options{Addr: b.raw.Options().Addr})
		defer deaf.Close()
		m, err := onetime.New(deaf, onetimetest.Key)
		require.NoError(t, err)
		require.ErrorContains(t, m.Check(ctx), "ContextTimeoutEnabled")

		gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, ContextTimeoutEnabled: true})
		defer gone.Close()
		m, err = onetime.New(gone, onetimetest.Key)
		require.NoError(t, err)
		undecided(t, m.Check(ctx))
	})
}

func decode(t *testing.T, id string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(id)
	require.NoError(t, err)
	return string(raw)
}
