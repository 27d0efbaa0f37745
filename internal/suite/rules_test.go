package suite_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// The rules are those of the design's section 9, and its numbers.

// parallel runs n copies of call at once and returns how many succeeded; all others must be refused with a reason.
func parallel(t *testing.T, n int, reason error, call func(i int) error) int {
	t.Helper()
	var start, done sync.WaitGroup
	var successes atomic.Int64
	others := make([]error, n)
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			if others[i] = call(i); others[i] == nil {
				successes.Add(1)
			}
		})
	}
	start.Done()
	done.Wait()
	for _, err := range others {
		if err != nil {
			require.ErrorIs(t, err, reason)
		}
	}
	return int(successes.Load())
}

func TestRule1_OneWinnerOfParallelVerifications(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits())
		n := 256
		if !b.Real {
			n = 32
		}
		otp, err := m.IssueOTP(ctx, "alice@example.com")
		require.NoError(t, err)
		token, err := m.IssueToken(ctx, "bob@example.com")
		require.NoError(t, err)
		for range 2 { // and once more after an Undo
			var mu sync.Mutex
			var used []onetime.Verification
			keep := func(v onetime.Verification, err error) error {
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					used = append(used, v)
				}
				return err
			}
			require.Equal(t, 1, parallel(t, n, onetime.ErrUsed, func(int) error {
				return keep(m.VerifyOTP(ctx, "alice@example.com", otp.Code))
			}))
			require.Equal(t, 1, parallel(t, n, onetime.ErrUsed, func(int) error {
				return keep(m.VerifyToken(ctx, token.Value))
			}))
			for _, v := range used {
				require.NoError(t, v.Undo(ctx))
			}
		}
	})
}

func TestRule1_OneWinnerOfCodeAndLink(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		n := 128
		if !b.Real {
			n = 32
		}
		var links []onetime.Link
		for range 2 { // with Keep 2 there are four secrets of one challenge
			link, err := m.IssueLink(ctx, "alice@example.com", onetime.WithCode())
			require.NoError(t, err)
			links = append(links, link)
		}
		require.Equal(t, 1, parallel(t, n, onetime.ErrUsed, func(i int) error {
			link := links[i%2]
			if i%4 < 2 {
				_, err := m.VerifyToken(ctx, link.Token)
				return err
			}
			_, err := m.VerifyOTP(ctx, "alice@example.com", link.Code)
			return err
		}))
	})
}

func TestRule2_MaxAttemptsInAnyInterleaving(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(3), onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Second}))
		for range 3 {
			otp, err := m.IssueOTP(ctx, "alice@example.com")
			require.NoError(t, err)
			codes := rig.WrongCodes(otp.Code, 12)
			var mu sync.Mutex
			evaluated := map[string]bool{}
			parallel(t, 36, onetime.ErrExhausted, func(i int) error { // each three times
				_, err := m.VerifyOTP(ctx, "alice@example.com", codes[i%12])
				if errors.Is(err, onetime.ErrMismatch) {
					mu.Lock()
					defer mu.Unlock()
					evaluated[codes[i%12]] = true
					return nil
				}
				return err
			})
			require.Len(t, evaluated, 3)
			_, err = m.VerifyOTP(ctx, "alice@example.com", otp.Code)
			rig.Refused(t, err, onetime.ErrExhausted)

			// The last one allowed, if right, succeeds: two wrong codes and the right one at once.
			otp, err = m.IssueOTP(ctx, "alice@example.com")
			require.NoError(t, err)
			tries := append(rig.WrongCodes(otp.Code, 2), otp.Code)
			require.Equal(t, 1, parallel(t, 3, onetime.ErrDenied, func(i int) error {
				_, err := m.VerifyOTP(ctx, "alice@example.com", tries[i])
				return err
			}))
		}
	})
}

