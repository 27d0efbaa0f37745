package onetime_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func TestLifecycle(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits())
		before := b.Raw.Time(ctx).Val().Add(-time.Millisecond)

		otp := rig.MustOTP(t, m, onetime.WithPayload([]byte("payload")))
		require.Len(t, otp.Code, 6)
		require.Equal(t, 5*time.Minute, otp.ExpiresIn)
		v, err := m.VerifyOTP(ctx, " Alice@Example.COM", otp.Code)
		require.NoError(t, err)
		require.Equal(t, rig.Alice, v.Subject)
		require.Equal(t, "default", v.Purpose)
		require.Equal(t, otp.ID, v.ID)
		require.Equal(t, "payload", string(v.Payload))
		require.False(t, v.IssuedAt.Before(before))
		require.False(t, v.FixedCode)
		rig.Refused(t, rig.VerifyOTP(t, m, otp.Code), onetime.ErrUsed)

		token := rig.MustToken(t, m)
		require.Equal(t, 10*time.Minute, token.ExpiresIn)
		for range 3 {
			v, err = m.InspectToken(ctx, token.Value)
			require.NoError(t, err)
			require.Equal(t, token.ID, v.ID)
		}
		v, err = m.VerifyToken(ctx, token.Value)
		require.NoError(t, err)
		require.Equal(t, rig.Alice, v.Subject)
		require.Nil(t, v.Payload)
		rig.Refused(t, rig.VerifyToken(t, m, token.Value), onetime.ErrUsed)
		_, err = m.InspectToken(ctx, token.Value)
		rig.Refused(t, err, onetime.ErrUsed)

		link := rig.MustLink(t, m, onetime.WithPayload([]byte("payload")))
		require.Equal(t, "https://example.com/in?token="+link.Token, link.URL)
		require.Equal(t, 10*time.Minute, link.ExpiresIn)
		require.Equal(t, 5*time.Minute, link.CodeExpiresIn)
		v, err = m.VerifyToken(ctx, link.Token)
		require.NoError(t, err)
		require.Equal(t, "payload", string(v.Payload))
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrUsed)
	})
}

func TestPurpose_SecretsOfOneNeverVerifyForAnother(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		other, err := m.Purpose("password-reset")
		require.NoError(t, err)
		link := rig.MustLink(t, m)
		rig.Refused(t, rig.VerifyOTP(t, other, link.Code), onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyToken(t, other, link.Token), onetime.ErrMismatch)
		rig.MustLink(t, other) // has send limits of its own
		rig.Refused(t, rig.VerifyToken(t, other, link.Token), onetime.ErrMismatch)
		require.NoError(t, rig.VerifyToken(t, m, link.Token))
	})
}

func TestSecrets_ExpireByTheirOwnTime(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		link := rig.MustLink(t, m)
		b.Advance(t, 5*time.Minute-time.Second)
		left := rig.MustStatus(t, m, rig.Alice).Pending
		require.Len(t, left, 1)
		require.True(t, left[0].Code && left[0].Token)
		b.Advance(t, time.Second)
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrNotFound) // the code
		_, err := m.InspectToken(t.Context(), link.Token)
		require.NoError(t, err)
		left = rig.MustStatus(t, m, rig.Alice).Pending
		require.True(t, !left[0].Code && left[0].Token)
		b.Advance(t, 5*time.Minute)
		rig.Refused(t, rig.VerifyToken(t, m, link.Token), onetime.ErrNotFound)
		require.Empty(t, rig.MustStatus(t, m, rig.Alice).Pending)

		// A wrong code where nothing is outstanding is not counted.
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(link.Code, 1)[0]), onetime.ErrNotFound)
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Failures)

		b.Advance(t, time.Hour)
		short := rig.MustLink(t, m, onetime.WithTTL(20*time.Second))
		require.Equal(t, 20*time.Second, short.ExpiresIn)
		require.Equal(t, 20*time.Second, short.CodeExpiresIn)
		b.Advance(t, 20*time.Second)
		rig.Refused(t, rig.VerifyToken(t, m, short.Token), onetime.ErrNotFound)
	})
}

