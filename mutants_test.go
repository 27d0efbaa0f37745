package onetime_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// What `make mutate` found untested: edges of a millisecond, which only a clock that stands still can show.

// standing returns a backend whose clock stands still.
func standing(t *testing.T, now time.Time) *backend {
	t.Helper()
	mini := miniredis.RunT(t)
	mini.SetTime(now)
	b := &backend{mini: mini, now: now}
	b.run(t, mini.Addr(), single(mini.Addr()), false, func(*testing.T, *backend) {})
	return b
}

var noon = time.UnixMilli(1800000000000)

func TestRecord_LivesExactly400DaysWhileDisabled(t *testing.T) {
	const disabled = 400 * 24 * time.Hour
	b := standing(t, noon)
	m := b.manager(t, onetime.WithMaxAttempts(16), many, onetime.WithSendLimits())
	otp := mustOTP(t, m)
	require.NoError(t, b.raw.HSet(t.Context(), b.only(t), "f", 98).Err())
	codes := wrong(otp.Code, 2)
	refused(t, verifyOTP(t, m, codes[0]), onetime.ErrMismatch)
	require.Equal(t, 5*time.Minute, b.raw.PTTL(t.Context(), b.only(t)).Val())
	refused(t, verifyOTP(t, m, codes[1]), onetime.ErrMismatch)
	require.Equal(t, disabled, b.raw.PTTL(t.Context(), b.only(t)).Val())

	b.advance(t, time.Hour)
	mustToken(t, m)
	require.Equal(t, disabled, b.raw.PTTL(t.Context(), b.only(t)).Val(), "from the last issue on")
	require.NoError(t, b.raw.Persist(t.Context(), b.only(t)).Err())
	require.NoError(t, verifyToken(t, m, mustToken(t, m).Value))
	require.Equal(t, disabled, b.raw.PTTL(t.Context(), b.only(t)).Val(), "of a record that somebody made immortal, too")
}

func TestSecrets_IssuedMoreThan10SecondsAheadAreDead(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t)
	link := mustLink(t, m)
	inspect := func() error { _, err := m.InspectToken(t.Context(), link.Token); return err }
	b.advance(t, -10*time.Second)
	require.NoError(t, inspect())
	b.advance(t, -time.Millisecond)
	refused(t, inspect(), onetime.ErrNotFound)
	require.Empty(t, mustStatus(t, m, alice).Pending)
}

func TestSecrets_EndAtTheMillisecond(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t, onetime.WithSendLimits())
	link := mustLink(t, m)
	b.advance(t, 5*time.Minute-time.Millisecond)
	pending := mustStatus(t, m, alice).Pending
	require.True(t, pending[0].Code)
	v, err := m.VerifyOTP(t.Context(), alice, link.Code)
	require.NoError(t, err)
	require.NoError(t, v.Undo(t.Context()))
	b.advance(t, time.Millisecond)
	refused(t, verifyOTP(t, m, link.Code), onetime.ErrNotFound)
	pending = mustStatus(t, m, alice).Pending
	require.False(t, pending[0].Code)
	require.Equal(t, 5*time.Minute, pending[0].ExpiresIn)
	b.advance(t, 5*time.Minute-time.Millisecond)
	require.Equal(t, time.Millisecond, mustStatus(t, m, alice).Pending[0].ExpiresIn)
	v, err = m.VerifyToken(t.Context(), link.Token)
	require.NoError(t, err)
	require.NoError(t, v.Undo(t.Context()))
	b.advance(t, time.Millisecond)
	refused(t, verifyToken(t, m, link.Token), onetime.ErrNotFound)
}

func TestClock_IsInWholeMilliseconds(t *testing.T) {
	for _, ms := range []int64{0, 1, 499, 998, 999} {
		now := noon.Add(time.Duration(ms)*time.Millisecond + 999*time.Microsecond)
		b := standing(t, now)
		m := b.manager(t)
		mustOTP(t, m)
		require.Equal(t, noon.UnixMilli()+ms, mustStatus(t, m, alice).Pending[0].IssuedAt.UnixMilli())
	}
}

