package suite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	miniserver "github.com/alicebob/miniredis/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// What `make mutate` found untested: edges of a millisecond, which only a clock that stands still can show.

var noon = time.UnixMilli(1800000000000)

func TestRecord_LivesExactly400DaysWhileDisabled(t *testing.T) {
	const disabled = 400 * 24 * time.Hour
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithMaxAttempts(16), rig.ManyGuesses, onetime.WithSendLimits())
	otp := rig.MustOTP(t, m)
	require.NoError(t, b.Raw.HSet(t.Context(), b.Only(t), "f", 83).Err())
	codes := rig.WrongCodes(otp.Code, 2)
	rig.Refused(t, rig.VerifyOTP(t, m, codes[0]), onetime.ErrMismatch)
	require.Equal(t, 10*time.Minute, b.Raw.PTTL(t.Context(), b.Only(t)).Val())
	rig.Refused(t, rig.VerifyOTP(t, m, codes[1]), onetime.ErrMismatch)
	require.Equal(t, disabled, b.Raw.PTTL(t.Context(), b.Only(t)).Val())

	b.Advance(t, time.Hour)
	rig.MustToken(t, m)
	require.Equal(t, disabled, b.Raw.PTTL(t.Context(), b.Only(t)).Val(), "from the last issue on")
	require.NoError(t, b.Raw.Persist(t.Context(), b.Only(t)).Err())
	require.NoError(t, rig.VerifyToken(t, m, rig.MustToken(t, m).Value))
	require.Equal(t, disabled, b.Raw.PTTL(t.Context(), b.Only(t)).Val(), "of a record that somebody made immortal, too")
}

func TestSecrets_IssuedMoreThan10SecondsAheadAreDead(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t)
	link := rig.MustLink(t, m)
	inspect := func() error { _, err := m.InspectToken(t.Context(), link.Token); return err }
	b.Advance(t, -10*time.Second)
	require.NoError(t, inspect())
	b.Advance(t, -time.Millisecond)
	rig.Refused(t, inspect(), onetime.ErrNotFound)
	require.Empty(t, rig.MustStatus(t, m, rig.Alice).Pending)
}

func TestSecrets_EndAtTheMillisecond(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithSendLimits())
	link := rig.MustLink(t, m)
	b.Advance(t, 5*time.Minute-time.Millisecond)
	pending := rig.MustStatus(t, m, rig.Alice).Pending
	require.True(t, pending[0].Code)
	v, err := m.VerifyOTP(t.Context(), rig.Alice, link.Code)
	require.NoError(t, err)
	require.NoError(t, v.Undo(t.Context()))
	b.Advance(t, time.Millisecond)
	rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrNotFound)
	pending = rig.MustStatus(t, m, rig.Alice).Pending
	require.False(t, pending[0].Code)
	require.Equal(t, 5*time.Minute, pending[0].ExpiresIn)
	b.Advance(t, 5*time.Minute-time.Millisecond)
	require.Equal(t, time.Millisecond, rig.MustStatus(t, m, rig.Alice).Pending[0].ExpiresIn)
	v, err = m.VerifyToken(t.Context(), link.Token)
	require.NoError(t, err)
	require.NoError(t, v.Undo(t.Context()))
	b.Advance(t, time.Millisecond)
	rig.Refused(t, rig.VerifyToken(t, m, link.Token), onetime.ErrNotFound)
}

func TestClock_IsInWholeMilliseconds(t *testing.T) {
	for _, ms := range []int64{0, 1, 499, 998, 999} {
		now := noon.Add(time.Duration(ms)*time.Millisecond + 999*time.Microsecond)
		b := rig.NewMini(t, now)
		m := b.Manager(t)
		rig.MustOTP(t, m)
		require.Equal(t, noon.UnixMilli()+ms, rig.MustStatus(t, m, rig.Alice).Pending[0].IssuedAt.UnixMilli())
	}
}

func TestRecord_NumbersHaveUpTo15Digits(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t)
	rig.MustOTP(t, m)
	for digits, damaged := range map[int]bool{15: false, 16: true} {
		require.NoError(t, b.Raw.HSet(t.Context(), b.Only(t), "f", strings.Repeat("9", digits)).Err())
		status, err := m.Status(t.Context(), rig.Alice)
		if damaged {
			rig.Undecided(t, err)
			require.ErrorContains(t, err, "onetime: damaged record: number")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 999999999999999, status.Failures)
	}
}