func TestRule3_GuessLimitsHoldInAnyInterleaving(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		limits := []onetime.Limit{{Burst: 4, Per: 10 * time.Second}, {Burst: 9, Per: time.Minute}}
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithGuessLimits(limits...), onetime.WithKeep(2), onetime.WithMaxAttempts(16))
		random := rand.New(rand.NewPCG(3, 3))
		bindings := []onetime.CallOption{nil, onetime.WithBinding("first browser"), onetime.WithBinding("second browser")}
		codes := map[int]onetime.OTP{}
		var last onetime.Verification
		var passed time.Duration
		var evaluated []time.Duration // when a wrong code was
		guess := 0
		for range 400 {
			which := random.IntN(3)
			binding := bindings[which]
			switch random.IntN(8) {
			case 0:
				otp, err := m.IssueOTP(ctx, "alice@example.com", binding)
				if err == nil {
					codes[which] = otp
				} else {
					rig.Refused(t, err, onetime.ErrLocked)
				}
			case 1: // the person signs in
				v, err := m.VerifyOTP(ctx, "alice@example.com", cmp.Or(codes[which].Code, "000000"), binding)
				if err == nil {
					last = v
				}
			case 2:
				if last.ID != "" {
					last.Undo(ctx)
				}
			case 3:
				if codes[which].ID != "" {
					require.NoError(t, m.Cancel(ctx, "alice@example.com", codes[which].ID))
				}
			case 4:
				d := time.Duration(random.IntN(3000)) * time.Millisecond
				b.Advance(t, d)
				passed += d
			default: // a guess that is never repeated, so that each mismatch is one that was evaluated
				guess++
				_, err := m.VerifyOTP(ctx, "alice@example.com", fmt.Sprintf("%06d", guess), binding)
				if errors.Is(err, onetime.ErrMismatch) {
					evaluated = append(evaluated, passed)
				}
			}
		}
		require.Greater(t, len(evaluated), 12, "the walk reaches the limits")
		for _, limit := range limits {
			for i := range evaluated {
				for j := i; j < len(evaluated); j++ {
					// Real time passes, too, on a real server: a minute is more than the test takes.
					window := evaluated[j] - evaluated[i] + time.Since(b.Started)
					most := float64(limit.Burst) * (1 + float64(window)/float64(limit.Per))
					require.LessOrEqual(t, float64(j-i+1), most)
				}
			}
		}
	})
}

func TestRule4_EveryKeyHasATTL(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		rig.Walk(t, b, 300, []onetime.Option{onetime.WithKeep(3)}, func() {
			for _, key := range b.Records(t) {
				ttl := b.Raw.PTTL(t.Context(), key).Val()
				require.True(t, ttl > 0 || ttl == -2, "PTTL %d", ttl)
			}
		})
	})
}

func TestRule4_OnlyIssueCreatesAKey(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		for name, call := range rig.Operations(t, b.Manager(t), m) {
			require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
			err := call()
			if strings.HasPrefix(name, "Issue") {
				require.NoError(t, err)
				require.Len(t, b.Records(t), 1)
				continue
			}
			if err != nil {
				rig.Refused(t, err, onetime.ErrNotFound)
			}
			require.Empty(t, b.Records(t), name)
		}
	})
}

// ends returns when the last thing in a record ends, in ms: limits and secrets.
func ends(t *testing.T, record map[string]string) (last int64) {
	t.Helper()
	for field, value := range record {
		switch {
		case rig.LimitField.MatchString(field):
			at, err := strconv.ParseInt(value, 10, 64)
			require.NoError(t, err)
			last = max(last, at)
		case rig.IsSlot(field):
			issued := int64(binary.BigEndian.Uint64([]byte("\x00\x00" + value[12:18])))
			for secret := value[21:]; secret != ""; secret = secret[21:] {
				last = max(last, issued+int64(binary.BigEndian.Uint32([]byte(secret[1:5]))))
			}
		}
	}
	return last
}

func TestRule5_RecordOutlivesWhatItGoverns(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		rig.Walk(t, b, 200, []onetime.Option{onetime.WithKeep(2)}, func() {
			for _, key := range b.Records(t) {
				last := ends(t, b.Record(t, key))
				end := b.Raw.PExpireTime(t.Context(), key).Val().Milliseconds()
				require.True(t, end >= last, "the record ends at %d, something in it at %d", end, last)
			}
		})

		// Without its record nothing verifies.
		m := b.Manager(t)
		require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
		link, err := m.IssueLink(t.Context(), "alice@example.com", onetime.WithCode())
		require.NoError(t, err)
		require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
		_, err = m.VerifyOTP(t.Context(), "alice@example.com", link.Code)
		rig.Refused(t, err, onetime.ErrNotFound)
		_, err = m.VerifyToken(t.Context(), link.Token)
		rig.Refused(t, err, onetime.ErrNotFound)
	})
}

