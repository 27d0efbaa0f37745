package suite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// Rule 8: whatever happens to Redis, a call ends in time, an answer is true, and all else is undecided; nothing is half
// done, and afterwards all is as before.

func TestFault_KilledAndRestarted(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of a short run")
	}
	t.Parallel() // most of it is waiting
	for _, run := range []struct {
		name   string
		args   []string
		keeps  bool // all that it was told
		settle bool // before it is killed: what was written a moment ago may be lost
	}{
		{name: "without persistence"},
		{name: "appendfsync always", args: []string{"--appendonly", "yes", "--appendfsync", "always"}, keeps: true},
		{name: "appendfsync everysec", args: []string{"--appendonly", "yes", "--appendfsync", "everysec"}, keeps: true, settle: true},
	} {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			c := newTally(t)
			s := rig.NewServer(t, run.args...)
			b := onServer(t, s, rig.NewClient(s.Addr))
			m := b.Manager(t, onetime.WithSendLimits())
			// A client that could not dial may go on to answer with that error a while after the server is back, so what is
			// asked once is asked by one that has seen no fault.
			calm := func() *onetime.Manager {
				client := rig.NewClient(s.Addr)
				t.Cleanup(func() { client.Close() })
				return (&rig.Backend{Client: client}).Manager(t, onetime.WithSendLimits())
			}
			secrets, again := 0, 0
			for round := range 3 {
				before := calm()
				tr := startTraffic(t, &traffic{m: m, tally: c, deadline: unhurried, loses: !run.keeps,
					subject: func(n int) string { return fmt.Sprintf("person-%d-%d@example.com", round, n) }}, 4)
				tr.flows(t, 12)
				link := rig.MustLink(t, before, onetime.WithPayload([]byte("payload")))
				guesses := rig.WrongCodes(link.Code, 2)
				require.Equal(t, 4, rig.Refused(t, rig.VerifyOTP(t, before, guesses[0]), onetime.ErrMismatch).AttemptsLeft)
				used := rig.MustToken(t, before, inUsed)
				require.NoError(t, rig.VerifyToken(t, before, used.Value, inUsed))
				if run.settle {
					tr.stop()
					rig.Eventually(t, func(ctx context.Context) error {
						if left := s.Info(ctx, "aof_buffer_length"); left != "0" {
							return fmt.Errorf("%s bytes are not written yet", left)
						}
						return nil
					})
				}
				s.Kill()
				if !run.settle {
					calls := c.total()
					rig.Eventually(t, func(context.Context) error {
						if c.total() < calls+8 {
							return errors.New("the traffic has not noticed yet")
						}
						return nil
					})
				}
				require.NoError(t, s.Start())
				err := answer(t, c, func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, guesses[1]); return err })
				after := calm()
				if run.keeps {
					require.Equal(t, 3, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft, "the other one stays charged")
					rig.Refused(t, rig.VerifyToken(t, after, used.Value, inUsed), onetime.ErrUsed)
					require.NoError(t, rig.VerifyToken(t, after, link.Token), "what was issued verifies")
				} else {
					rig.Refused(t, err, onetime.ErrNotFound)
					rig.Refused(t, rig.VerifyToken(t, after, link.Token), onetime.ErrNotFound)
					rig.Refused(t, rig.VerifyToken(t, after, used.Value, inUsed), onetime.ErrNotFound)
				}
				snapshot(t, b)
				if !run.settle {
					tr.flows(t, 6)
				}
				n, verified := tr.tryAgain(t)
				secrets, again = secrets+n, again+verified
			}
			t.Logf("after 3 kills: of %d used secrets %d verified again", secrets, again)
			snapshot(t, b)
		})
	}
}

// warm opens n connections of a client, so that commands can be sent to a server that accepts no more.
func warm(t *testing.T, client redis.UniversalClient, n int) {
	t.Helper()
	node, _ := client.(*redis.Client)
	if cluster, ok := client.(*redis.ClusterClient); ok {
		var err error
		node, err = cluster.MasterForKey(t.Context(), "")
		require.NoError(t, err)
	}
	// A client that hurries may give up on a busy machine, and then tries again.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for range n {
			conn := node.Conn()
			defer conn.Close() // gives it to the pool
			require.NoError(c, conn.Ping(t.Context()).Err())
		}
	}, time.Minute, time.Millisecond)
}

// stopped runs a test while a server is stopped, and lets it go on.
func stopped(t *testing.T, s *rig.Server, test func()) {
	t.Helper()
	require.NoError(t, s.Pause())
	defer func() { require.NoError(t, s.Resume()) }()
	rig.Eventually(t, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if s.Do(ctx, "PING").Err() == nil {
			return errors.New("the server has not stopped yet")
		}
		return nil
	})
	test()
}

