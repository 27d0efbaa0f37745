package suite_test

import (
	"context"
	"errors"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// An address that bounced is answered like one without an account: like a decoy.
func TestCancelQuietly_IsAnsweredLikeADecoy(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		type answer struct {
			err   string
			left  int
			retry bool
		}
		play := func(opts ...onetime.IssueOption) (answers []answer) {
			require.NoError(t, b.Raw.FlushAll(ctx).Err())
			m := b.Manager(t)
			link, err := m.IssueLink(ctx, rig.Alice, append(opts, onetime.WithCode())...)
			require.NoError(t, err)
			if len(opts) == 0 {
				require.NoError(t, m.CancelQuietly(ctx, rig.Alice, link.ID))
				require.NoError(t, m.CancelQuietly(ctx, rig.Alice, link.ID), "again")
			}
			for _, code := range []string{"000000", "000001", "000001", "000002", "000003", "000004", "000005"} {
				denied := &onetime.DeniedError{}
				err := rig.VerifyOTP(t, m, code)
				require.ErrorAs(t, err, &denied)
				answers = append(answers, answer{denied.Reason.Error(), denied.AttemptsLeft, denied.RetryAfter > 0})
			}
			status := rig.MustStatus(t, m, rig.Alice)
			require.Len(t, status.Pending, 1)
			require.True(t, status.Pending[0].Code && status.Pending[0].Token && !status.Pending[0].Used)
			_, err = m.IssueOTP(ctx, rig.Alice)
			rig.Refused(t, err, onetime.ErrThrottled)
			return answers
		}
		require.Equal(t, play(onetime.AsDecoy()), play())
	})
}

func TestCancelQuietly_NothingOfTheIssueVerifies(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		older, link := rig.MustLink(t, m), rig.MustLink(t, m)
		before := b.Record(t, b.Only(t))
		require.NoError(t, m.CancelQuietly(t.Context(), rig.Alice, link.ID))
		after := b.Record(t, b.Only(t))
		require.Len(t, after["1"], len(before["1"]))
		require.Regexp(t, regexp.MustCompile(`^[0-9a-f]{16}$`), after["1"][26:42], "a dump cannot tell")
		require.NotEqual(t, before["1"], after["1"])
		delete(before, "1")
		delete(after, "1")
		require.Equal(t, before, after)
		rig.Refused(t, rig.VerifyToken(t, m, link.Token), onetime.ErrNotFound)
		require.Equal(t, 4, rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrMismatch).AttemptsLeft, "it is counted")
		require.NoError(t, rig.VerifyToken(t, m, older.Token), "other issues stay")
	})
}

func TestCancelQuietly_OfAUsedIssueIsACancel(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		link := rig.MustLink(t, m)
		v, err := m.VerifyToken(t.Context(), link.Token)
		require.NoError(t, err)
		require.NoError(t, m.CancelQuietly(t.Context(), rig.Alice, link.ID))
		rig.Refused(t, v.Undo(t.Context()), onetime.ErrNotFound)
		require.Empty(t, rig.MustStatus(t, m, rig.Alice).Pending)
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrNotFound)
	})
}

func TestErase_TakesSecretsOutAndLeavesLimits(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t)
		bound := onetime.WithBinding("a browser")
		link := rig.MustLink(t, m, onetime.WithPayload([]byte("payload")), form)
		require.NoError(t, m.Unlock(ctx, rig.Alice))
		other := rig.MustLink(t, m, bound)
		require.NoError(t, rig.VerifyToken(t, m, other.Token, bound, form))
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(link.Code, 1)[0]), onetime.ErrMismatch)
		before := b.Record(t, b.Only(t))
		require.NoError(t, m.Erase(ctx, rig.Alice))

		rig.Refused(t, rig.VerifyToken(t, m, link.Token), onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyToken(t, m, other.Token, bound, form), onetime.ErrNotFound)
		require.Empty(t, rig.MustStatus(t, m, rig.Alice).Pending)
		_, err := m.IssueOTP(ctx, rig.Alice)
		rig.Refused(t, err, onetime.ErrThrottled) // or whoever signs up and erases floods an inbox
		after := b.Record(t, b.Only(t))
		scope := rig.Challenge(m, rig.Alice, "a browser").Scope()
		for field, value := range after {
			switch {
			case rig.LimitField.MatchString(field), field == "f":
				require.Equal(t, before[field], value, field)
			case rig.IsSlot(field):
				require.Len(t, value, 21, "the id of what ended")
			default:
				require.Contains(t, []string{"r"}, field)
			}
		}
		require.NotContains(t, after, scope+"u")
		require.Equal(t, 1, rig.MustStatus(t, m, rig.Alice).Failures)
		require.NoError(t, m.Erase(ctx, rig.Alice), "again")
		require.NoError(t, m.Erase(ctx, "nobody@example.com"))
	})
}