// lossy is a client whose every reply is lost once: it sends each command twice, with what another caller does between.
type lossy struct {
	redis.Scripter
	between func()
	before  func() // the second sending
}

func (l *lossy) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	first := l.Scripter.EvalSha(ctx, sha, keys, args...)
	if first.Err() != nil && redis.HasErrorPrefix(first.Err(), "NOSCRIPT") {
		return first
	}
	if l.between != nil {
		between := l.between
		l.between = nil
		between()
	}
	if l.before != nil {
		l.before()
	}
	return l.Scripter.EvalSha(ctx, sha, keys, args...)
}

func (l *lossy) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	l.Scripter.Eval(ctx, script, keys, args...)
	if l.before != nil {
		l.before()
	}
	return l.Scripter.Eval(ctx, script, keys, args...)
}

func TestRule6_RepeatedCommandChangesNothing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		client := &lossy{Scripter: b.Client}
		opts := []onetime.Option{onetime.WithLinkBase("https://example.com/in"), onetime.WithKeep(2)}
		m, err := onetime.New(client, onetimetest.Key, opts...)
		require.NoError(t, err)
		var key string
		var once map[string]string
		client.before = func() { key, once = b.Only(t), b.Record(t, b.Only(t)) }
		same := func() {
			t.Helper()
			require.Equal(t, once, b.Record(t, key))
		}

		link, err := m.IssueLink(ctx, "alice@example.com", onetime.WithCode(), onetime.WithPayload([]byte("payload")))
		require.NoError(t, err)
		require.NotEmpty(t, link.Code)
		b.Left(t, 30, link.ResendIn)
		same()

		_, err = m.VerifyOTP(ctx, "alice@example.com", rig.WrongCodes(link.Code, 1)[0])
		require.Equal(t, 4, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)
		same()
		status, err := m.Status(ctx, "alice@example.com")
		require.NoError(t, err)
		require.Equal(t, 1, status.Failures)
		require.Equal(t, 4, status.Pending[0].AttemptsLeft)

		v, err := m.VerifyOTP(ctx, "alice@example.com", link.Code)
		require.NoError(t, err)
		require.Equal(t, "payload", string(v.Payload))
		require.Equal(t, link.ID, v.ID)
		same()
		require.NoError(t, v.Undo(ctx))
		same()
		v, err = m.VerifyToken(ctx, link.Token)
		require.NoError(t, err)
		require.Equal(t, "alice@example.com", v.Subject)
		same()
		require.NoError(t, v.Undo(ctx))
		_, err = m.InspectToken(ctx, link.Token)
		require.NoError(t, err)
		same()
		require.NoError(t, m.Cancel(ctx, "alice@example.com", link.ID))
		same()
		_, err = m.IssueOTP(ctx, "alice@example.com")
		rig.Refused(t, err, onetime.ErrThrottled)
		same()
		require.NoError(t, m.Unlock(ctx, "alice@example.com"))
		same()
		otp, err := m.IssueOTP(ctx, "alice@example.com")
		require.NoError(t, err)
		require.NotEmpty(t, otp.Code)
		same()
		require.NoError(t, m.Revoke(ctx, "alice@example.com"))
		same()
		for range 3 {
			require.NoError(t, m.Unlock(ctx, "alice@example.com"))
			token, err := m.IssueToken(ctx, "alice@example.com")
			require.NoError(t, err)
			b.Left(t, 30, token.ResendIn)
			same()
		}
		require.Len(t, rig.MustStatus(t, m, "alice@example.com").Pending, 2)
	})
}