func TestRecord_NumbersHaveUpTo15Digits(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t)
	mustOTP(t, m)
	for digits, damaged := range map[int]bool{15: false, 16: true} {
		require.NoError(t, b.raw.HSet(t.Context(), b.only(t), "f", strings.Repeat("9", digits)).Err())
		status, err := m.Status(t.Context(), alice)
		if damaged {
			undecided(t, err)
			require.ErrorContains(t, err, "onetime: damaged record: number")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 999999999999999, status.Failures)
	}
}

func TestIssue_KeepsFiveOfSix(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(5))
	payload := func(i int) string { return strings.Repeat(fmt.Sprint(i%10), 1+i%3*70) }
	var links []onetime.Link
	for i := range 12 {
		b.advance(t, time.Second)
		links = append(links, mustLink(t, m, onetime.WithPayload([]byte(payload(i)))))
		require.Len(t, mustStatus(t, m, alice).Pending, min(i+1, 5))
		for j, link := range links {
			v, err := m.InspectToken(t.Context(), link.Token)
			if j+5 <= i {
				refused(t, err, onetime.ErrNotFound)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, payload(j), string(v.Payload))
		}
		record := b.record(t, b.only(t))
		fields := 0
		for field, slot := range record {
			if isSlot(field) {
				fields += 1 + int(slot[21]-'0') + int(slot[43]-'0') // with the pieces of code and token
			}
		}
		require.Len(t, record, fields, "nothing of those that are gone is left")
	}
	for _, link := range links[7:] { // the code of each, too
		v, err := m.VerifyOTP(t.Context(), alice, link.Code)
		require.NoError(t, err)
		require.NoError(t, v.Undo(t.Context()))
	}
}

func TestRule6_RepeatAfterTheSecretExpiredIsASuccess(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		client := &lossy{Scripter: b.rdb}
		m, err := onetime.New(client, onetimetest.Key, onetime.WithTokenTTL(5*time.Minute), onetime.WithLinkBase("https://example.com/in"))
		require.NoError(t, err)
		link := mustLink(t, m)
		client.before = func() { b.advance(t, 5*time.Minute) }
		v, err := m.VerifyOTP(t.Context(), alice, link.Code)
		require.NoError(t, err)
		require.Equal(t, link.ID, v.ID)
		client.before = nil
		refused(t, verifyOTP(t, m, link.Code), onetime.ErrNotFound)
		require.NoError(t, m.Unlock(t.Context(), alice))
		token := mustToken(t, m)
		client.before = func() { b.advance(t, 5*time.Minute) }
		require.NoError(t, verifyToken(t, m, token.Value))
	})
}

func TestVerify_EmptySealedPartUsesNothingUp(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		link := mustLink(t, m, onetime.WithPayload(make([]byte, 100)))
		key := b.only(t)
		for field, value := range b.record(t, key) {
			if isSlot(field) || limitField.MatchString(field) {
				continue
			}
			require.NoError(t, b.raw.HSet(t.Context(), key, field, "").Err())
			before := b.record(t, key)
			verify := func() error { return verifyToken(t, m, link.Token) }
			if field[1] == 'c' {
				verify = func() error { return verifyOTP(t, m, link.Code) }
			}
			err := verify()
			undecided(t, err)
			require.ErrorContains(t, err, "onetime: damaged record: sealed part")
			require.Equal(t, before, b.record(t, key))
			require.NoError(t, b.raw.HSet(t.Context(), key, field, value).Err())
		}
		require.NoError(t, verifyOTP(t, m, link.Code))
	})
}

func TestVerify_ASuccessWritesNoMoreThanTheUse(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t)
		otp := mustOTP(t, m)
		want := b.record(t, b.only(t))
		require.NoError(t, verifyOTP(t, m, otp.Code))
		got := b.record(t, b.only(t))
		require.Regexp(t, "^u", got["u"])
		want["u"] = got["u"]
		require.Equal(t, want, got)
	})
}

func TestIssue_KeepsWhatHas2MillisecondsLeft(t *testing.T) {
	for _, left := range []time.Duration{1, 2, 3} {
		b := standing(t, noon)
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		old := mustToken(t, m)
		b.advance(t, 10*time.Minute-left*time.Millisecond)
		mustToken(t, m)
		require.NoError(t, verifyToken(t, m, old.Value))
	}
}