// A wiretap keeps what clients write, to tell what was sent before its deadline: on a busy machine not all is.
type wiretap struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (w *wiretap) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return tapped{conn, func(sent []byte) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.written.Write(sent)
	}}, err
}

// untilSent runs a test with operations that are new each time, and with a longer deadline, until all were sent before it.
func (w *wiretap) untilSent(t *testing.T, operations func(round int) []operation, test func(deadline time.Duration, operations []operation)) []operation {
	t.Helper()
	for round := range 8 {
		made := operations(round)
		w.mu.Lock()
		w.written.Reset()
		w.mu.Unlock()
		test(hurried<<round, made)
		w.mu.Lock()
		all := !slices.ContainsFunc(made, func(o operation) bool {
			return o.name != "Check" && !bytes.Contains(w.written.Bytes(), []byte(o.key))
		})
		w.mu.Unlock()
		if all {
			return made
		}
		t.Logf("not all calls were sent within %s: once more", hurried<<round)
	}
	require.FailNow(t, "calls are not sent")
	return nil
}

// late waits until the commands that a stopped server was sent have run.
func late(t *testing.T, b *rig.Backend, operations []operation) {
	t.Helper()
	for _, o := range operations {
		rig.Eventually(t, func(context.Context) error {
			if strings.HasPrefix(o.name, "Issue") { // nobody has its secret
				if maps.Equal(b.Record(t, o.key), o.fields) {
					return fmt.Errorf("%s has not run yet", o.name)
				}
				return nil
			}
			return o.done()
		})
	}
}

func TestFault_StoppedServer(t *testing.T) {
	const copies = 4 // of a command that go-redis sends again and again
	alone := rig.NewServer(t)
	node := sync.OnceValue(func() *rig.Server { return newNode(t) })
	soon := redis.Options{PoolSize: 200, ReadTimeout: hurried / 6, MinRetryBackoff: time.Millisecond}
	for _, client := range []struct {
		name             string
		options          redis.Options
		inCluster, acked bool
	}{
		{name: "client", options: redis.Options{PoolSize: 200}},
		{name: "client that sends again", options: soon},
		{name: "WithReplicaAck", options: soon, acked: true},
		{name: "cluster client", options: redis.Options{PoolSize: 200}, inCluster: true},
		{name: "cluster client WithReplicaAck", options: soon, inCluster: true, acked: true},
	} {
		t.Run(client.name, func(t *testing.T) {
			if testing.Short() && (client.inCluster || client.acked) {
				t.Skip("left out of a short run")
			}
			c := newTally(t)
			s, o := alone, client.options
			var rdb redis.UniversalClient
			var tap wiretap
			if client.inCluster {
				s = node()
				rdb = redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{s.Addr}, Dialer: tap.dial, PoolSize: o.PoolSize, ReadTimeout: o.ReadTimeout,
					MinRetryBackoff: o.MinRetryBackoff, ContextTimeoutEnabled: true})
			} else {
				o.Addr, o.Dialer, o.ContextTimeoutEnabled = s.Addr, tap.dial, true
				rdb = redis.NewClient(&o)
			}
			options := fullOptions
			if client.acked {
				newReplica(t, s)
				options = acked(hurried / 10)
			}
			b := onServer(t, s, rdb)
			m := b.Manager(t, options...)
			operations := tap.untilSent(t, func(round int) []operation {
				operations := newOperations(t, b, m, fmt.Sprint("stopped ", round))
				warm(t, rdb, copies*len(operations))
				return operations
			}, func(deadline time.Duration, operations []operation) {
				stopped(t, s, func() {
					for i, err := range atOnce(c, deadline, operations) {
						require.Error(t, err, operations[i].name)
						rig.Undecided(t, err)
					}
				})
			})
			late(t, b, operations)
			for _, o := range operations {
				if strings.HasPrefix(o.name, "Verify") && o.writes && o.reason == nil {
					rig.Refused(t, o.run(c, unhurried), onetime.ErrUsed)
				}
			}
			normal(t, c, b, m)
			for _, o := range operations {
				if !strings.HasPrefix(o.name, "Issue") {
					require.NoError(t, o.done(), "%s: copies of a command change nothing", o.name)
				}
			}
		})
	}

	for name, end := range map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
		"context cancelled before": context.WithCancel,
		"deadline passed before": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Now())
		},
	} {
		for _, automatic := range []bool{false, true} { // the automatic pipeliner would not notice
			t.Run(name+map[bool]string{true: " AutoPipeline"}[automatic], func(t *testing.T) {
				(&rig.Backend{}).Run(t, alone.Addr, rig.NewClient(alone.Addr), automatic, func(t *testing.T, b *rig.Backend) {
					c := newTally(t)
					m := b.Manager(t, fullOptions...)
					operations := newOperations(t, b, m, "cancelled")
					before := snapshot(t, b)
					for _, o := range operations {
						err := c.call(hurried, func(ctx context.Context) error {
							ctx, cancel := end(ctx)
							cancel()
							return o.call(ctx)
						})
						require.Error(t, err, o.name)
						rig.Undecided(t, err)
					}
					require.Equal(t, before, snapshot(t, b))
					normal(t, c, b, m, operations...)
				})
			})
		}
	}

	t.Run("context cancelled after the command was sent", func(t *testing.T) {
		c := newTally(t)
		var cancels sync.Map // by the key that the command names
		client := redis.NewClient(&redis.Options{Addr: alone.Addr, PoolSize: 100, ContextTimeoutEnabled: true,
			Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return tapped{conn, func(sent []byte) {
					cancels.Range(func(key, cancel any) bool {
						if bytes.Contains(sent, []byte(key.(string))) {
							cancel.(context.CancelFunc)()
						}
						return true
					})
				}}, err
			}})
		b := onServer(t, alone, client)
		m := b.Manager(t, fullOptions...)
		operations := newOperations(t, b, m, "cancelled")
		operations = operations[:len(operations)-1] // Check, the last, does not stop at one command
		warm(t, client, len(operations))
		cancelled := slices.Clone(operations)
		for i, o := range operations {
			cancelled[i].call = func(ctx context.Context) error {
				ctx, cancel := context.WithCancel(ctx)
				cancels.Store(o.key, cancel)
				defer cancels.Delete(o.key)
				err := o.call(ctx)
				assert.ErrorIs(t, ctx.Err(), context.Canceled, "%s was not sent", o.name)
				return err
			}
		}
		stopped(t, alone, func() {
			for i, err := range atOnce(c, unhurried, cancelled) {
				require.Error(t, err, operations[i].name)
				rig.Undecided(t, err)
			}
		})
		late(t, b, operations)
		normal(t, c, b, m)
	})
}