func TestRule6_RepeatWithAnotherCallInBetween(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		client := &lossy{Scripter: b.Client}
		m, err := onetime.New(client, onetimetest.Key, onetime.WithSendLimits(onetime.Limit{Burst: 100, Per: time.Hour}))
		require.NoError(t, err)
		other := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 100, Per: time.Hour}))
		issue := func() onetime.OTP {
			t.Helper()
			otp, err := other.IssueOTP(ctx, "alice@example.com")
			require.NoError(t, err)
			return otp
		}
		verify := func(m *onetime.Manager, code string) (onetime.Verification, error) {
			return m.VerifyOTP(ctx, "alice@example.com", code)
		}

		// A success stays one, whoever tries the code meanwhile, right or wrong.
		otp := issue()
		client.between = func() {
			_, err := verify(other, otp.Code)
			rig.Refused(t, err, onetime.ErrUsed)
			_, err = verify(other, rig.WrongCodes(otp.Code, 1)[0])
			rig.Refused(t, err, onetime.ErrUsed)
		}
		v, err := verify(m, otp.Code)
		require.NoError(t, err)

		// One that an Undo overtook is no second success, and uses nothing.
		require.NoError(t, v.Undo(ctx))
		client.between = nil
		var inner onetime.Verification
		m2, err := onetime.New(&lossy{Scripter: b.Client, between: func() {
			// The first copy has used it; its caller would have to know v to undo it. Here the record is set back as Undo does.
			undoLast(t, b)
		}}, onetimetest.Key, onetime.WithSendLimits(onetime.Limit{Burst: 100, Per: time.Hour}))
		require.NoError(t, err)
		inner, err = verify(m2, otp.Code)
		rig.Refused(t, err, onetime.ErrNotFound)
		require.Empty(t, inner.ID)
		_, err = verify(other, otp.Code)
		require.NoError(t, err)

		// One that a new issue, a revocation or a cancellation overtook is judged as new.
		for _, overtake := range []func(){
			func() { issue() },
			func() { require.NoError(t, other.Revoke(ctx, "alice@example.com")) },
			func() { require.NoError(t, other.Cancel(ctx, "alice@example.com", otp.ID)) },
		} {
			otp = issue()
			client.between = overtake
			_, err = verify(m, otp.Code)
			require.ErrorIs(t, err, onetime.ErrDenied)
			_, err = verify(other, otp.Code)
			require.ErrorIs(t, err, onetime.ErrDenied)
		}

		// The same wrong code of another caller is charged once.
		require.NoError(t, other.Unlock(ctx, "alice@example.com"))
		otp = issue()
		client.between = func() { verify(other, rig.WrongCodes(otp.Code, 1)[0]) }
		_, err = verify(m, rig.WrongCodes(otp.Code, 1)[0])
		require.Equal(t, 4, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)
		status, err := other.Status(ctx, "alice@example.com")
		require.NoError(t, err)
		require.Equal(t, 1, status.Failures)

		// A revocation ends nothing that was issued after it.
		issue()
		client.between = func() { otp = issue() }
		require.NoError(t, m.Revoke(ctx, "alice@example.com"))
		_, err = verify(other, otp.Code)
		require.NoError(t, err)

		// An issue that was cancelled before its repeat stays cancelled, and promises nothing.
		client.between = func() {
			for _, pending := range rig.MustStatus(t, other, "alice@example.com").Pending {
				require.NoError(t, other.Cancel(ctx, "alice@example.com", pending.ID))
			}
		}
		_, err = m.IssueOTP(ctx, "alice@example.com")
		rig.Refused(t, err, onetime.ErrNotFound)
		require.Empty(t, rig.MustStatus(t, other, "alice@example.com").Pending)
	})
}

func TestRule6_RepeatedSuccessIsWrittenAgain(t *testing.T) {
	// So that a WAIT after the repeat covers the use: it counts only what its connection wrote.
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		otp := rig.MustOTP(t, b.Manager(t))
		m, err := onetime.New(&lossy{Scripter: b.Client}, onetimetest.Key)
		require.NoError(t, err)
		require.ErrorIs(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]), onetime.ErrMismatch) // the script is loaded
		require.NoError(t, b.Raw.ConfigResetStat(ctx).Err())
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
		require.Contains(t, b.Raw.Info(ctx, "commandstats").Val(), "cmdstat_hset:calls=2,")
	})
}