func TestUndo(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		use := func(link onetime.Link) onetime.Verification {
			t.Helper()
			v, err := m.VerifyToken(ctx, link.Token)
			require.NoError(t, err)
			return v
		}
		link := rig.MustLink(t, m)
		v := use(link)
		require.NoError(t, v.Undo(ctx))
		require.NoError(t, v.Undo(ctx), "what shall hold holds")
		w := use(link)
		require.ErrorIs(t, v.Undo(ctx), onetime.ErrUsed, "another call has used it since")
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrUsed)
		require.NoError(t, w.Undo(ctx))
		require.NoError(t, v.Undo(ctx), "still live")
		v, err := m.VerifyOTP(ctx, rig.Alice, link.Code)
		require.NoError(t, err)
		require.NoError(t, v.Undo(ctx))

		// Of a link, the token is live longer than the code.
		v, err = m.VerifyOTP(ctx, rig.Alice, link.Code)
		require.NoError(t, err)
		b.Advance(t, 6*time.Minute)
		require.NoError(t, v.Undo(ctx))
		v = use(link)
		b.Advance(t, 5*time.Minute)
		rig.Refused(t, v.Undo(ctx), onetime.ErrNotFound)

		for name, end := range map[string]func(onetime.Link){
			"revoked":   func(onetime.Link) { require.NoError(t, m.Revoke(ctx, rig.Alice)) },
			"cancelled": func(l onetime.Link) { require.NoError(t, m.Cancel(ctx, rig.Alice, l.ID)) },
			"replaced":  func(onetime.Link) { rig.MustOTP(t, m) },
		} {
			link := rig.MustLink(t, m)
			v := use(link)
			end(link)
			rig.Refused(t, v.Undo(ctx), onetime.ErrNotFound)
			rig.Refused(t, rig.VerifyToken(t, m, link.Token), onetime.ErrNotFound)
			require.Error(t, rig.VerifyOTP(t, m, link.Code), name)
		}

		inspected, err := m.InspectToken(ctx, rig.MustLink(t, m).Token)
		require.NoError(t, err)
		require.ErrorIs(t, inspected.Undo(ctx), onetime.ErrInvalid)
		require.ErrorIs(t, onetime.Verification{}.Undo(ctx), onetime.ErrInvalid)
		require.ErrorIs(t, onetime.Verification{Subject: rig.Alice, ID: link.ID}.Undo(ctx), onetime.ErrInvalid)
	})
}

func TestUndo_ReturnsNoAttemptsGuessesOrFailures(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		link := rig.MustLink(t, m)
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(link.Code, 1)[0]), onetime.ErrMismatch)
		v, err := m.VerifyToken(t.Context(), link.Token)
		require.NoError(t, err)
		limits := b.Record(t, b.Only(t))
		require.NoError(t, v.Undo(t.Context()))
		require.Equal(t, 4, rig.MustStatus(t, m, rig.Alice).Pending[0].AttemptsLeft)
		after := b.Record(t, b.Only(t))
		require.Equal(t, "x"+strings.Repeat("\x00", 30)+limits["u"][19:31], after["u"], "the undone call is known, and nothing else of the use")
		delete(limits, "u")
		delete(after, "u")
		require.Equal(t, limits, after)
	})
}

// verified verifies a code, a token or that of a link, whichever is set.
func verified(t *testing.T, m *onetime.Manager, code, token string, opts ...onetime.VerifyOption) onetime.Verification {
	t.Helper()
	var v onetime.Verification
	var err error
	if code != "" {
		v, err = m.VerifyOTP(t.Context(), rig.Alice, code, opts...)
	} else {
		v, err = m.VerifyToken(t.Context(), token, opts...)
	}
	require.NoError(t, err)
	return v
}