func TestIssue_KeepsWhatIsInAnImmortalRecord(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
	old := mustToken(t, m)
	require.NoError(t, b.raw.Persist(t.Context(), b.only(t)).Err())
	mustToken(t, m)
	require.NoError(t, verifyToken(t, m, old.Value))
}

func TestIssue_DropsWhatEndsNow(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(3))
	mustLink(t, m, onetime.WithPayload(make([]byte, 100)))
	b.advance(t, 5*time.Minute-time.Millisecond)
	mustToken(t, m)
	require.Len(t, b.record(t, b.only(t))["2"], 20+2*22)
	b.advance(t, time.Millisecond)
	mustToken(t, m)
	require.Len(t, b.record(t, b.only(t))["3"], 20+22, "the token, which lives longer than the code")
	require.NotContains(t, b.record(t, b.only(t)), "ac1")
}

// onBoth runs a test on a miniredis whose clock stands still and on a real Redis.
func onBoth(t *testing.T, test func(t *testing.T, b *backend)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) { test(t, standing(t, noon)) })
	t.Run("redis", func(t *testing.T) { onRedis(t, test) })
}

// sent counts the commands that read or write a record's fields, or set its end, while do runs.
func sent(t *testing.T, b *backend, do func()) map[string]int {
	t.Helper()
	counts := map[string]int{}
	count := func(name string, calls int) {
		if name != "hello" && strings.HasPrefix(name, "h") || strings.HasPrefix(name, "pexpire") {
			counts[name] += calls
		}
	}
	if b.mini != nil {
		b.mini.Server().SetPreHook(func(_ *miniserver.Peer, name string, _ ...string) bool {
			count(strings.ToLower(name), 1)
			return false
		})
		defer b.mini.Server().SetPreHook(nil)
		do()
		return counts
	}
	require.NoError(t, b.raw.ConfigResetStat(t.Context()).Err())
	do()
	for line := range strings.Lines(b.raw.Info(t.Context(), "commandstats").Val()) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		number, _, _ := strings.Cut(rest, ",")
		if calls, err := strconv.Atoi(number); err == nil {
			count(name, calls)
		}
	}
	return counts
}

func TestScripts_SendNoMoreCommandsThanTheyNeed(t *testing.T) {
	onBoth(t, func(t *testing.T, b *backend) {
		payload := onetime.WithPayload(make([]byte, 100))
		// Each send lengthens the record's life, by hours, and a wrong code does not.
		sends := onetime.WithSendLimits(onetime.Limit{Burst: 50, Per: 30 * 24 * time.Hour})
		m := b.manager(t, sends, onetime.WithGuessLimits(onetime.Limit{Burst: 50, Per: time.Hour}))
		var link onetime.Link
		issue := func() { link = mustLink(t, m, payload) }
		require.Equal(t, map[string]int{"hset": 1, "pexpireat": 1}, sent(t, b, issue), "a new record is not read")
		resend := map[string]int{"hdel": 1, "hlen": 1, "hmget": 1, "hset": 1, "pexpireat": 1}
		require.Equal(t, resend, sent(t, b, issue), "HDEL for the pieces of the one before")
		require.Equal(t, map[string]int{"hmget": 1, "hset": 1}, sent(t, b, func() { refused(t, verifyOTP(t, m, wrong(link.Code, 1)[0]), onetime.ErrMismatch) }))
		require.Equal(t, map[string]int{"hmget": 2, "hset": 1}, sent(t, b, func() { require.NoError(t, verifyOTP(t, m, link.Code)) }), "one more for the sealed part")

		// A failure, marks, a use, a guess limit: all of it is known without a survey.
		require.Equal(t, resend, sent(t, b, issue))
		require.NoError(t, m.Revoke(t.Context(), alice))
		delete(resend, "hdel")
		require.Equal(t, resend, sent(t, b, issue), "an ended issue, and the mark of the revoke")

		another := sent(t, b, func() { mustOTP(t, m, inUsed) })
		require.NotContains(t, another, "hdel", "a challenge more, and nothing to drop")
		require.Equal(t, 1, another["hkeys"])

		keep := b.manager(t, onetime.WithKeep(3), sends)
		require.NoError(t, b.raw.FlushAll(t.Context()).Err())
		mustLink(t, keep, payload)
		require.Equal(t, resend, sent(t, b, func() { mustLink(t, keep, payload) }))
		require.Equal(t, map[string]int{"hlen": 1, "hmget": 2, "hset": 1, "pexpireat": 1}, sent(t, b, func() { mustLink(t, keep, payload) }), "one more for the slots")
	})
}