func TestRule6_LateCopyOfAnUndoneCallFindsNothing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		var late func() *redis.Cmd
		m, err := onetime.New(&keeper{b.Client, &late}, onetimetest.Key, onetime.WithSendLimits(), onetime.WithKeep(2))
		require.NoError(t, err)
		otp := rig.MustOTP(t, m)
		v, err := m.VerifyOTP(ctx, rig.Alice, otp.Code)
		require.NoError(t, err)
		again := late
		require.NoError(t, v.Undo(ctx))
		rig.MustOTP(t, m)
		status, err := again().Slice()
		require.NoError(t, err)
		require.Equal(t, rig.Statuses["NOT_FOUND"], status[1])
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code), "it used nothing")
	})
}

// A keeper keeps the last command, to send it again later.
type keeper struct {
	redis.Scripter
	last *func() *redis.Cmd
}

func (r *keeper) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	*r.last = func() *redis.Cmd { return r.Scripter.EvalSha(ctx, sha, keys, args...) }
	return (*r.last)()
}

// undoLast does to the one record what Undo of the last use does.
func undoLast(t *testing.T, b *rig.Backend) {
	t.Helper()
	key := b.Only(t)
	used := b.Record(t, key)["u"]
	require.True(t, strings.HasPrefix(used, "u"))
	require.NoError(t, b.Raw.HSet(t.Context(), key, "u", "x"+strings.Repeat("\x00", 30)+used[19:31]).Err())
}

func TestRule7_DumpTellsNothing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(3), onetime.WithAlphabet(onetime.Crockford32), onetime.WithCodeLength(12))
		watch := watchServer(t, b)
		subject, binding, payload := "alice.liddell@example.com", "a cookie of 128 bits", "the payload of alice"
		secrets := []string{subject, "liddell", binding, payload, string(onetimetest.Key)}
		for _, bound := range []onetime.CallOption{nil, onetime.WithBinding(binding)} {
			otp, err := m.IssueOTP(ctx, subject, bound, onetime.WithPayload([]byte(payload)))
			require.NoError(t, err)
			token, err := m.IssueToken(ctx, subject, bound, onetime.WithPayload([]byte(strings.Repeat(payload, 50))))
			require.NoError(t, err)
			link, err := m.IssueLink(ctx, subject, bound, onetime.WithPayload([]byte(payload)), onetime.WithCode())
			require.NoError(t, err)
			raw, err := base64.RawURLEncoding.DecodeString(token.Value)
			require.NoError(t, err)
			secrets = append(secrets, otp.Code, token.Value, link.Token, link.Code, string(raw[25:41]), "CRABTREE0000")
			_, err = m.VerifyOTP(ctx, subject, "CRABTREE0000", bound)
			rig.Refused(t, err, onetime.ErrMismatch)
			_, err = m.InspectToken(ctx, token.Value, bound)
			require.NoError(t, err)
			_, err = m.VerifyOTP(ctx, subject, link.Code, bound)
			require.NoError(t, err)
		}
		var dump bytes.Buffer
		for _, key := range b.Records(t) {
			fmt.Fprintln(&dump, key)
			for field, value := range b.Record(t, key) {
				fmt.Fprintln(&dump, field, value)
			}
		}
		require.Positive(t, dump.Len())
		dump.WriteString(watch())
		for _, secret := range secrets {
			for _, form := range []string{secret, strings.ToUpper(secret), hex.EncodeToString([]byte(secret)),
				base64.RawURLEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))} {
				require.False(t, bytes.Contains(dump.Bytes(), []byte(form)), "a secret of %d bytes is in the dump", len(secret))
			}
		}
	})
}

// watchServer returns a function that returns what MONITOR and the slow log have shown since. miniredis has neither.
func watchServer(t *testing.T, b *rig.Backend) func() string {
	t.Helper()
	if !b.Real {
		return func() string { return "" }
	}
	ctx := t.Context()
	require.NoError(t, b.Raw.ConfigSet(ctx, "slowlog-log-slower-than", "0").Err())
	t.Cleanup(func() {
		require.NoError(t, b.Raw.ConfigSet(context.Background(), "slowlog-log-slower-than", "10000").Err())
	})
	conn, err := net.Dial("tcp", b.Raw.Options().Addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(unhurried)))
	_, err = conn.Write([]byte("MONITOR\r\n"))
	require.NoError(t, err)
	return func() string {
		require.NoError(t, b.Raw.Echo(ctx, "the end").Err())
		var shown bytes.Buffer
		buffer := make([]byte, 1<<16)
		for !bytes.Contains(shown.Bytes(), []byte("the end")) {
			n, err := conn.Read(buffer)
			require.NoError(t, err)
			shown.Write(buffer[:n])
		}
		require.Contains(t, strings.ToLower(shown.String()), "evalsha")
		slow, err := b.Raw.Do(ctx, "SLOWLOG", "GET", 128).Result()
		require.NoError(t, err)
		fmt.Fprint(&shown, slow)
		return shown.String()
	}
}

