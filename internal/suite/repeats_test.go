package suite_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

var (
	form      = onetime.Idempotent("the nonce of a form")
	otherForm = onetime.Idempotent("the nonce of another")
)

// use verifies a code of Alice.
func use(t *testing.T, m *onetime.Manager, code string, opts ...onetime.VerifyOption) (onetime.Verification, error) {
	t.Helper()
	return m.VerifyOTP(t.Context(), rig.Alice, code, opts...)
}

func TestRule13_SendingsOfOneFormAreOneUseFor60Seconds(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		link := rig.MustLink(t, m, onetime.WithPayload([]byte("payload")))
		first, err := use(t, m, link.Code, form)
		require.NoError(t, err)
		require.False(t, first.Repeated)
		for range 2 {
			again, err := use(t, m, link.Code, form)
			require.NoError(t, err)
			require.True(t, again.Repeated)
			require.Equal(t, first.Call(), again.Call())
			require.Equal(t, first.ID, again.ID)
			require.Equal(t, "payload", string(again.Payload))
		}
		for name, err := range map[string]error{
			"no key":        rig.VerifyOTP(t, m, link.Code),
			"another key":   rig.VerifyOTP(t, m, link.Code, otherForm),
			"another kind":  rig.VerifyToken(t, m, link.Token, form),
			"another token": rig.VerifyToken(t, m, link.Token),
		} {
			require.ErrorIs(t, err, onetime.ErrUsed, name)
		}
		b.Advance(t, 59*time.Second)
		if !b.Real { // on a server the time that the test takes goes by
			b.Advance(t, time.Second)
			require.NoError(t, rig.VerifyOTP(t, m, link.Code, form))
			b.Advance(t, time.Millisecond)
		} else {
			b.Advance(t, 2*time.Second)
		}
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code, form), onetime.ErrUsed)
	})
}

// The record lives as long as a repeat may come, also where the secret and all else ends sooner.
func TestRule13_ARepeatAtTheEndOfTheRecord(t *testing.T) {
	b := rig.NewMini(t, time.Now().Truncate(time.Millisecond))
	m := b.Manager(t, onetime.WithSendLimits(), onetime.WithTokenTTL(10*time.Minute))
	token := rig.MustToken(t, m)
	b.Advance(t, 10*time.Minute-time.Millisecond)
	require.NoError(t, rig.VerifyToken(t, m, token.Value, form))
	require.Equal(t, time.Minute+time.Millisecond, b.Raw.PTTL(t.Context(), b.Only(t)).Val(), "and no longer")
	b.Advance(t, time.Minute)
	rig.MustToken(t, m, onetime.WithBinding("another browser")) // sweeps
	require.NoError(t, rig.VerifyToken(t, m, token.Value, form))
}

func TestRule13_AWrongCodeAndThenTheRightOneUnderOneKey(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		otp := rig.MustOTP(t, m)
		wrong := rig.WrongCodes(otp.Code, 1)[0]
		require.Equal(t, 4, rig.Refused(t, rig.VerifyOTP(t, m, wrong, form), onetime.ErrMismatch).AttemptsLeft)
		v, err := use(t, m, otp.Code, form)
		require.NoError(t, err)
		require.False(t, v.Repeated)
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 2)[1], form), onetime.ErrUsed)
	})
}

func TestRule13_AThousandCodesUnderOneKeyAreEachCharged(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithMaxAttempts(16), onetime.WithGuessLimits(onetime.Limit{Burst: 10, Per: 24 * time.Hour}))
		otp := rig.MustOTP(t, m)
		mismatches := 0
		for _, code := range rig.WrongCodes(otp.Code, 1000) {
			if err := rig.VerifyOTP(t, m, code, form); !errors.Is(err, onetime.ErrLocked) {
				rig.Refused(t, err, onetime.ErrMismatch)
				mismatches++
			}
		}
		require.Equal(t, 10, mismatches)
	})
}

func TestRule13_AfterAnUndoAnotherSendingIsANewCall(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		otp := rig.MustOTP(t, m)
		first, err := use(t, m, otp.Code, form)
		require.NoError(t, err)
		require.NoError(t, first.Undo(t.Context()))
		second, err := use(t, m, otp.Code, form)
		require.NoError(t, err)
		require.False(t, second.Repeated)
		require.NotEqual(t, first.Call(), second.Call())
		rig.Refused(t, first.Undo(t.Context()), onetime.ErrUsed)
	})
}