func TestIssue_KeepsFiveOfSix(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(5))
	payload := func(i int) string { return strings.Repeat(fmt.Sprint(i%10), 1+i%3*70) }
	var links []onetime.Link
	for i := range 12 {
		b.Advance(t, time.Second)
		links = append(links, rig.MustLink(t, m, onetime.WithPayload([]byte(payload(i)))))
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, min(i+1, 5))
		for j, link := range links {
			v, err := m.InspectToken(t.Context(), link.Token)
			if j+5 <= i {
				rig.Refused(t, err, onetime.ErrNotFound)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, payload(j), string(v.Payload))
		}
		record := b.Record(t, b.Only(t))
		fields := 0
		for field, slot := range record {
			if rig.IsSlot(field) {
				fields += 1 + int(slot[20]-'0') // with its pieces
			}
		}
		if i >= 5 {
			require.Len(t, record["e"], 8*min(i-4, 8), "the ids of what is gone, and")
			fields++
		}
		require.Len(t, record, fields, "nothing of those that are gone is left")
	}
	for _, link := range links[7:] { // the code of each, too
		v, err := m.VerifyOTP(t.Context(), rig.Alice, link.Code)
		require.NoError(t, err)
		require.NoError(t, v.Undo(t.Context()))
	}
}

func TestRule6_RepeatAfterTheSecretExpiredIsASuccess(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		client := &lossy{Scripter: b.Client}
		m, err := onetime.New(client, onetimetest.Key, onetime.WithTokenTTL(5*time.Minute), onetime.WithLinkBase("https://example.com/in"))
		require.NoError(t, err)
		link := rig.MustLink(t, m)
		client.before = func() { b.Advance(t, 5*time.Minute) }
		v, err := m.VerifyOTP(t.Context(), rig.Alice, link.Code)
		require.NoError(t, err)
		require.Equal(t, link.ID, v.ID)
		client.before = nil
		rig.Refused(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrNotFound)
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		token := rig.MustToken(t, m)
		client.before = func() { b.Advance(t, 5*time.Minute) }
		require.NoError(t, rig.VerifyToken(t, m, token.Value))
	})
}

func TestVerify_EmptySealedPartUsesNothingUp(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		link := rig.MustLink(t, m, onetime.WithPayload(make([]byte, 100)))
		key := b.Only(t)
		for field, value := range b.Record(t, key) {
			if rig.IsSlot(field) || rig.LimitField.MatchString(field) {
				continue
			}
			require.NoError(t, b.Raw.HSet(t.Context(), key, field, "").Err())
			before := b.Record(t, key)
			verify := func() error { return rig.VerifyToken(t, m, link.Token) }
			if field[1] == 'c' {
				verify = func() error { return rig.VerifyOTP(t, m, link.Code) }
			}
			err := verify()
			rig.Undecided(t, err)
			require.ErrorContains(t, err, "onetime: damaged record: sealed part")
			require.Equal(t, before, b.Record(t, key))
			require.NoError(t, b.Raw.HSet(t.Context(), key, field, value).Err())
		}
		require.NoError(t, rig.VerifyOTP(t, m, link.Code))
	})
}

func TestVerify_ASuccessWritesNoMoreThanTheUse(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		otp := rig.MustOTP(t, m)
		want := b.Record(t, b.Only(t))
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
		got := b.Record(t, b.Only(t))
		require.Regexp(t, "^u", got["u"])
		want["u"] = got["u"]
		require.Equal(t, want, got)
	})
}

func TestIssue_KeepsWhatHas2MillisecondsLeft(t *testing.T) {
	for _, left := range []time.Duration{1, 2, 3} {
		b := rig.NewMini(t, noon)
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		old := rig.MustToken(t, m)
		b.Advance(t, 10*time.Minute-left*time.Millisecond)
		rig.MustToken(t, m)
		require.NoError(t, rig.VerifyToken(t, m, old.Value))
	}
}

func TestIssue_KeepsWhatIsInAnImmortalRecord(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
	old := rig.MustToken(t, m)
	require.NoError(t, b.Raw.Persist(t.Context(), b.Only(t)).Err())
	rig.MustToken(t, m)
	require.NoError(t, rig.VerifyToken(t, m, old.Value))
}