// WAIT counts only what its connection wrote: so a repeat of what it must cover writes that again.
func TestRule6_RepeatWritesAgainWhatMustNotBeForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, b *backend) {
		m, err := onetime.New(&lossy{Scripter: b.rdb}, onetimetest.Key, onetime.WithSendLimits(), onetime.WithLinkBase("https://example.com/in"))
		require.NoError(t, err)
		repeated := func(do func() error) int {
			return sent(t, b, func() { require.NoError(t, do()) })["hset"]
		}
		otp := mustOTP(t, m)
		require.Equal(t, 2, repeated(func() error { return verifyOTP(t, m, otp.Code) }))
		token := mustToken(t, m)
		require.Equal(t, 2, repeated(func() error { return verifyToken(t, m, token.Value) }))
		link := mustLink(t, m)
		require.Equal(t, 2, repeated(func() error { return m.Cancel(t.Context(), alice, link.ID) }))
		mustLink(t, m)
		require.Equal(t, 2, repeated(func() error { return m.Revoke(t.Context(), alice) }))
	})
}

// Redis may refuse each of a script's commands. Where a record is new, a part of it must not stay: it would have no TTL.
func TestIssue_LeavesNothingOfANewRecordIfItsEndIsRefused(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t, onetime.WithKeep(2))
	payload := onetime.WithPayload(make([]byte, 200))
	refuse := func(command string) {
		b.mini.Server().SetPreHook(func(c *miniserver.Peer, name string, _ ...string) bool {
			if name == command {
				c.WriteError("NOPERM no right to " + command)
			}
			return name == command
		})
	}
	for _, command := range []string{"PEXPIREAT", "HSET"} {
		refuse(command)
		_, err := m.IssueLink(t.Context(), alice, onetime.WithCode(), payload)
		undecided(t, err)
		require.ErrorContains(t, err, "NOPERM no right to "+command)
		require.Empty(t, b.records(t))
	}
	b.mini.Server().SetPreHook(nil)
	link := mustLink(t, m, payload)
	require.NoError(t, verifyOTP(t, m, link.Code))
}

func TestRevoke_LeavesNoPieceOfWhatItEnds(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits())
		for _, size := range []int{0, 1, 70, 200} {
			for name, end := range map[string]func(id string) error{
				"Cancel": func(id string) error { return m.Cancel(t.Context(), alice, id) },
				"Revoke": func(string) error { return m.Revoke(t.Context(), alice) },
			} {
				id := mustToken(t, m, onetime.WithPayload(make([]byte, size))).ID
				require.NoError(t, end(id))
				for field, value := range b.record(t, b.only(t)) {
					if isSlot(field) {
						require.Len(t, value, 20, name)
					} else {
						require.Equal(t, "r", field, name)
					}
				}
			}
		}
	})
}

func TestIssue_DropsOtherChallengesWhenTheirLastSecretEnds(t *testing.T) {
	for _, issue := range []func(t *testing.T, m *onetime.Manager) time.Duration{
		func(t *testing.T, m *onetime.Manager) time.Duration { return mustOTP(t, m, inUsed).ExpiresIn },
		func(t *testing.T, m *onetime.Manager) time.Duration { return mustToken(t, m, inUsed).ExpiresIn },
		func(t *testing.T, m *onetime.Manager) time.Duration { return mustLink(t, m, inUsed).ExpiresIn },
	} {
		b := standing(t, noon)
		m := b.manager(t)
		ends := issue(t, m)
		b.advance(t, ends-time.Millisecond)
		mustToken(t, m)
		others := func() (n int) {
			for field := range b.record(t, b.only(t)) {
				if field[0] == ':' {
					n++
				}
			}
			return n
		}
		require.NotZero(t, others())
		require.NoError(t, m.Unlock(t.Context(), alice))
		b.advance(t, time.Millisecond)
		mustToken(t, m)
		require.Zero(t, others())
	}
}