// Whoever was told yes may have acted on it.
func TestRule13_NoUndoOnceAnotherSendingWasToldYes(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		otp := rig.MustOTP(t, m)
		first, err := use(t, m, otp.Code, form)
		require.NoError(t, err)
		second, err := use(t, m, otp.Code, form)
		require.NoError(t, err)
		for _, v := range []onetime.Verification{first, second} {
			rig.Refused(t, v.Undo(t.Context()), onetime.ErrUsed)
			rig.Refused(t, m.UndoTicket(t.Context(), v.UndoTicket()), onetime.ErrUsed)
		}
		rig.Refused(t, rig.VerifyOTP(t, m, otp.Code), onetime.ErrUsed)
	})
}

// Parallel sendings and the Undo of one: never both told yes and undone.
func TestRule13_NeverBothUndoneAndActedOn(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		for range 20 {
			require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
			m := b.Manager(t)
			otp := rig.MustOTP(t, m)
			first, err := use(t, m, otp.Code, form)
			require.NoError(t, err)
			var undone, repeated atomic.Bool
			var group sync.WaitGroup
			group.Go(func() { undone.Store(first.Undo(t.Context()) == nil) })
			group.Go(func() {
				v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code, form)
				repeated.Store(err == nil && v.Repeated)
			})
			group.Wait()
			require.False(t, undone.Load() && repeated.Load())
		}
	})
}

// After sign-out the same form, or a copied cookie, signs nobody in: the application cancels what it has used.
func TestRule13_SignOutEndsRepeats(t *testing.T) {
	for name, end := range map[string]func(m *onetime.Manager, t *testing.T, id string) error{
		"Cancel": func(m *onetime.Manager, t *testing.T, id string) error { return m.Cancel(t.Context(), rig.Alice, id) },
		"CancelQuietly": func(m *onetime.Manager, t *testing.T, id string) error {
			return m.CancelQuietly(t.Context(), rig.Alice, id)
		},
		"Revoke":        func(m *onetime.Manager, t *testing.T, _ string) error { return m.Revoke(t.Context(), rig.Alice) },
		"Erase":         func(m *onetime.Manager, t *testing.T, _ string) error { return m.Erase(t.Context(), rig.Alice) },
		"another issue": func(m *onetime.Manager, t *testing.T, _ string) error { rig.MustOTP(t, m); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			rig.Backends(t, func(t *testing.T, b *rig.Backend) {
				m := b.Manager(t, onetime.WithSendLimits())
				link := rig.MustLink(t, m)
				require.NoError(t, rig.VerifyToken(t, m, link.Token, form))
				require.NoError(t, end(m, t, link.ID))
				require.ErrorIs(t, rig.VerifyToken(t, m, link.Token, form), onetime.ErrDenied)
			})
		})
	}
}

func TestRule13_TwoSubjectsPurposesOrBindingsUnderOneKey(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithDangerouslyFixedCodes(map[string]string{rig.Alice: "123456", "bob@example.com": "123456"}, time.Now().Add(time.Hour)))
		other, err := m.Purpose("other", onetime.WithDangerouslyFixedCodes(map[string]string{rig.Alice: "123456"}, time.Now().Add(time.Hour)))
		require.NoError(t, err)
		_, err = m.VerifyOTP(ctx, "bob@example.com", "123456", form)
		rig.Refused(t, err, onetime.ErrNotFound)
		rig.MustOTP(t, m)
		require.NoError(t, rig.VerifyOTP(t, m, "123456", form))
		_, err = m.VerifyOTP(ctx, "bob@example.com", "123456", form)
		rig.Refused(t, err, onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyOTP(t, other, "123456", form), onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyOTP(t, m, "123456", form, onetime.WithBinding("a browser")), onetime.ErrNotFound)
	})
}

func TestRule13_ParallelSendingsAreOneUse(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		otp := rig.MustOTP(t, m)
		var first, repeated atomic.Int32
		var group sync.WaitGroup
		for i := range 60 {
			group.Go(func() {
				key := []onetime.VerifyOption{form, otherForm, nil}[i%3]
				v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code, key)
				switch {
				case err == nil && v.Repeated:
					repeated.Add(1)
				case err == nil:
					first.Add(1)
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 1, first.Load())
		require.Contains(t, []int32{0, 19}, repeated.Load(), "of the group that was first, or of none")
	})
}