func TestIssue_DropsWhatEndsNow(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(3))
	rig.MustLink(t, m, onetime.WithPayload(make([]byte, 100)))
	b.Advance(t, 5*time.Minute-time.Millisecond)
	rig.MustToken(t, m)
	require.Len(t, b.Record(t, b.Only(t))["2"], 21+2*21)
	b.Advance(t, time.Millisecond)
	rig.MustToken(t, m)
	require.Len(t, b.Record(t, b.Only(t))["3"], 21+21, "the token, which lives longer than the code")
	require.Contains(t, b.Record(t, b.Only(t)), "a1", "what both have sealed")
}

// onBoth runs a test on a miniredis whose clock stands still and on a real Redis.
func onBoth(t *testing.T, test func(t *testing.T, b *rig.Backend)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) { test(t, rig.NewMini(t, noon)) })
	t.Run("redis", func(t *testing.T) { rig.OnRedis(t, test) })
}

func TestScripts_SendNoMoreCommandsThanTheyNeed(t *testing.T) {
	onBoth(t, func(t *testing.T, b *rig.Backend) {
		payload := onetime.WithPayload(make([]byte, 100))
		// Each send lengthens the record's life, by hours, and a wrong code does not.
		sends := onetime.WithSendLimits(onetime.Limit{Burst: 50, Per: 30 * 24 * time.Hour})
		m := b.Manager(t, sends, onetime.WithGuessLimits(onetime.Limit{Burst: 50, Per: time.Hour}))
		var link onetime.Link
		issue := func() { link = rig.MustLink(t, m, payload) }
		require.Equal(t, map[string]int{"hset": 1, "pexpireat": 1}, rig.RecordCommands(t, b, issue), "a new record is not read")
		resend := map[string]int{"hdel": 1, "hlen": 1, "hmget": 1, "hset": 1, "pexpireat": 1}
		require.Equal(t, resend, rig.RecordCommands(t, b, issue), "HDEL for the pieces of the one before")
		require.Equal(t, map[string]int{"hmget": 1, "hset": 1}, rig.RecordCommands(t, b, func() { rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(link.Code, 1)[0]), onetime.ErrMismatch) }))
		require.Equal(t, map[string]int{"hmget": 2, "hset": 1}, rig.RecordCommands(t, b, func() { require.NoError(t, rig.VerifyOTP(t, m, link.Code)) }), "one more for the sealed part")

		// A failure, marks, a use, a guess limit: all of it is known without a survey.
		require.Equal(t, resend, rig.RecordCommands(t, b, issue))
		require.NoError(t, m.Revoke(t.Context(), rig.Alice))
		delete(resend, "hdel")
		require.Equal(t, resend, rig.RecordCommands(t, b, issue), "an ended issue, and the mark of the revoke")

		another := rig.RecordCommands(t, b, func() { rig.MustOTP(t, m, inUsed) })
		require.NotContains(t, another, "hdel", "a challenge more, and nothing to drop")
		require.Equal(t, 1, another["hkeys"])

		keep := b.Manager(t, onetime.WithKeep(3), sends)
		require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
		rig.MustLink(t, keep, payload)
		require.Equal(t, resend, rig.RecordCommands(t, b, func() { rig.MustLink(t, keep, payload) }))
		require.Equal(t, map[string]int{"hlen": 1, "hmget": 2, "hset": 1, "pexpireat": 1}, rig.RecordCommands(t, b, func() { rig.MustLink(t, keep, payload) }), "one more for the slots")
	})
}

// WAIT counts only what its connection wrote: so a repeat of what it must cover writes that again.
func TestRule6_RepeatWritesAgainWhatMustNotBeForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, b *rig.Backend) {
		m, err := onetime.New(&lossy{Scripter: b.Client}, onetimetest.Key, onetime.WithSendLimits(), onetime.WithLinkBase("https://example.com/in"))
		require.NoError(t, err)
		repeated := func(do func() error) int {
			return rig.RecordCommands(t, b, func() { require.NoError(t, do()) })["hset"]
		}
		otp := rig.MustOTP(t, m)
		require.Equal(t, 2, repeated(func() error { return rig.VerifyOTP(t, m, otp.Code) }))
		token := rig.MustToken(t, m)
		require.Equal(t, 2, repeated(func() error { return rig.VerifyToken(t, m, token.Value) }))
		link := rig.MustLink(t, m)
		require.Equal(t, 2, repeated(func() error { return m.Cancel(t.Context(), rig.Alice, link.ID) }))
		rig.MustLink(t, m)
		require.Equal(t, 2, repeated(func() error { return m.Revoke(t.Context(), rig.Alice) }))
	})
}