func TestVerification_KindAndUsed(t *testing.T) {
	m, clock := onetimetest.New(t, onetime.WithSendLimits(), onetime.WithLinkBase("https://example.com/in"))
	otp := verified(t, m, rig.MustOTP(t, m).Code, "")
	require.Equal(t, onetime.KindOTP, otp.Kind)
	token := rig.MustToken(t, m)
	inspected, err := m.InspectToken(t.Context(), token.Value)
	require.NoError(t, err)
	require.Equal(t, onetime.KindToken, inspected.Kind)
	used := verified(t, m, "", token.Value)
	require.Equal(t, onetime.KindToken, used.Kind)
	link := rig.MustLink(t, m)
	linked := verified(t, m, "", link.Token)
	require.Equal(t, onetime.KindToken, linked.Kind)
	require.NoError(t, linked.Undo(t.Context()))
	byCode := verified(t, m, link.Code, "")
	require.Equal(t, onetime.KindOTP, byCode.Kind, "the code of a link")
	require.Equal(t, []string{"otp", "token"}, []string{onetime.KindOTP, onetime.KindToken}, "programs may have stored them")

	calls := map[string]bool{}
	for _, v := range []onetime.Verification{otp, used, linked, byCode} {
		require.True(t, v.Used())
		require.Regexp(t, `^[A-Za-z0-9_-]{16}$`, v.Call())
		require.False(t, calls[v.Call()], "each use has its own name")
		require.NotEqual(t, v.ID, v.Call())
		calls[v.Call()] = true
		require.NotEmpty(t, v.UndoTicket())
		require.Equal(t, clock.Now(), v.UsedAt())
	}
	for name, v := range map[string]onetime.Verification{
		"InspectToken's": inspected, "zero": {},
		"a literal": {Subject: rig.Alice, Purpose: "default", ID: used.ID, Kind: onetime.KindToken, IssuedAt: used.IssuedAt},
	} {
		require.False(t, v.Used(), name)
		require.Empty(t, v.Call(), name)
		require.Nil(t, v.UndoTicket(), name)
		require.Zero(t, v.UsedAt(), name)
		require.ErrorIs(t, v.Undo(t.Context()), onetime.ErrInvalid, name)
	}
}

// A twice loses the first reply to each script and sends it again, as clients do.
type twice struct {
	redis.Scripter
	calls int
	args  []any
}

func (s *twice) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	s.Scripter.EvalSha(ctx, sha, keys, args...)
	s.calls, s.args = s.calls+2, args
	return s.Scripter.EvalSha(ctx, sha, keys, args...)
}

func TestVerification_CallIsTheSameForARepeatAndAnotherAfterAnUndo(t *testing.T) {
	client, clock := onetimetest.NewRedis(t)
	wire := &twice{Scripter: client}
	m, err := onetime.New(wire, onetimetest.Key, clock.Option(), onetime.WithSendLimits(), onetime.WithLinkBase("https://example.com/in"))
	require.NoError(t, err)
	link := rig.MustLink(t, m)
	calls := map[string]bool{}
	for _, code := range []string{link.Code, "", link.Code, ""} {
		wire.calls = 0
		v := verified(t, m, code, link.Token)
		require.GreaterOrEqual(t, wire.calls, 2, "the second reply came to a repeat")
		state := client.HGet(t.Context(), client.Keys(t.Context(), "*").Val()[0], "u").Val()
		require.Len(t, state, 43)
		require.Equal(t, decode(t, v.Call()), state[19:31], "Redis knows the use by this name")
		require.Equal(t, decode(t, v.Call()), wire.args[0])
		require.False(t, calls[v.Call()])
		calls[v.Call()] = true
		require.NoError(t, v.Undo(t.Context()))
	}
}

const errTicket = "onetime: UndoTicket: want what Verification.UndoTicket returned, of this purpose and these keys"

func TestUndoTicket_IsTheUndoOfAnotherProcess(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m, other := b.Manager(t, onetime.WithSendLimits()), b.Manager(t, onetime.WithPrefix("onetime:v1"))
		binding := onetime.WithBinding("a browser")
		for _, opts := range [][]onetime.CallOption{nil, {binding}} {
			var issue []onetime.IssueOption
			var verify []onetime.VerifyOption
			for _, o := range opts {
				issue, verify = append(issue, o), append(verify, o)
			}
			link := rig.MustLink(t, m, issue...)
			v := verified(t, m, link.Code, "", verify...)
			ticket := v.UndoTicket()
			rig.Refused(t, rig.VerifyToken(t, m, link.Token, verify...), onetime.ErrUsed)
			require.NoError(t, other.UndoTicket(ctx, ticket))
			require.NoError(t, other.UndoTicket(ctx, ticket), "it may be repeated")
			require.NoError(t, v.Undo(ctx), "as if it were one and the same")

			w := verified(t, other, "", link.Token, verify...)
			rig.Refused(t, m.UndoTicket(ctx, ticket), onetime.ErrUsed)
			require.NoError(t, m.UndoTicket(ctx, w.UndoTicket()))
			require.NoError(t, m.UndoTicket(ctx, ticket), "still live")

			v = verified(t, m, link.Code, "", verify...)
			rig.MustOTP(t, m, issue...)
			rig.Refused(t, m.UndoTicket(ctx, v.UndoTicket()), onetime.ErrNotFound)
			rig.Refused(t, rig.VerifyToken(t, m, link.Token, verify...), onetime.ErrNotFound)
		}
	})
}