// An issue that is sent twice is one issue. Its second sending has nothing to deliver.
func TestRule13_SendingsOfOneIssueAreOneIssue(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 2, Per: time.Hour}))
		first := rig.MustLink(t, m, form)
		require.False(t, first.Repeated)
		before := b.Record(t, b.Only(t))
		require.Len(t, before["i"], 12, "96 bits of its group")
		again := rig.MustLink(t, m, form)
		require.True(t, again.Repeated)
		require.Equal(t, first.ID, again.ID)
		require.Empty(t, again.URL+again.Token+again.Code)
		require.LessOrEqual(t, again.ExpiresIn, first.ExpiresIn)
		require.LessOrEqual(t, again.CodeExpiresIn, first.CodeExpiresIn)
		b.Left(t, first.ExpiresIn.Seconds(), again.ExpiresIn)
		b.Left(t, first.CodeExpiresIn.Seconds(), again.CodeExpiresIn)
		require.Equal(t, before, b.Record(t, b.Only(t)), "nothing is charged")

		// Of another kind, a deliberate resend, or after the end, it is another issue.
		rig.MustOTP(t, m, otherForm)
		_, err := m.IssueOTP(t.Context(), rig.Alice, form)
		rig.Refused(t, err, onetime.ErrThrottled)
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		otp := rig.MustOTP(t, m, form)
		require.False(t, otp.Repeated)
		require.True(t, rig.MustOTP(t, m, form).Repeated)
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
		require.False(t, rig.MustOTP(t, m, form).Repeated, "after its use")
	})
}

// Which group the newest issue is of is forgotten with it: otherwise a form that is sent again would be answered with an
// issue that it did not ask for.
func TestRule13_AnotherIssueInBetweenEndsTheRepeatsOfAnIssue(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		rig.MustOTP(t, m, form)
		other := rig.MustOTP(t, m, otherForm)
		require.False(t, other.Repeated)
		again := rig.MustOTP(t, m, otherForm)
		require.True(t, again.Repeated)
		require.Equal(t, other.ID, again.ID)
		require.False(t, rig.MustOTP(t, m).Repeated)
		require.False(t, rig.MustOTP(t, m, otherForm).Repeated)
	})
}

func TestRule13_ARepeatedIssueTellsWhatIsLeftOfEachSecret(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithSendLimits())
	issue := func(code bool) onetime.Link {
		opts := []onetime.IssueOption{form}
		if code {
			opts = append(opts, onetime.WithCode())
		}
		link, err := m.IssueLink(t.Context(), rig.Alice, opts...)
		require.NoError(t, err)
		return link
	}
	issue(true)
	for _, passed := range []time.Duration{time.Millisecond, 5*time.Minute - 2*time.Millisecond, time.Millisecond, time.Millisecond} {
		b.Advance(t, passed)
		link := issue(true)
		require.True(t, link.Repeated)
		require.Equal(t, max(0, 5*time.Minute-b.Now.Sub(noon)), link.CodeExpiresIn)
		require.Equal(t, 10*time.Minute-b.Now.Sub(noon), link.ExpiresIn)
	}

	require.NoError(t, m.Revoke(t.Context(), rig.Alice))
	issue(false)
	link := issue(false)
	require.True(t, link.Repeated)
	require.Zero(t, link.CodeExpiresIn, "it has none")
	require.Equal(t, 10*time.Minute, link.ExpiresIn)

	// Another sending may ask without the code that the first had.
	require.NoError(t, m.Revoke(t.Context(), rig.Alice))
	first := issue(true)
	link = issue(false)
	require.True(t, link.Repeated)
	require.Equal(t, first.ID, link.ID)
	require.Equal(t, 5*time.Minute, link.CodeExpiresIn)
}

func TestIdempotent_BothEdges(t *testing.T) {
	m := rig.Offline(t)
	for n, want := range map[int]string{0: "0 bytes", 15: "15 bytes", 513: "513 bytes"} {
		rig.Invalid(t, rig.VerifyOTP(t, m, "1", onetime.Idempotent(string(rig.Key('k', n)))), fmt.Sprintf("onetime: Idempotent: %s: want 16 to 512", want))
	}
	for _, n := range []int{16, 512} {
		rig.Refused(t, rig.VerifyOTP(t, m, "1", onetime.Idempotent(string(rig.Key('k', n)))), onetime.ErrMalformed)
	}
	_, err := m.InspectToken(t.Context(), "x", form)
	rig.Invalid(t, err, "onetime: Idempotent on InspectToken: want it on IssueOTP or IssueToken or IssueLink or VerifyOTP or VerifyToken")
}
