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

func TestRecord_LivesAsLongAsTheDesignSays(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		otp := rig.MustOTP(t, m)
		ttl := func() time.Duration { return b.Raw.PTTL(t.Context(), b.Only(t)).Val() }
		b.Left(t, 72*60, ttl())
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]), onetime.ErrMismatch)
		b.Left(t, 14.4*3600, ttl())
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		b.Left(t, 14.4*3600, ttl(), "never shortened")
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
		b.Left(t, 14.4*3600, ttl())
	})
}

func TestRecord_ThatWasMadeImmortalGetsATTLAgain(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		otp := rig.MustOTP(t, m)
		for name, call := range map[string]func() error{
			"wrong code": func() error { return rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]) },
			"right code": func() error { return rig.VerifyOTP(t, m, otp.Code) },
			"issue":      func() error { otp = rig.MustOTP(t, m); return nil },
		} {
			otp = rig.MustOTP(t, m)
			require.NoError(t, b.Raw.Persist(t.Context(), b.Only(t)).Err())
			call()
			b.Left(t, 400*24*3600, b.Raw.PTTL(t.Context(), b.Only(t)).Val(), name)
		}
	})
}

func TestIssue_ReplacesUnderKeep1(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithAlphabet(onetime.Crockford32))
		first := rig.MustLink(t, m)
		token := rig.MustToken(t, m)
		rig.Refused(t, rig.VerifyOTP(t, m, first.Code), onetime.ErrNotFound) // only a token is outstanding
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Failures)
		rig.Refused(t, rig.VerifyToken(t, m, first.Token), onetime.ErrNotFound)
		otp := rig.MustOTP(t, m)
		rig.Refused(t, rig.VerifyToken(t, m, token.Value), onetime.ErrNotFound)
		require.Equal(t, 4, rig.Refused(t, rig.VerifyOTP(t, m, first.Code), onetime.ErrMismatch).AttemptsLeft) // charged like a wrong one
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 1)
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
	})
}

func TestIssue_KeepsTheNewestUnderKeepMore(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(3), onetime.WithAlphabet(onetime.Crockford32))
		var links []onetime.Link
		for i := range 5 {
			b.Advance(t, time.Second)
			// Sealed parts of all sizes move with their slots.
			links = append(links, rig.MustLink(t, m, onetime.WithPayload([]byte(strings.Repeat("x", i*60)))))
		}
		var ids []string
		for _, p := range rig.MustStatus(t, m, rig.Alice).Pending {
			ids = append(ids, p.ID)
		}
		require.Equal(t, []string{links[4].ID, links[3].ID, links[2].ID}, ids)
		for i, link := range links {
			v, err := m.InspectToken(t.Context(), link.Token)
			if i < 2 {
				rig.Refused(t, err, onetime.ErrNotFound)
				continue
			}
			require.NoError(t, err)
			require.Len(t, v.Payload, i*60)
		}
		v, err := m.VerifyOTP(t.Context(), rig.Alice, links[2].Code)
		require.NoError(t, err)
		require.Equal(t, links[2].ID, v.ID)
		require.Len(t, v.Payload, 120)
		rig.Refused(t, rig.VerifyToken(t, m, links[4].Token), onetime.ErrUsed)

		// An issue to a used challenge voids all of it.
		last := rig.MustOTP(t, m)
		rig.Refused(t, rig.VerifyToken(t, m, links[4].Token), onetime.ErrNotFound)
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 1)
		require.NoError(t, rig.VerifyOTP(t, m, last.Code))
		for field := range b.Record(t, b.Only(t)) {
			require.NotRegexp(t, `^[2-5]$|^[a-f][ct][1-4]$`, field, "nothing of the old ones is left")
		}
	})
}

func TestIssue_ExhaustedCodesStayDeadAndTakeNoPlace(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2), onetime.WithMaxAttempts(2), rig.ManyGuesses, onetime.WithAlphabet(onetime.Crockford32))
		link := rig.MustLink(t, m)
		first := rig.MustOTP(t, m)
		for i, code := range rig.WrongCodes("000000", 3) {
			err := rig.VerifyOTP(t, m, code)
			if i < 2 {
				require.Equal(t, 1-i, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)
			} else {
				rig.Refused(t, err, onetime.ErrExhausted)
			}
		}
		rig.Refused(t, rig.VerifyOTP(t, m, first.Code), onetime.ErrExhausted)
		require.Zero(t, rig.Refused(t, rig.VerifyOTP(t, m, "000001"), onetime.ErrMismatch).AttemptsLeft, "a charged one is known")

		second := rig.MustOTP(t, m)
		rig.Refused(t, rig.VerifyOTP(t, m, first.Code), onetime.ErrMismatch)
		pending := rig.MustStatus(t, m, rig.Alice).Pending
		require.Len(t, pending, 2, "the link has the place of the dead code")
		for _, p := range pending {
			require.Equal(t, p.ID == second.ID, p.Code)
			require.Equal(t, p.ID == link.ID, p.Token)
			require.Equal(t, 1, p.AttemptsLeft)
		}
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrMismatch)
		require.NoError(t, rig.VerifyToken(t, m, link.Token))
	})
}