func TestUndoTicket_WorksAfterAKeyRotation(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	one, two, naming := rig.Key('o', 32), rig.Key('n', 32), onetime.WithNamingKey(rig.Key('o', 32))
	before, err := onetime.New(client, one, naming, onetime.WithPreviousKeys(two))
	require.NoError(t, err)
	after, err := onetime.New(client, two, naming, onetime.WithPreviousKeys(one))
	require.NoError(t, err)
	late, err := onetime.New(client, two, naming)
	require.NoError(t, err)
	otp := rig.MustOTP(t, before)
	v := verified(t, before, otp.Code, "")
	rig.Invalid(t, late.UndoTicket(t.Context(), v.UndoTicket()), errTicket)
	require.NoError(t, after.UndoTicket(t.Context(), v.UndoTicket()))
	w := verified(t, after, otp.Code, "")
	require.NoError(t, before.UndoTicket(t.Context(), w.UndoTicket()), "during a rotation either knows both keys")
	verified(t, before, otp.Code, "")
}

func TestUndoTicket_NothingAlteredOrMovedIsTaken(t *testing.T) {
	m, _ := onetimetest.New(t)
	token, err := m.IssueToken(t.Context(), "bob@example.com")
	require.NoError(t, err)
	ticket := verified(t, m, rig.MustOTP(t, m).Code, "").UndoTicket()
	shut := func(m *onetime.Manager, ticket []byte) {
		t.Helper()
		rig.Invalid(t, m.UndoTicket(t.Context(), ticket), errTicket)
	}
	same := rig.Offline(t) // the same keys and purpose, on a Redis that must not be asked
	login, err := same.Purpose("login")
	require.NoError(t, err)
	shut(login, ticket)
	for _, opts := range [][]onetime.Option{nil, {onetime.WithNamingKey(onetimetest.Key)}} {
		strange, err := onetime.New(rig.Untouched{T: t}, rig.Key('x', 32), opts...)
		require.NoError(t, err)
		shut(strange, ticket)
	}
	for i := range ticket {
		for bit := range 8 {
			altered := bytes.Clone(ticket)
			altered[i] ^= 1 << bit
			shut(same, altered)
		}
		shut(same, ticket[:i])
		shut(same, ticket[i:][1:])
	}
	shut(same, append(bytes.Clone(ticket), 0))
	shut(same, nil)

	// Nothing else that these keys seal is a ticket.
	tag := rig.Challenge(same, rig.Alice, "")
	shut(same, []byte(rig.Seal(same, 0, tag, "twelve bytes", rig.Alice, make([]byte, 29))))
	shut(same, []byte(token.Value))
	require.NoError(t, m.UndoTicket(t.Context(), ticket))
}

func TestUndoTicket_NamesNobody(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithSendLimits())
	sizes := map[int]bool{}
	for _, subject := range []string{rig.Alice, "b", strings.Repeat("somebody with a long name ", 10)} {
		otp, err := m.IssueOTP(t.Context(), subject, onetime.WithPayload([]byte(strings.Repeat("payload", len(subject)))))
		require.NoError(t, err)
		v, err := m.VerifyOTP(t.Context(), subject, otp.Code)
		require.NoError(t, err)
		one, two := v.UndoTicket(), v.UndoTicket()
		require.NotEqual(t, one, two, "two of one use cannot be told from two of two")
		for _, ticket := range [][]byte{one, two} {
			sizes[len(ticket)] = true
			if len(subject) > 1 {
				require.NotContains(t, string(ticket), subject)
			}
			require.NotContains(t, string(ticket), rig.Tag(m, v.Subject))
			require.NotContains(t, string(ticket), decode(t, v.ID))
			require.NotContains(t, string(ticket), decode(t, v.Call()))
		}
	}
	require.Len(t, sizes, 1, "its size tells nothing")
}