// A tapped connection tells what was written.
type tapped struct {
	net.Conn
	sent func([]byte)
}

func (c tapped) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent(b)
	return n, err
}

func TestFault_ClientThatIgnoresDeadlines(t *testing.T) {
	t.Parallel() // most of it is waiting
	const patience = hurried + hurried/3
	for _, automatic := range []bool{false, true} {
		t.Run(map[bool]string{false: "without ContextTimeoutEnabled", true: "AutoPipeline"}[automatic], func(t *testing.T) {
			t.Parallel()
			c := newTally(t)
			s := rig.NewServer(t)
			var tap wiretap
			client := redis.NewClient(&redis.Options{Addr: s.Addr, Dialer: tap.dial, ReadTimeout: patience, PoolSize: 100, MaxRetries: -1, ContextTimeoutEnabled: automatic})
			(&rig.Backend{}).Run(t, s.Addr, client, automatic, func(t *testing.T, b *rig.Backend) {
				m := b.Manager(t, fullOptions...)
				operations := tap.untilSent(t, func(round int) []operation {
					operations := newOperations(t, b, m, fmt.Sprint("ignored ", round))
					warm(t, client, 2*len(operations))
					return operations
				}, func(deadline time.Duration, operations []operation) {
					stopped(t, s, func() {
						for i, err := range atOnce(c, deadline, operations) {
							require.Error(t, err, operations[i].name)
							rig.Undecided(t, err)
						}
					})
				})
				require.GreaterOrEqual(t, c.longest, patience, "it waits as long as ReadTimeout, whatever the deadline")
				late(t, b, operations)
				if !automatic {
					require.ErrorContains(t, m.Check(t.Context()), "ContextTimeoutEnabled")
				}
			})
		})
	}

	t.Run("cluster client that has run no command yet", func(t *testing.T) {
		if testing.Short() {
			t.Skip("left out of a short run")
		}
		t.Parallel()
		c := newTally(t)
		s := newNode(t)
		client := rig.NewClusterClient(s.Addr).(*redis.ClusterClient)
		b := onServer(t, s, client)
		m := b.Manager(t)
		_, err := client.MasterForKey(t.Context(), "") // knows the slots by now
		require.NoError(t, err)
		status := func(ctx context.Context) error { _, err := m.Status(ctx, rig.Alice); return err }
		stopped(t, s, func() {
			// It asks for a table of all commands first, for up to 5 s. So call Check when the program starts.
			rig.Undecided(t, c.call(5*time.Second, func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, hurried)
				defer cancel()
				return status(ctx)
			}))
		})
		require.NoError(t, answer(t, c, m.Check))
		stopped(t, s, func() { rig.Undecided(t, c.call(hurried, status)) })
		require.NoError(t, answer(t, c, status))
	})
}
