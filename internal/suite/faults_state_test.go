package suite_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestFault_ReadOnlyReplica(t *testing.T) {
	t.Parallel() // most of it is waiting
	c := newTally(t)
	s, other := rig.NewServer(t), rig.NewServer(t)
	replicate := func(replica, primary *rig.Server) {
		host, port := primary.HostPort()
		replica.Must(t, "REPLICAOF", host, port)
		rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	}
	b := onServer(t, s, rig.NewClient(s.Addr))
	m := b.Manager(t, fullOptions...)
	replicate(other, s)
	operations := newOperations(t, b, m, "demoted")
	rig.Eventually(t, func(ctx context.Context) error {
		if other.Info(ctx, "master_repl_offset") != s.Info(ctx, "master_repl_offset") {
			return errors.New("the replica lags")
		}
		return nil
	})
	before := snapshot(t, b)
	other.Must(t, "REPLICAOF", "NO", "ONE")
	replicate(s, other)

	for i, err := range atOnce(c, unhurried, operations) {
		switch o := operations[i]; {
		case o.name == "Check":
			require.ErrorContains(t, err, "the server is a replica")
		case o.writes:
			require.ErrorContains(t, err, "READONLY", o.name)
			rig.Undecided(t, err)
		default:
			o.answered(t, err)
		}
	}
	require.Equal(t, before, snapshot(t, b))
	s.Must(t, "REPLICAOF", "NO", "ONE")
	normal(t, c, b, m, operations...)
}

func TestFault_OutOfMemory(t *testing.T) {
	c := newTally(t)
	s := rig.NewServer(t)
	b := onServer(t, s, rig.NewClient(s.Addr))
	m := b.Manager(t, fullOptions...)
	operations := newOperations(t, b, m, "full")
	before := snapshot(t, b)
	s.Must(t, "CONFIG", "SET", "maxmemory", 1)

	texts := map[string]string{}
	for _, o := range operations {
		err := o.run(c, unhurried)
		if o.writes && o.name != "Unlock" { // which frees memory, and so is let through
			require.ErrorContains(t, err, "OOM", o.name)
			rig.Undecided(t, err)
			require.Equal(t, before[o.key], snapshot(t, b)[o.key], o.name)
			texts[o.name] = err.Error()
		} else {
			o.answered(t, err)
		}
	}
	require.Equal(t, texts["VerifyOTP"], texts["VerifyOTP wrong"], "right and wrong cannot be told apart")
	err := c.call(unhurried, func(ctx context.Context) error { _, err := m.IssueOTP(ctx, "somebody new"); return err })
	require.ErrorContains(t, err, "OOM")
	rig.Undecided(t, err)
	require.Len(t, snapshot(t, b), len(before), "no new key")

	s.Must(t, "CONFIG", "SET", "maxmemory", 0)
	normal(t, c, b, m, operations...)
}

// A flusher is a hook that flushes the scripts before each command that names one.
type flusher struct{ flush func() }

func (f flusher) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f flusher) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			f.flush()
		}
		return next(ctx, cmd)
	}
}

func (f flusher) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Name() == "evalsha" }) {
			f.flush()
		}
		return next(ctx, cmds)
	}
}

func TestFault_ScriptFlushBetweenAnyTwoCalls(t *testing.T) {
	rig.Needs(t, rig.Redis)
	for _, kind := range []string{"redis", "redis cluster"} {
		for _, way := range []string{"", " AutoPipeline", " WithReplicaAck"} {
			t.Run(kind+way, func(t *testing.T) {
				if testing.Short() && (kind == "redis cluster" || way == " WithReplicaAck") {
					t.Skip("left out of a short run")
				}
				c := newTally(t)
				start := map[string]func() (*rig.Server, error){"redis": rig.SharedRedis, "redis cluster": rig.SharedCluster}[kind]
				s, err := start()
				require.NoError(t, err)
				options := fullOptions
				if way == " WithReplicaAck" {
					newReplica(t, s)
					options = acked(10 * time.Second)
				}
				b := &rig.Backend{}
				flushed := func(options *redis.Options) *redis.Client {
					options.ReadTimeout = unhurried
					client := redis.NewClient(options)
					client.AddHook(flusher{func() { assert.NoError(t, b.Raw.ScriptFlush(context.Background()).Err()) }})
					return client
				}
				var client redis.UniversalClient = flushed(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true})
				if kind == "redis cluster" {
					client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{s.Addr}, ContextTimeoutEnabled: true, ReadTimeout: unhurried, NewClient: flushed})
				}
				b.Run(t, s.Addr, client, way == " AutoPipeline", func(*testing.T, *rig.Backend) {})
				m := b.Manager(t, options...)
				operations := newOperations(t, b, m, "flushed")
				require.NoError(t, b.Raw.ConfigResetStat(t.Context()).Err())
				errs := make([]error, len(operations))
				for i, o := range operations {
					errs[i] = o.run(c, unhurried)
				}
				require.Equal(t, fmt.Sprintf("count=%d", len(operations)), s.Info(t.Context(), "errorstat_NOSCRIPT"), "each was sent again")
				for i, o := range operations {
					o.answered(t, errs[i])
				}
				if way == " AutoPipeline" { // has several of them in a batch
					operations = newOperations(t, b, m, "at once")
					for i, err := range atOnce(c, unhurried, operations) {
						operations[i].answered(t, err)
					}
				}
				snapshot(t, b)
			})
		}
	}
}