func TestCore_MakesAVerification(t *testing.T) {
	m, _ := onetimetest.New(t)
	inside := core.Of(m)
	undone, issued := 0, time.UnixMilli(1_700_000_000_000)
	proof := core.Proof{
		Subject: rig.Alice, Kind: "totp", Issue: "twelve bytes", Call: "another call", Payload: []byte("payload"), IssuedAt: issued, FixedCode: true,
		Undo:   func(context.Context) error { undone++; return onetime.ErrUsed },
		Ticket: func() []byte { return []byte("ticket") },
	}
	v, ok := inside.Verification(proof).(onetime.Verification)
	require.True(t, ok)
	require.True(t, v.Used())
	require.Equal(t, "twelve bytes", decode(t, v.ID))
	require.Equal(t, "another call", decode(t, v.Call()))
	require.Equal(t, []any{rig.Alice, "default", "totp", "payload", issued, true}, []any{v.Subject, v.Purpose, v.Kind, string(v.Payload), v.IssuedAt, v.FixedCode})
	require.Equal(t, "ticket", string(v.UndoTicket()))
	require.ErrorIs(t, v.Undo(t.Context()), onetime.ErrUsed)
	require.Equal(t, 1, undone)

	proof.Call = ""
	v = inside.Verification(proof).(onetime.Verification)
	require.False(t, v.Used())
	require.Nil(t, v.UndoTicket(), "whatever the proof says")
}

func TestCancel_EndsOneIssueAndOnlyThat(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(3), onetime.WithAlphabet(onetime.Crockford32))
		bound := onetime.WithBinding("a browser")
		first, second, other := rig.MustLink(t, m, onetime.WithPayload([]byte("payload"))), rig.MustLink(t, m), rig.MustOTP(t, m, bound)
		require.NoError(t, m.Cancel(ctx, rig.Alice, first.ID))
		require.NoError(t, m.Cancel(ctx, rig.Alice, other.ID), "whatever its binding")
		rig.Refused(t, rig.VerifyToken(t, m, first.Token), onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyOTP(t, m, first.Code), onetime.ErrMismatch)
		rig.Refused(t, rig.VerifyOTP(t, m, other.Code, bound), onetime.ErrNotFound)
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 1)
		before := b.Record(t, b.Only(t))
		require.Equal(t, decode(t, first.ID), before["2"][:12], "the id stays in its slot")
		require.Len(t, before["2"], 21)
		require.NotContains(t, before, "a1", "the sealed parts go")
		require.NotContains(t, before, "r", "it is no revocation")
		for _, id := range []string{first.ID, other.ID, "AAAAAAAAAAAAAAAA"} {
			require.NoError(t, m.Cancel(ctx, rig.Alice, id))
			require.Equal(t, before, b.Record(t, b.Only(t)), "what is unknown or ended changes nothing")
		}
		require.NoError(t, rig.VerifyOTP(t, m, second.Code))
		for _, id := range []string{"", "short", first.ID + "A", "AAAAAAAAAAAAAAA=", first.ID[:3] + "\n" + first.ID[3:]} {
			require.ErrorIs(t, m.Cancel(ctx, rig.Alice, id), onetime.ErrInvalid)
		}
	})
}