// Redis may refuse each of a script's commands. Where a record is new, a part of it must not stay: it would have no TTL.
func TestIssue_LeavesNothingOfANewRecordIfItsEndIsRefused(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithKeep(2))
	payload := onetime.WithPayload(make([]byte, 200))
	refuse := func(command string) {
		b.Mini.Server().SetPreHook(func(c *miniserver.Peer, name string, _ ...string) bool {
			if name == command {
				c.WriteError("NOPERM no right to " + command)
			}
			return name == command
		})
	}
	for _, command := range []string{"PEXPIREAT", "HSET"} {
		refuse(command)
		_, err := m.IssueLink(t.Context(), rig.Alice, onetime.WithCode(), payload)
		rig.Undecided(t, err)
		require.ErrorContains(t, err, "NOPERM no right to "+command)
		require.Empty(t, b.Records(t))
	}
	b.Mini.Server().SetPreHook(nil)
	link := rig.MustLink(t, m, payload)
	require.NoError(t, rig.VerifyOTP(t, m, link.Code))
}

func TestRevoke_LeavesNoPieceOfWhatItEnds(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		for _, size := range []int{0, 1, 70, 200} {
			for name, end := range map[string]func(id string) error{
				"Cancel": func(id string) error { return m.Cancel(t.Context(), rig.Alice, id) },
				"Revoke": func(string) error { return m.Revoke(t.Context(), rig.Alice) },
			} {
				id := rig.MustToken(t, m, onetime.WithPayload(make([]byte, size))).ID
				require.NoError(t, end(id))
				for field, value := range b.Record(t, b.Only(t)) {
					if rig.IsSlot(field) {
						require.Len(t, value, 21, name)
					} else {
						require.Contains(t, []string{"r", "e"}, field, name)
					}
				}
			}
		}
	})
}

func TestIssue_DropsOtherChallengesWhenTheirLastSecretEnds(t *testing.T) {
	for _, issue := range []func(t *testing.T, m *onetime.Manager) time.Duration{
		func(t *testing.T, m *onetime.Manager) time.Duration { return rig.MustOTP(t, m, inUsed).ExpiresIn },
		func(t *testing.T, m *onetime.Manager) time.Duration { return rig.MustToken(t, m, inUsed).ExpiresIn },
		func(t *testing.T, m *onetime.Manager) time.Duration { return rig.MustLink(t, m, inUsed).ExpiresIn },
	} {
		b := rig.NewMini(t, noon)
		m := b.Manager(t)
		ends := max(issue(t, m), 10*time.Minute) // no earlier: a late copy of the issue must find it
		b.Advance(t, ends-time.Millisecond)
		rig.MustToken(t, m)
		others := func() (n int) {
			for field := range b.Record(t, b.Only(t)) {
				if field[0] == ':' {
					n++
				}
			}
			return n
		}
		require.NotZero(t, others())
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		b.Advance(t, time.Millisecond)
		rig.MustToken(t, m)
		require.Zero(t, others())
	}
}

func TestIssue_DropsOtherLimitsWhenTheyAreRefilled(t *testing.T) {
	b := rig.NewMini(t, noon)
	rig.MustOTP(t, b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 2, Per: time.Minute})))
	m := b.Manager(t, onetime.WithSendLimits())
	b.Advance(t, 30*time.Second-time.Millisecond)
	rig.MustOTP(t, m)
	require.Contains(t, b.Record(t, b.Only(t)), "s60000")
	b.Advance(t, time.Millisecond)
	rig.MustOTP(t, m)
	require.NotContains(t, b.Record(t, b.Only(t)), "s60000")
}