func TestIssue_DropsOtherLimitsWhenTheyAreRefilled(t *testing.T) {
	b := standing(t, noon)
	mustOTP(t, b.manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 2, Per: time.Minute})))
	m := b.manager(t, onetime.WithSendLimits())
	b.advance(t, 30*time.Second-time.Millisecond)
	mustOTP(t, m)
	require.Contains(t, b.record(t, b.only(t)), "s60000")
	b.advance(t, time.Millisecond)
	mustOTP(t, m)
	require.NotContains(t, b.record(t, b.only(t)), "s60000")
}

func TestIssue_OfChallengesOfTheSameMillisecondOneGivesWay(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits())
		for i := range 16 {
			mustToken(t, m, onetime.WithBinding(fmt.Sprintf("browser %d", i)))
		}
		key, at := b.only(t), ""
		for field, slot := range b.record(t, key) {
			if isSlot(field) {
				at = max(at, slot[12:18])
			}
		}
		for field, slot := range b.record(t, key) {
			if isSlot(field) {
				require.NoError(t, b.raw.HSet(t.Context(), key, field, slot[:12]+at+slot[18:]).Err())
			}
		}
		mustToken(t, m)
		require.Len(t, mustStatus(t, m, alice).Pending, 16)
	})
}

func TestIssue_SlotSaysWhatItWasAnsweredWith(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour}))
		answered := func() byte { return b.record(t, b.only(t))["1"][18] }
		mustOTP(t, m)
		require.Equal(t, byte('c'), answered())
		mustToken(t, m)
		require.Equal(t, byte('t'), answered())
		link := mustLink(t, m)
		require.Equal(t, byte('b'), answered())
		refused(t, verifyOTP(t, m, wrong(link.Code, 1)[0]), onetime.ErrMismatch)
		require.Empty(t, mustLink(t, m).Code)
		require.Equal(t, byte('t'), answered(), "its code was withheld")
	})
}

func TestUndo_EndsWithTheSecret(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t)
	link := mustLink(t, m)
	v, err := m.VerifyOTP(t.Context(), alice, link.Code)
	require.NoError(t, err)
	b.advance(t, 10*time.Minute)
	refused(t, v.Undo(t.Context()), onetime.ErrNotFound)
	b.advance(t, -time.Millisecond)
	require.NoError(t, v.Undo(t.Context()))
}

func TestRecord_DamagedMarksAndUsesAreUndecided(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(16))
		otp := mustOTP(t, m)
		key := b.only(t)
		for field, values := range map[string][]string{
			"w": {"", strings.Repeat("x", 3), strings.Repeat("x", 5), strings.Repeat("x", 66), strings.Repeat("x", 68)},
			"u": {"", "u", "x", "u" + strings.Repeat("x", 11), "u" + strings.Repeat("x", 13), "y" + strings.Repeat("x", 12)},
		} {
			for _, value := range values {
				require.NoError(t, b.raw.HSet(t.Context(), key, field, value).Err())
				before := b.record(t, key)
				_, issued := m.IssueOTP(t.Context(), alice)
				_, asked := m.Status(t.Context(), alice)
				for _, err := range []error{verifyOTP(t, m, otp.Code), verifyOTP(t, m, wrong(otp.Code, 1)[0]), issued, asked} {
					undecided(t, err)
					require.ErrorContains(t, err, "onetime: damaged record: "+map[string]string{"w": "marks", "u": "use"}[field])
				}
				require.Equal(t, before, b.record(t, key))
			}
			require.NoError(t, b.raw.HDel(t.Context(), key, field).Err())
		}
		require.NoError(t, verifyOTP(t, m, otp.Code))
	})
}

func TestSettings_KnownWrongCodeUnderFewerAttemptsHasNoneLeft(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		codes := wrong(mustOTP(t, b.manager(t)).Code, 3)
		for _, code := range codes {
			refused(t, verifyOTP(t, b.manager(t), code), onetime.ErrMismatch)
		}
		err := verifyOTP(t, b.manager(t, onetime.WithMaxAttempts(1)), codes[0])
		require.Zero(t, refused(t, err, onetime.ErrMismatch).AttemptsLeft)
	})
}