func TestRevoke_EndsAllThatWasIssuedBefore(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		bound := onetime.WithBinding("a browser")
		first, second, token := rig.MustLink(t, m), rig.MustLink(t, m), rig.MustToken(t, m, bound)
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(second.Code, 3)[2]), onetime.ErrMismatch)
		require.NoError(t, m.Revoke(ctx, rig.Alice))
		rig.Refused(t, rig.VerifyToken(t, m, first.Token), onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyOTP(t, m, second.Code), onetime.ErrNotFound)
		rig.Refused(t, rig.VerifyToken(t, m, token.Value, bound), onetime.ErrNotFound)
		require.Empty(t, rig.MustStatus(t, m, rig.Alice).Pending)
		require.Equal(t, 1, rig.MustStatus(t, m, rig.Alice).Failures, "what was counted stays")
		before := b.Record(t, b.Only(t))
		require.NoError(t, m.Revoke(ctx, rig.Alice))
		after := b.Record(t, b.Only(t))
		require.NotEqual(t, before["r"], after["r"])
		before["r"] = after["r"]
		require.Equal(t, before, after, "what is ended is written again, and nothing else")

		// By order and not by clock: what is issued after it lives, even if the clock steps back.
		b.Advance(t, -5*time.Second)
		require.NoError(t, rig.VerifyOTP(t, m, rig.MustOTP(t, m).Code))
		otp := rig.MustOTP(t, m)
		b.Advance(t, 5*time.Minute)
		require.NoError(t, m.Revoke(ctx, rig.Alice)) // expired by now, and stays ended
		b.Advance(t, -time.Minute)
		require.Error(t, rig.VerifyOTP(t, m, otp.Code))
	})
}

func TestStatusAndUnlock_OfNothing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		require.Equal(t, onetime.Status{}, rig.MustStatus(t, m, rig.Alice))
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		rig.MustToken(t, m)
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		before := b.Record(t, b.Only(t))
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		require.Equal(t, before, b.Record(t, b.Only(t)))
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 1)
	})
}

func TestBinding_HasAChallengeOfItsOwn(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithAlphabet(onetime.Crockford32))
		one, two := onetime.WithBinding("one browser"), onetime.WithBinding("another browser")
		unbound, first, second := rig.MustLink(t, m), rig.MustLink(t, m, one), rig.MustLink(t, m, two)
		rig.Refused(t, rig.VerifyOTP(t, m, first.Code), onetime.ErrMismatch) // wrong for the unbound challenge
		require.NoError(t, rig.VerifyOTP(t, m, first.Code, one))
		rig.Refused(t, rig.VerifyToken(t, m, second.Token), onetime.ErrBinding)
		rig.Refused(t, rig.VerifyToken(t, m, second.Token, one), onetime.ErrBinding)
		rig.Refused(t, rig.VerifyToken(t, m, unbound.Token, one), onetime.ErrBinding)
		require.NoError(t, rig.VerifyToken(t, m, second.Token, onetime.IgnoreBinding()))
		require.NoError(t, rig.VerifyToken(t, m, unbound.Token))
		rig.Refused(t, rig.VerifyOTP(t, m, "000000", onetime.WithBinding("a third")), onetime.ErrNotFound)
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Failures)
		for _, p := range rig.MustStatus(t, m, rig.Alice).Pending {
			require.Equal(t, p.ID != unbound.ID, p.Bound)
			require.True(t, p.Used)
		}
	})
}

func TestCheck(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		require.NoError(t, b.Manager(t).Check(t.Context()))
		require.Empty(t, b.Records(t), "it writes nothing")
	})
}

func TestCheck_TellsWhatIsWrong(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t)
		set := func(name, value string) {
			old := b.Raw.ConfigGet(ctx, name).Val()[name]
			require.NoError(t, b.Raw.ConfigSet(ctx, name, value).Err())
			t.Cleanup(func() { require.NoError(t, b.Raw.ConfigSet(context.Background(), name, old).Err()) })
		}
		set("maxmemory-policy", "allkeys-lru")
		require.NoError(t, m.Check(ctx), "without maxmemory nothing is evicted")
		set("maxmemory", "1000000000")
		require.ErrorContains(t, m.Check(ctx), "allkeys-lru: want noeviction")
		require.NoError(t, b.Raw.ConfigSet(ctx, "maxmemory-policy", "noeviction").Err())
		require.NoError(t, m.Check(ctx))

		deaf := redis.NewClient(&redis.Options{Addr: b.Raw.Options().Addr})
		defer deaf.Close()
		m, err := onetime.New(deaf, onetimetest.Key)
		require.NoError(t, err)
		require.ErrorContains(t, m.Check(ctx), "ContextTimeoutEnabled")

		gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, ContextTimeoutEnabled: true})
		defer gone.Close()
		m, err = onetime.New(gone, onetimetest.Key)
		require.NoError(t, err)
		rig.Undecided(t, m.Check(ctx))
	})
}

func decode(t *testing.T, id string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(id)
	require.NoError(t, err)
	return string(raw)
}