func TestIssue_OfChallengesOfTheSameMillisecondOneGivesWay(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		for i := range 16 {
			rig.MustToken(t, m, onetime.WithBinding(fmt.Sprintf("browser %d", i)))
		}
		key, at := b.Only(t), ""
		for field, slot := range b.Record(t, key) {
			if rig.IsSlot(field) {
				at = max(at, slot[12:18])
			}
		}
		for field, slot := range b.Record(t, key) {
			if rig.IsSlot(field) {
				require.NoError(t, b.Raw.HSet(t.Context(), key, field, slot[:12]+at+slot[18:]).Err())
			}
		}
		rig.MustToken(t, m)
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 16)
	})
}

func TestIssue_SlotSaysWhatItWasAnsweredWith(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour}))
		answered := func() byte { return b.Record(t, b.Only(t))["1"][18] }
		rig.MustOTP(t, m)
		require.Equal(t, byte('c'), answered())
		rig.MustToken(t, m)
		require.Equal(t, byte('t'), answered())
		link := rig.MustLink(t, m)
		require.Equal(t, byte('b'), answered())
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(link.Code, 1)[0]), onetime.ErrMismatch)
		require.Empty(t, rig.MustLink(t, m).Code)
		require.Equal(t, byte('t'), answered(), "its code was withheld")
	})
}

func TestUndo_EndsWithTheSecret(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t)
	link := rig.MustLink(t, m)
	v, err := m.VerifyOTP(t.Context(), rig.Alice, link.Code)
	require.NoError(t, err)
	b.Advance(t, 10*time.Minute)
	rig.Refused(t, v.Undo(t.Context()), onetime.ErrNotFound)
	b.Advance(t, -time.Millisecond)
	require.NoError(t, v.Undo(t.Context()))
}

func TestRecord_DamagedMarksAndUsesAreUndecided(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(16))
		otp := rig.MustOTP(t, m)
		key := b.Only(t)
		for field, values := range map[string][]string{
			"w": {"", strings.Repeat("x", 3), strings.Repeat("x", 5), strings.Repeat("x", 66), strings.Repeat("x", 68)},
			"u": {"", "u", "x", "u" + strings.Repeat("x", 11), "u" + strings.Repeat("x", 13), "y" + strings.Repeat("x", 12)},
		} {
			for _, value := range values {
				require.NoError(t, b.Raw.HSet(t.Context(), key, field, value).Err())
				before := b.Record(t, key)
				_, issued := m.IssueOTP(t.Context(), rig.Alice)
				_, asked := m.Status(t.Context(), rig.Alice)
				for _, err := range []error{rig.VerifyOTP(t, m, otp.Code), rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]), issued, asked} {
					rig.Undecided(t, err)
					require.ErrorContains(t, err, "onetime: damaged record: "+map[string]string{"w": "marks", "u": "use"}[field])
				}
				require.Equal(t, before, b.Record(t, key))
			}
			require.NoError(t, b.Raw.HDel(t.Context(), key, field).Err())
		}
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
	})
}

func TestRecord_DamagedIDsOfWhatEndedAreUndecided(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		rig.MustOTP(t, m)
		key := b.Only(t)
		for _, size := range []int{0, 1, 7, 9, 16, 63, 64, 65, 72} {
			require.NoError(t, b.Raw.HSet(t.Context(), key, "e", strings.Repeat("x", size)).Err())
			before := b.Record(t, key)
			_, err := m.IssueOTP(t.Context(), rig.Alice)
			if size == 16 || size == 64 {
				require.NoError(t, err, size)
				continue
			}
			rig.Undecided(t, err)
			require.ErrorContains(t, err, "onetime: damaged record: ended ids")
			require.Equal(t, before, b.Record(t, key))
		}
	})
}

func TestSettings_KnownWrongCodeUnderFewerAttemptsHasNoneLeft(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		codes := rig.WrongCodes(rig.MustOTP(t, b.Manager(t)).Code, 3)
		for _, code := range codes {
			rig.Refused(t, rig.VerifyOTP(t, b.Manager(t), code), onetime.ErrMismatch)
		}
		err := rig.VerifyOTP(t, b.Manager(t, onetime.WithMaxAttempts(1)), codes[0])
		require.Zero(t, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)
	})
}