func TestRule7_AnIssueIsSealedOnceAndNoTwoShareANonce(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(2))
		for range 2 {
			rig.MustLink(t, m, onetime.WithPayload([]byte("payload")))
		}
		record := b.Record(t, b.Only(t))
		one, two := record["a1"], record["b1"]
		require.Len(t, one, 2+len(rig.Alice)+len("payload")+16)
		require.Len(t, two, len(one))
		require.NotEqual(t, record["1"][:12], record["2"][:12], "ids are the nonces")
		// The same key stream would show here: the plain texts are equal.
		require.NotEqual(t, one, two)
		require.NotContains(t, record, "a2")
	})
}

// What is sealed is cut every 64 bytes, so that Redis keeps the record compact, and beyond five pieces stored whole.
func TestRecord_WhatIsSealedIsStoredInUpToFivePieces(t *testing.T) {
	onBoth(t, func(t *testing.T, b *rig.Backend) {
		for sealed, sizes := range map[int][]int{
			64: {64}, 65: {64, 1}, 128: {64, 64}, 129: {64, 64, 1}, 256: {64, 64, 64, 64}, 257: {64, 64, 64, 64, 1},
			320: {64, 64, 64, 64, 64}, 321: {321},
		} {
			payload := make([]byte, sealed-18-len(rig.Alice)) // 18: the length of the subject, and the tag of AES-GCM
			m := b.Manager(t, onetime.WithSendLimits())
			otp := rig.MustOTP(t, m, onetime.WithPayload(payload))
			var pieces []int
			record := b.Record(t, b.Only(t))
			for n := 1; record["a"+strconv.Itoa(n)] != ""; n++ {
				pieces = append(pieces, len(record["a"+strconv.Itoa(n)]))
			}
			require.Equal(t, sizes, pieces, "%d bytes", sealed)
			v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code)
			require.NoError(t, err)
			require.Equal(t, payload, v.Payload)
			require.NoError(t, b.Raw.FlushDB(t.Context()).Err())
		}
	})
}

// shape is what a record looks like from outside: its fields and the sizes of their values.
func shape(t *testing.T, b *rig.Backend, key string) map[string]int {
	t.Helper()
	sizes := map[string]int{}
	for field, value := range b.Record(t, key) {
		sizes[field] = len(value)
	}
	return sizes
}