func TestFault_ClockStepsBack(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		c := newTally(t)
		const sendPer, guessPer = 10 * time.Minute, time.Hour
		m := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 2, Per: sendPer}), onetime.WithGuessLimits(onetime.Limit{Burst: 2, Per: guessPer}))
		for _, back := range []time.Duration{8 * time.Second, 20 * time.Second, 4 * time.Minute, 24 * time.Hour, 400 * 24 * time.Hour} {
			require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
			subject := fmt.Sprintf("back %s", back)
			call := func(call func(ctx context.Context) error) error { return c.call(unhurried, call) }
			var link onetime.Link
			var used onetime.Token
			require.NoError(t, call(func(ctx context.Context) (err error) {
				link, err = m.IssueLink(ctx, subject, onetime.WithCode())
				return err
			}))
			require.NoError(t, call(func(ctx context.Context) (err error) { used, err = m.IssueToken(ctx, subject, inUsed); return err }))
			use := func(ctx context.Context) error { _, err := m.VerifyToken(ctx, used.Value, inUsed); return err }
			require.NoError(t, c.use(used.ID, unhurried, use))
			guess := func(code string) error {
				return call(func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, subject, code); return err })
			}
			codes := rig.WrongCodes(link.Code, 2)
			for _, code := range codes {
				rig.Refused(t, guess(code), onetime.ErrMismatch)
			}
			rig.Refused(t, guess(link.Code), onetime.ErrLocked)
			rig.Refused(t, call(func(ctx context.Context) error { _, err := m.IssueToken(ctx, subject); return err }), onetime.ErrThrottled)

			b.Advance(t, -back)
			inspect := call(func(ctx context.Context) error { _, err := m.InspectToken(ctx, link.Token); return err })
			if back < 10*time.Second {
				require.NoError(t, inspect, "a little is forgiven")
				rig.Refused(t, c.use(used.ID, unhurried, use), onetime.ErrUsed)
				require.Zero(t, rig.Refused(t, guess(codes[0]), onetime.ErrMismatch).RetryAfter)
			} else {
				rig.Refused(t, inspect, onetime.ErrNotFound)
				rig.Refused(t, c.use(used.ID, unhurried, use), onetime.ErrDenied)
				require.Empty(t, rig.MustStatus(t, m, subject).Pending, "what was issued in the future is dead")
			}
			// Times that no limit can have produced are cut: the next event passes and writes them.
			require.Zero(t, rig.MustStatus(t, m, subject).SendIn)
			require.Zero(t, rig.MustStatus(t, m, subject).GuessIn)
			var otp onetime.OTP
			require.NoError(t, call(func(ctx context.Context) (err error) { otp, err = m.IssueOTP(ctx, subject); return err }))
			again := rig.Refused(t, call(func(ctx context.Context) error { _, err := m.IssueOTP(ctx, subject); return err }), onetime.ErrThrottled)
			require.LessOrEqual(t, again.RetryAfter, sendPer)
			rig.Refused(t, guess(rig.WrongCodes(otp.Code, 3)[2]), onetime.ErrMismatch)
			require.LessOrEqual(t, rig.Refused(t, guess(otp.Code), onetime.ErrLocked).RetryAfter, guessPer)
			snapshot(t, b)

			b.Advance(t, min(back, guessPer)) // the clock is right again, or the limits refilled
			rig.Refused(t, c.use(used.ID, unhurried, use), onetime.ErrDenied)
			require.NoError(t, call(func(ctx context.Context) error { return m.Unlock(ctx, subject) }))
			require.NoError(t, call(func(ctx context.Context) (err error) { otp, err = m.IssueOTP(ctx, subject); return err }))
			require.NoError(t, guess(otp.Code))
			rig.Refused(t, c.use(used.ID, unhurried, use), onetime.ErrDenied)
			snapshot(t, b)
		}
	})
}