func TestLimits_HoldToTheMillisecond(t *testing.T) {
	b := rig.NewMini(t, noon)
	limit := onetime.Limit{Burst: 1, Per: time.Minute}
	m := b.Manager(t, onetime.WithSendLimits(limit), onetime.WithGuessLimits(limit))
	otp := rig.MustOTP(t, m)
	codes := rig.WrongCodes(otp.Code, 2)
	require.Equal(t, time.Minute, rig.Refused(t, rig.VerifyOTP(t, m, codes[0]), onetime.ErrMismatch).RetryAfter)
	b.Advance(t, time.Minute-time.Millisecond)
	require.Equal(t, time.Millisecond, rig.Refused(t, rig.VerifyOTP(t, m, codes[1]), onetime.ErrLocked).RetryAfter)
	require.Equal(t, time.Millisecond, rig.Refused(t, rig.VerifyOTP(t, m, otp.Code), onetime.ErrLocked).RetryAfter)
	_, err := m.IssueOTP(t.Context(), rig.Alice)
	require.Equal(t, time.Millisecond, rig.Refused(t, err, onetime.ErrLocked).RetryAfter)
	_, err = m.IssueToken(t.Context(), rig.Alice)
	require.Equal(t, time.Millisecond, rig.Refused(t, err, onetime.ErrThrottled).RetryAfter)
	status := rig.MustStatus(t, m, rig.Alice)
	require.Equal(t, []time.Duration{1e6, 1e6}, []time.Duration{status.SendIn, status.GuessIn})
	b.Advance(t, time.Millisecond)
	require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
	rig.MustOTP(t, m)
}

func TestIssue_KeepsFiveCodesWithNothingSealed(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(5))
		for i := range 7 {
			rig.MustOTP(t, m)
			fields := min(i+1, 5)
			if i >= 5 {
				fields++ // the ids of what was replaced
			}
			require.Len(t, b.Record(t, b.Only(t)), fields)
			require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, min(i+1, 5))
		}
	})
}

func TestIssue_RefillsAttemptsAfterAnUnlock(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(rig.MustOTP(t, m).Code, 1)[0]), onetime.ErrMismatch)
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		rig.MustOTP(t, m)
		require.Equal(t, 5, rig.MustStatus(t, m, rig.Alice).Pending[0].AttemptsLeft)
	})
}

func TestIssue_WithholdsTheCodeUntilTheLastMillisecond(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Minute}))
	rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(rig.MustOTP(t, m).Code, 1)[0]), onetime.ErrMismatch)
	b.Advance(t, time.Minute-time.Millisecond)
	require.Empty(t, rig.MustLink(t, m).Code)
	b.Advance(t, time.Millisecond)
	require.NotEmpty(t, rig.MustLink(t, m).Code)
}

func TestIssue_IsLockedHoweverLongTheRecordLives(t *testing.T) {
	locked := func(t *testing.T, left time.Duration) (*rig.Backend, *onetime.Manager) {
		b := rig.NewMini(t, noon)
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: 10 * time.Minute}))
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(rig.MustOTP(t, m).Code, 1)[0]), onetime.ErrMismatch)
		b.Advance(t, 10*time.Minute-left)
		return b, m
	}
	for _, left := range []time.Duration{1, 2, 3} {
		b, m := locked(t, left*time.Millisecond)
		require.Equal(t, left*time.Millisecond, b.Raw.PTTL(t.Context(), b.Only(t)).Val())
		_, err := m.IssueOTP(t.Context(), rig.Alice)
		require.Equal(t, left*time.Millisecond, rig.Refused(t, err, onetime.ErrLocked).RetryAfter)
	}
	b, m := locked(t, time.Minute)
	require.NoError(t, b.Raw.Persist(t.Context(), b.Only(t)).Err())
	_, err := m.IssueOTP(t.Context(), rig.Alice)
	require.Equal(t, time.Minute, rig.Refused(t, err, onetime.ErrLocked).RetryAfter)
}

func TestUnlock_ForgetsTheOnlyThingThereIs(t *testing.T) {
	b := rig.NewMini(t, noon)
	m := b.Manager(t, onetime.WithSendLimits())
	rig.MustOTP(t, m)
	before := b.Record(t, b.Only(t))
	require.NoError(t, b.Raw.HSet(t.Context(), b.Only(t), "f", 3).Err())
	require.NoError(t, m.Unlock(t.Context(), rig.Alice))
	require.Equal(t, before, b.Record(t, b.Only(t)))
}