func TestRule9_DecoyIsAnsweredLikeTheRealThing(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		m := b.Manager(t, onetime.WithGuessLimits(onetime.Limit{Burst: 7, Per: time.Hour}))
		type answer struct {
			err              string
			left             int
			retry, ttl, code time.Duration
		}
		// session plays the same calls for a real person and for a decoy, whose subjects have the same length.
		session := func(subject string, decoy ...onetime.IssueOption) (answers []answer, sizes []map[string]int) {
			require.NoError(t, b.Raw.FlushAll(ctx).Err())
			note := func(err error, durations ...time.Duration) {
				a := answer{ttl: durations[0], code: durations[1]}
				if err != nil {
					denied := rig.Refused(t, err, onetime.ErrDenied)
					a.err, a.left, a.retry = denied.Reason.Error(), denied.AttemptsLeft, denied.RetryAfter.Round(time.Minute/2)
				}
				answers = append(answers, a)
				sizes = append(sizes, shape(t, b, b.Only(t)))
			}
			payload := onetime.WithPayload([]byte("payload"))
			for range 2 {
				otp, err := m.IssueOTP(ctx, subject, append(decoy, payload)...)
				require.Equal(t, len(decoy) > 0 || err != nil, otp.Code == "")
				require.Equal(t, err != nil, otp.ID == "")
				note(err, otp.ExpiresIn, otp.ResendIn.Round(time.Second))
			}
			for i := range 4 {
				_, err := m.VerifyOTP(ctx, subject, rig.WrongCodes("000000", 9)[i+1])
				note(err, 0, 0)
			}
			b.Advance(t, time.Minute)
			for range 2 {
				link, err := m.IssueLink(ctx, subject, append(decoy, payload, onetime.WithCode())...)
				require.Equal(t, len(decoy) > 0 || err != nil, link.URL+link.Token+link.Code == "")
				note(err, link.ExpiresIn, link.CodeExpiresIn)
			}
			for i := range 5 {
				_, err := m.VerifyOTP(ctx, subject, rig.WrongCodes("000000", 9)[i+1])
				note(err, 0, 0)
			}
			b.Advance(t, time.Minute)
			link, err := m.IssueLink(ctx, subject, append(decoy, onetime.WithCode())...)
			note(err, link.ExpiresIn, link.CodeExpiresIn) // locked: without its code
			otp, err := m.IssueOTP(ctx, subject, decoy...)
			note(err, otp.ExpiresIn, 0)
			return answers, sizes
		}
		answers, sizes := session("alice@example.com")
		decoyAnswers, decoySizes := session("nobod@example.com", onetime.AsDecoy())
		require.Equal(t, answers, decoyAnswers)
		require.Equal(t, sizes, decoySizes)
	})
}

func TestRule9_NoCodeVerifiesADecoy(t *testing.T) {
	// Codes of the decoy would be found here: with fixed codes on, an issue has the code 123456.
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithDangerouslyFixedCodes(map[string]string{"alice@example.com": "123456"}, time.Now().Add(time.Hour)))
		_, err := m.IssueOTP(t.Context(), "alice@example.com", onetime.AsDecoy())
		require.NoError(t, err)
		_, err = m.VerifyOTP(t.Context(), "alice@example.com", "123456")
		rig.Refused(t, err, onetime.ErrMismatch)
	})
}

// commands counts what a client sends.
type commands struct {
	mu   sync.Mutex
	sent []string
}

func (c *commands) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c *commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.mu.Lock()
		c.sent = append(c.sent, fmt.Sprint(append(cmd.Args(), nil, nil)[:3]...))
		c.mu.Unlock()
		return next(ctx, cmd)
	}
}
func (c *commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestRule10_OneCommandWithOneKey(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		count := &commands{}
		b.Client.(*redis.Client).AddHook(count)
		m := b.Manager(t, onetime.WithSendLimits())
		// Once to have the scripts loaded.
		calls := rig.Operations(t, b.Manager(t), m)
		link, err := m.IssueLink(ctx, "bob@example.com", onetime.WithCode())
		require.NoError(t, err)
		v, err := m.VerifyOTP(ctx, "bob@example.com", link.Code)
		require.NoError(t, err)
		calls["Undo"] = func() error { return v.Undo(ctx) }
		factors := b.Factors(t, rig.Alice)
		maps.Copy(calls, rig.FactorOperations(t, factors, factors))
		for _, call := range calls {
			call()
		}
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			count.sent = nil
			require.NoError(t, b.Raw.ConfigResetStat(ctx).Err())
			if err := calls[name](); err != nil {
				require.ErrorIs(t, err, onetime.ErrDenied)
			}
			require.Len(t, count.sent, 1, name)
			require.Regexp(t, `^evalsha[0-9a-f]{40}1$`, strings.ReplaceAll(count.sent[0], " ", ""), name)
			inScripts := []string{"time", "hmget", "hget", "hkeys", "hlen", "hset", "hdel", "pttl", "pexpireat"}
			for _, line := range strings.Split(b.Raw.Info(ctx, "commandstats").Val(), "\r\n") {
				command, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
				switch {
				case !ok || strings.HasPrefix(command, "config|"):
				case command == "evalsha":
					require.True(t, strings.HasPrefix(rest, "1,"), "%s: %s", name, line)
				default:
					require.Contains(t, inScripts, command, name)
				}
			}
		}
	})
}