func TestLimits_HoldToTheMillisecond(t *testing.T) {
	b := standing(t, noon)
	limit := onetime.Limit{Burst: 1, Per: time.Minute}
	m := b.manager(t, onetime.WithSendLimits(limit), onetime.WithGuessLimits(limit))
	otp := mustOTP(t, m)
	codes := wrong(otp.Code, 2)
	require.Equal(t, time.Minute, refused(t, verifyOTP(t, m, codes[0]), onetime.ErrMismatch).RetryAfter)
	b.advance(t, time.Minute-time.Millisecond)
	require.Equal(t, time.Millisecond, refused(t, verifyOTP(t, m, codes[1]), onetime.ErrLocked).RetryAfter)
	require.Equal(t, time.Millisecond, refused(t, verifyOTP(t, m, otp.Code), onetime.ErrLocked).RetryAfter)
	_, err := m.IssueOTP(t.Context(), alice)
	require.Equal(t, time.Millisecond, refused(t, err, onetime.ErrLocked).RetryAfter)
	_, err = m.IssueToken(t.Context(), alice)
	require.Equal(t, time.Millisecond, refused(t, err, onetime.ErrThrottled).RetryAfter)
	status := mustStatus(t, m, alice)
	require.Equal(t, []time.Duration{1e6, 1e6}, []time.Duration{status.SendIn, status.GuessIn})
	b.advance(t, time.Millisecond)
	require.NoError(t, verifyOTP(t, m, otp.Code))
	mustOTP(t, m)
}

func TestIssue_KeepsFiveCodesWithNothingSealed(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithKeep(5))
		for i := range 7 {
			mustOTP(t, m)
			require.Len(t, b.record(t, b.only(t)), min(i+1, 5))
			require.Len(t, mustStatus(t, m, alice).Pending, min(i+1, 5))
		}
	})
}

func TestIssue_RefillsAttemptsAfterAnUnlock(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		m := b.manager(t, onetime.WithSendLimits())
		refused(t, verifyOTP(t, m, wrong(mustOTP(t, m).Code, 1)[0]), onetime.ErrMismatch)
		require.NoError(t, m.Unlock(t.Context(), alice))
		mustOTP(t, m)
		require.Equal(t, 5, mustStatus(t, m, alice).Pending[0].AttemptsLeft)
	})
}

func TestIssue_WithholdsTheCodeUntilTheLastMillisecond(t *testing.T) {
	b := standing(t, noon)
	m := b.manager(t, onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Minute}))
	refused(t, verifyOTP(t, m, wrong(mustOTP(t, m).Code, 1)[0]), onetime.ErrMismatch)
	b.advance(t, time.Minute-time.Millisecond)
	require.Empty(t, mustLink(t, m).Code)
	b.advance(t, time.Millisecond)
	require.NotEmpty(t, mustLink(t, m).Code)
}

func TestIssue_IsLockedHoweverLongTheRecordLives(t *testing.T) {
	locked := func(t *testing.T, left time.Duration) (*backend, *onetime.Manager) {
		b := standing(t, noon)
		m := b.manager(t, onetime.WithSendLimits(), onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: 10 * time.Minute}))
		refused(t, verifyOTP(t, m, wrong(mustOTP(t, m).Code, 1)[0]), onetime.ErrMismatch)
		b.advance(t, 10*time.Minute-left)
		return b, m
	}
	for _, left := range []time.Duration{1, 2, 3} {
		b, m := locked(t, left*time.Millisecond)
		require.Equal(t, left*time.Millisecond, b.raw.PTTL(t.Context(), b.only(t)).Val())
		_, err := m.IssueOTP(t.Context(), alice)
		require.Equal(t, left*time.Millisecond, refused(t, err, onetime.ErrLocked).RetryAfter)
	}
	b, m := locked(t, time.Minute)
	require.NoError(t, b.raw.Persist(t.Context(), b.only(t)).Err())
	_, err := m.IssueOTP(t.Context(), alice)
	require.Equal(t, time.Minute, refused(t, err, onetime.ErrLocked).RetryAfter)
}