func TestEraseAll_GoesOnAfterAnError(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	m, err := onetime.New(client, onetimetest.Key)
	require.NoError(t, err)
	reset, err := m.Purpose("reset")
	require.NoError(t, err)
	down := errors.New("down")
	broken, err := onetime.New(rig.Teller{Answer: func([]any) (any, error) { return nil, down }}, onetimetest.Key)
	require.NoError(t, err)
	one, two := rig.MustToken(t, m), rig.MustToken(t, reset)
	err = onetime.EraseAll(t.Context(), rig.Alice, broken, m, reset)
	require.ErrorIs(t, err, down)
	rig.Refused(t, rig.VerifyToken(t, m, one.Value), onetime.ErrNotFound)
	rig.Refused(t, rig.VerifyToken(t, reset, two.Value), onetime.ErrNotFound)
	require.NoError(t, onetime.EraseAll(t.Context(), rig.Alice))
}

// Support finds a person's events by the pseudonym, and a log shows nobody.
func TestPseudonym_StandsInEventsWhereverThePersonIsKnown(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	var events []onetime.Event
	m, err := onetime.New(client, onetimetest.Key, onetime.WithSendLimits(),
		onetime.WithObserver(func(_ context.Context, e onetime.Event) { events = append(events, e) }))
	require.NoError(t, err)
	ctx := t.Context()
	alice, err := m.Pseudonym(" Alice@Example.com")
	require.NoError(t, err)
	require.Regexp(t, `^[A-Za-z0-9_-]{11}$`, alice)
	_, err = m.Pseudonym("")
	require.ErrorIs(t, err, onetime.ErrInvalid)
	who := func(want string) {
		t.Helper()
		require.Len(t, events, 1)
		require.Equal(t, want, events[0].Who, events[0].Op)
		events = nil
	}
	otp := rig.MustOTP(t, m)
	who(alice)
	require.Error(t, rig.VerifyOTP(t, m, "x"))
	who(alice)
	require.Error(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]))
	who(alice)
	token := rig.MustToken(t, m)
	who(alice)
	require.ErrorIs(t, rig.VerifyToken(t, m, token.Value, onetime.WithSubject("bob@example.com")), onetime.ErrSubject)
	who(alice)
	require.ErrorIs(t, rig.VerifyToken(t, m, token.Value[1:]+"A"), onetime.ErrDenied)
	who("")
	v, err := m.VerifyToken(ctx, token.Value)
	require.NoError(t, err)
	who(alice)
	require.NoError(t, v.Undo(ctx))
	who(alice)
	require.NoError(t, m.UndoTicket(ctx, v.UndoTicket()))
	who(alice)
	require.NoError(t, m.Revoke(ctx, rig.Alice))
	who(alice)
	require.Error(t, m.Revoke(ctx, ""))
	who("")
	require.NoError(t, m.Check(ctx))
	who("")
}

func TestObserver_APanicIsNoAnswer(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithObserver(func(context.Context, onetime.Event) { panic("of the observer") }))
	otp := rig.MustOTP(t, m)
	v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code)
	require.NoError(t, err)
	require.NoError(t, v.Undo(t.Context()))
	require.NoError(t, m.Revoke(t.Context(), rig.Alice))
	require.ErrorIs(t, m.Cancel(t.Context(), rig.Alice, "x"), onetime.ErrInvalid)
	require.NoError(t, m.Check(t.Context()))
	_, err = m.Status(t.Context(), rig.Alice)
	require.NoError(t, err)
}