func TestRecord_HoldsAtMost16Challenges(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		payload := onetime.WithPayload(make([]byte, 100))
		bind := func(i int) onetime.CallOption { return onetime.WithBinding(fmt.Sprintf("browser %d", i)) }
		var tokens []onetime.Token
		for i := range 16 {
			b.Advance(t, time.Second)
			tokens = append(tokens, rig.MustToken(t, m, bind(i), payload))
		}
		b.Advance(t, time.Second)
		rig.MustToken(t, m, bind(0), payload) // no longer the oldest, and no challenge more
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 16)
		b.Advance(t, time.Second)
		unbound := rig.MustToken(t, m)
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 16)
		rig.Refused(t, rig.VerifyToken(t, m, tokens[1].Value, bind(1)), onetime.ErrNotFound)
		for i := 2; i < 16; i++ {
			require.NoError(t, rig.VerifyToken(t, m, tokens[i].Value, bind(i)))
		}
		require.NoError(t, rig.VerifyToken(t, m, unbound.Value))

		b.Advance(t, 11*time.Minute) // all dead: the next issue drops them
		rig.MustToken(t, m)
		require.Len(t, b.Record(t, b.Only(t)), 2, "a slot and its piece")
	})
}

func TestIssue_DropsLimitsThatNoLongerCount(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		rig.MustOTP(t, b.Manager(t))
		b.Advance(t, time.Minute)
		m := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 9, Per: time.Hour}))
		rig.MustOTP(t, m)
		record := b.Record(t, b.Only(t))
		require.NotContains(t, record, "s30000", "refilled")
		require.Contains(t, record, "s86400000", "not refilled yet: another Manager may ask for it")
		require.Contains(t, record, "s3600000")
	})
}

func TestSettings_ChangeUnderARecord(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		wide := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(3), onetime.WithAlphabet(onetime.Crockford32))
		narrow := b.Manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(1), onetime.WithAlphabet(onetime.Crockford32))
		payload := onetime.WithPayload(make([]byte, 100))
		old := []onetime.Link{rig.MustLink(t, wide, payload), rig.MustLink(t, wide, payload), rig.MustLink(t, wide, payload)}
		rig.Refused(t, rig.VerifyToken(t, narrow, old[0].Token), onetime.ErrNotFound)
		for _, code := range rig.WrongCodes("000000", 2) {
			rig.Refused(t, rig.VerifyOTP(t, wide, code), onetime.ErrMismatch)
		}
		rig.Refused(t, rig.VerifyOTP(t, narrow, old[2].Code), onetime.ErrExhausted)
		require.Zero(t, rig.MustStatus(t, narrow, rig.Alice).Pending[0].AttemptsLeft)
		rig.MustLink(t, narrow) // under Keep 1 it voids all, for those with a greater Keep, too
		for _, link := range old {
			rig.Refused(t, rig.VerifyToken(t, wide, link.Token), onetime.ErrNotFound)
		}
	})
}

func TestPayload_OfEverySizeComesBack(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits())
		for _, size := range []int{0, 1, 17, 18, 19, 20, 81, 82, 83, 145, 209, 210, 211, 212, 300, 4096} {
			payload := []byte(strings.Repeat("p\x00", size))[:size]
			link := rig.MustLink(t, m, onetime.WithPayload(payload))
			for field, value := range b.Record(t, b.Only(t)) {
				require.True(t, len(value) <= 64 || len(value) > 256 && len(field) == 2, "%q has %d bytes", field, len(value))
			}
			v, err := m.InspectToken(ctx, link.Token)
			require.NoError(t, err)
			require.Equal(t, string(payload), string(v.Payload))
			v, err = m.VerifyOTP(ctx, rig.Alice, link.Code)
			require.NoError(t, err)
			require.Equal(t, string(payload), string(v.Payload))
			require.Equal(t, rig.Alice, v.Subject)
		}
	})
}

func TestIssue_BesideOtherChallengesForgetsNothing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		first, second := onetime.WithBinding("one browser"), onetime.WithBinding("another browser")
		code := rig.MustOTP(t, m, first, onetime.WithPayload([]byte("payload")))
		b.Advance(t, 30*time.Second)
		throttled := func() {
			_, err := m.IssueLink(t.Context(), rig.Alice)
			rig.Refused(t, err, onetime.ErrThrottled)
		}
		token := rig.MustToken(t, m, second, onetime.WithPayload(make([]byte, 300)))
		throttled() // the limit that was refilled is charged again
		b.Advance(t, 30*time.Second)
		rig.MustLink(t, m)
		throttled()
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 3)
		require.NoError(t, rig.VerifyOTP(t, m, code.Code, first))
		require.NoError(t, rig.VerifyToken(t, m, token.Value, second))
		b.Advance(t, 6*time.Minute)
		rig.MustOTP(t, m)
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 2, "the dead code's challenge is gone")
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		b.Advance(t, 6*time.Minute)
		rig.MustToken(t, m, first)
		for field := range b.Record(t, b.Only(t)) {
			require.NotContains(t, field, "ct1")
		}
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 1)
	})
}
