package onetime_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/redistest"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// Rule 8: whatever happens to Redis, a call ends in time, an answer is true, and all else is undecided; nothing is half
// done, and afterwards all is as before.

const (
	hurried   = 300 * time.Millisecond // the deadline of a call that gets no answer
	unhurried = redistest.Patience
)

// A full is a person whose record has in it all that a record can have.
type full struct {
	b            *backend
	subject, key string
	link         onetime.Link // the newer one, which is not used
	fields       map[string]string
	operations   []operation
}

// An operation is a call about a full record.
type operation struct {
	*full
	name   string
	writes bool
	reason error // of the refusal that answers it where nothing is wrong; nil for a success
	call   func(ctx context.Context) error
	done   func() error // nil if what it was answered with is so; asked of a Manager that nothing is wrong with
}

// fullOptions are those of its Managers. Codes are long: none equals another by chance.
var fullOptions = []onetime.Option{onetime.WithKeep(2), onetime.WithCodeLength(12),
	onetime.WithSendLimits(onetime.Limit{Burst: 100, Per: time.Hour}), onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Hour})}

// acked are fullOptions of Managers that wait for a replica.
func acked(timeout time.Duration) []onetime.Option {
	return append(slices.Clone(fullOptions), onetime.WithReplicaAck(1, timeout))
}

// newNode starts a cluster of one node.
func newNode(t *testing.T) *redistest.Server {
	t.Helper()
	s := redistest.NewServer(t, "--cluster-enabled", "yes")
	s.Must(t, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	redistest.Eventually(t, s.ClusterOK)
	return s
}

// newReplica starts a replica. Of a node of a cluster one that is no node itself does, too.
func newReplica(t *testing.T, s *redistest.Server) *redistest.Server {
	t.Helper()
	host, port := s.HostPort()
	replica := redistest.NewServer(t, "--replicaof", host+" "+port)
	redistest.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, s) })
	return replica
}

const usedBinding, cancelledBinding = "a used challenge", "a cancelled challenge"

var inUsed, inCancelled = onetime.WithBinding(usedBinding), onetime.WithBinding(cancelledBinding)

// newFull makes a record with a Manager of fullOptions: two links in a challenge that was undone and charged with two
// wrong codes; a used challenge; a cancelled one; limits, failures and a revocation.
func newFull(t testing.TB, b *backend, m *onetime.Manager, subject string) *full {
	t.Helper()
	ctx := t.Context()
	f := &full{b: b, subject: subject, key: fmt.Sprintf("onetime:v1:default:{%s}", encode(onetime.Tag(m, subject)))}
	admin := (&backend{rdb: b.raw}).manager(t, fullOptions...)
	link := func(payload int, binding onetime.CallOption) onetime.Link {
		t.Helper()
		link, err := m.IssueLink(ctx, subject, binding, onetime.WithCode(), onetime.WithPayload(make([]byte, payload)))
		require.NoError(t, err)
		return link
	}
	use := func(token string, binding onetime.CallOption) onetime.Verification {
		t.Helper()
		v, err := m.VerifyToken(ctx, token, binding)
		require.NoError(t, err)
		return v
	}
	link(0, nil)
	require.NoError(t, m.Revoke(ctx, subject))
	require.NoError(t, m.Unlock(ctx, subject)) // all scripts are loaded from here on
	_, err := m.Status(ctx, subject)
	require.NoError(t, err)
	older, newer := link(0, nil), link(100, nil)
	undone := use(older.Token, nil)
	require.NoError(t, undone.Undo(ctx))
	spent, ended := link(300, inUsed), link(20, inCancelled)
	used := use(spent.Token, inUsed)
	require.NoError(t, m.Cancel(ctx, subject, ended.ID))
	guesses := wrong(newer.Code, 3)
	for _, code := range guesses[:2] {
		_, err := m.VerifyOTP(ctx, subject, code)
		refused(t, err, onetime.ErrMismatch)
	}

	add := func(name string, writes bool, reason error, call func(ctx context.Context) error, done func() error) {
		f.operations = append(f.operations, operation{f, name, writes, reason, call, done})
	}
	issue := func(name string, binding onetime.CallOption, call func(ctx context.Context) (code, token string, err error)) {
		var code, token string
		add(name, true, nil, func(ctx context.Context) (err error) { code, token, err = call(ctx); return err }, func() (err error) {
			if token != "" {
				_, err = admin.InspectToken(context.Background(), token, binding)
			}
			if err == nil && code != "" {
				_, err = admin.VerifyOTP(context.Background(), subject, code, binding)
			}
			return err
		})
	}
	otp := func(binding onetime.CallOption) func(ctx context.Context) (code, token string, err error) {
		return func(ctx context.Context) (code, token string, err error) {
			otp, err := m.IssueOTP(ctx, subject, binding, onetime.WithPayload(make([]byte, 20)))
			return otp.Code, "", err
		}
	}
	issue("IssueOTP", nil, otp(nil))
	issue("IssueOTP used", inUsed, otp(inUsed))
	issue("IssueToken", nil, func(ctx context.Context) (code, token string, err error) {
		made, err := m.IssueToken(ctx, subject)
		return "", made.Value, err
	})
	issue("IssueLink", nil, func(ctx context.Context) (code, token string, err error) {
		made, err := m.IssueLink(ctx, subject, onetime.WithCode(), onetime.WithPayload(make([]byte, 200)))
		return made.Code, made.Token, err
	})
	verifyOTP := func(m *onetime.Manager, code string, binding onetime.CallOption) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, subject, code, binding); return err }
	}
	verifyToken := func(m *onetime.Manager, token string, binding onetime.CallOption) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := m.VerifyToken(ctx, token, binding); return err }
	}
	inspect := func(m *onetime.Manager, token string, binding onetime.CallOption) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := m.InspectToken(ctx, token, binding); return err }
	}
	// answers tells whether a call is answered with a reason.
	answers := func(reason error, call func(ctx context.Context) error) func() error {
		return func() error {
			if err := call(context.Background()); !errors.Is(err, reason) {
				return fmt.Errorf("want %v, got %w", reason, err)
			}
			return nil
		}
	}
	status := func(right func(s onetime.Status) bool) func() error {
		return func() error {
			s, err := admin.Status(context.Background(), subject)
			if err == nil && !right(s) {
				err = fmt.Errorf("status %+v", s)
			}
			return err
		}
	}
	isUsed, stays := answers(onetime.ErrUsed, verifyToken(admin, newer.Token, nil)), status(func(s onetime.Status) bool {
		return s.Failures == 2 && len(s.Pending) == 3 // both links, and the used one
	})
	add("VerifyOTP", true, nil, verifyOTP(m, newer.Code, nil), isUsed)
	add("VerifyOTP wrong", true, onetime.ErrMismatch, verifyOTP(m, guesses[2], nil), status(func(s onetime.Status) bool { return s.Failures == 3 }))
	add("VerifyOTP known", false, onetime.ErrMismatch, verifyOTP(m, guesses[0], nil), stays)
	add("VerifyOTP used", false, onetime.ErrUsed, verifyOTP(m, spent.Code, inUsed), stays)
	add("VerifyToken", true, nil, verifyToken(m, newer.Token, nil), isUsed)
	add("VerifyToken older", true, nil, verifyToken(m, older.Token, nil), isUsed)
	add("VerifyToken used", false, onetime.ErrUsed, verifyToken(m, spent.Token, inUsed), stays)
	add("InspectToken", false, nil, inspect(m, newer.Token, nil), stays)
	add("Undo", true, nil, used.Undo, answers(nil, inspect(admin, spent.Token, inUsed)))
	add("Undo again", false, nil, undone.Undo, answers(nil, inspect(admin, older.Token, nil)))
	add("Cancel", true, nil, func(ctx context.Context) error { return m.Cancel(ctx, subject, newer.ID) },
		answers(onetime.ErrNotFound, verifyToken(admin, newer.Token, nil)))
	add("Cancel again", true, nil, func(ctx context.Context) error { return m.Cancel(ctx, subject, ended.ID) },
		answers(onetime.ErrNotFound, verifyToken(admin, ended.Token, inCancelled)))
	add("Cancel unknown", false, nil, func(ctx context.Context) error { return m.Cancel(ctx, subject, encode("twelve bytes")) }, stays)
	add("Revoke", true, nil, func(ctx context.Context) error { return m.Revoke(ctx, subject) },
		status(func(s onetime.Status) bool { return len(s.Pending) == 0 }))
	add("Unlock", true, nil, func(ctx context.Context) error { return m.Unlock(ctx, subject) }, func() error {
		fields, err := b.raw.HKeys(context.Background(), f.key).Result()
		if i := slices.IndexFunc(fields, func(field string) bool { return field == "f" || limitField.MatchString(field) }); i >= 0 {
			err = fmt.Errorf("%s is still there", fields[i])
		}
		return err
	})
	add("Status", false, nil, func(ctx context.Context) error { _, err := m.Status(ctx, subject); return err }, stays)
	add("Check", false, nil, m.Check, stays)
	f.link, f.fields = newer, b.record(t, f.key)
	return f
}

// newOperations returns every operation, each about a record of its own.
func newOperations(t testing.TB, b *backend, m *onetime.Manager, name string) (operations []operation) {
	t.Helper()
	for i := 0; i == 0 || i < len(operations[0].operations); i++ {
		operations = append(operations, newFull(t, b, m, fmt.Sprintf("%s %d", name, i)).operations[i])
	}
	return operations
}

// run makes the call.
func (o operation) run(c *tally, deadline time.Duration) error {
	if o.writes && o.reason == nil && strings.HasPrefix(o.name, "Verify") {
		return c.use(o.key, deadline, o.call)
	}
	return c.call(deadline, o.call)
}

// atOnce makes all calls in parallel and returns their errors.
func atOnce(c *tally, deadline time.Duration, operations []operation) []error {
	errs := make([]error, len(operations))
	var group sync.WaitGroup
	for i, o := range operations {
		group.Go(func() { errs[i] = o.run(c, deadline) })
	}
	group.Wait()
	return errs
}

// answered requires the answer of where nothing is wrong, and that it is so.
func (o operation) answered(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, o.reason, o.name)
	require.NoError(t, o.done(), o.name)
}

// normal requires that service is normal: for records that are still as they were made, and for new ones.
func normal(t *testing.T, c *tally, b *backend, m *onetime.Manager, operations ...operation) {
	t.Helper()
	for _, o := range append(operations, newOperations(t, b, m, "afterwards")...) {
		o.answered(t, o.run(c, unhurried))
	}
	snapshot(t, b)
}

// answer makes a call until it is decided.
func answer(t *testing.T, c *tally, call func(ctx context.Context) error) (err error) {
	t.Helper()
	redistest.Eventually(t, func(context.Context) error {
		if err = c.call(unhurried, call); !decided(err) {
			return err
		}
		return nil
	})
	return err
}

// A stored is all that Redis has under a key.
type stored struct {
	fields map[string]string
	end    time.Duration
}

// snapshot returns all records, and requires that each has a TTL.
func snapshot(t testing.TB, b *backend) map[string]stored {
	t.Helper()
	all := map[string]stored{}
	for _, key := range b.records(t) {
		end, err := b.raw.PExpireTime(t.Context(), key).Result()
		require.NoError(t, err)
		require.Positive(t, end, "every key has a TTL")
		all[key] = stored{b.record(t, key), end}
	}
	return all
}

// onServer returns a backend on a server of the test's own, which is emptied.
func onServer(t *testing.T, s *redistest.Server, client redis.UniversalClient) *backend {
	t.Helper()
	b := &backend{}
	b.run(t, s.Addr, client, false, func(*testing.T, *backend) {})
	return b
}

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
			s := redistest.NewServer(t, run.args...)
			b := onServer(t, s, single(s.Addr))
			m := b.manager(t, onetime.WithSendLimits())
			secrets, again := 0, 0
			for round := range 3 {
				tr := startTraffic(t, &traffic{m: m, tally: c, deadline: unhurried, loses: !run.keeps,
					subject: func(n int) string { return fmt.Sprintf("person-%d-%d@example.com", round, n) }}, 4)
				tr.flows(t, 12)
				link := mustLink(t, m, onetime.WithPayload([]byte("payload")))
				guesses := wrong(link.Code, 2)
				require.Equal(t, 4, refused(t, verifyOTP(t, m, guesses[0]), onetime.ErrMismatch).AttemptsLeft)
				used := mustToken(t, m, inUsed)
				require.NoError(t, verifyToken(t, m, used.Value, inUsed))
				if run.settle {
					tr.stop()
					redistest.Eventually(t, func(ctx context.Context) error {
						if left := s.Info(ctx, "aof_buffer_length"); left != "0" {
							return fmt.Errorf("%s bytes are not written yet", left)
						}
						return nil
					})
				}
				s.Kill()
				if !run.settle {
					before := c.total()
					redistest.Eventually(t, func(context.Context) error {
						if c.total() < before+8 {
							return errors.New("the traffic has not noticed yet")
						}
						return nil
					})
				}
				require.NoError(t, s.Start())
				err := answer(t, c, func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, alice, guesses[1]); return err })
				if run.keeps {
					require.Equal(t, 3, refused(t, err, onetime.ErrMismatch).AttemptsLeft, "the other one stays charged")
					refused(t, verifyToken(t, m, used.Value, inUsed), onetime.ErrUsed)
					require.NoError(t, verifyToken(t, m, link.Token), "what was issued verifies")
				} else {
					refused(t, err, onetime.ErrNotFound)
					refused(t, verifyToken(t, m, link.Token), onetime.ErrNotFound)
					refused(t, verifyToken(t, m, used.Value, inUsed), onetime.ErrNotFound)
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
	for range n {
		conn := node.Conn()
		defer conn.Close() // gives it to the pool
		require.NoError(t, conn.Ping(t.Context()).Err())
	}
}

// stopped runs a test while a server is stopped, and lets it go on.
func stopped(t *testing.T, s *redistest.Server, test func()) {
	t.Helper()
	require.NoError(t, s.Pause())
	defer func() { require.NoError(t, s.Resume()) }()
	redistest.Eventually(t, func(ctx context.Context) error {
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
func late(t *testing.T, b *backend, operations []operation) {
	t.Helper()
	for _, o := range operations {
		redistest.Eventually(t, func(context.Context) error {
			if strings.HasPrefix(o.name, "Issue") { // nobody has its secret
				if maps.Equal(b.record(t, o.key), o.fields) {
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
	alone := redistest.NewServer(t)
	node := sync.OnceValue(func() *redistest.Server { return newNode(t) })
	soon := redis.Options{PoolSize: 100, ReadTimeout: hurried / 6, MinRetryBackoff: time.Millisecond}
	for _, client := range []struct {
		name             string
		options          redis.Options
		inCluster, acked bool
	}{
		{name: "client", options: redis.Options{PoolSize: 100}},
		{name: "client that sends again", options: soon},
		{name: "WithReplicaAck", options: soon, acked: true},
		{name: "cluster client", options: redis.Options{PoolSize: 100}, inCluster: true},
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
			m := b.manager(t, options...)
			operations := tap.untilSent(t, func(round int) []operation {
				operations := newOperations(t, b, m, fmt.Sprint("stopped ", round))
				warm(t, rdb, copies*len(operations))
				return operations
			}, func(deadline time.Duration, operations []operation) {
				stopped(t, s, func() {
					for i, err := range atOnce(c, deadline, operations) {
						require.Error(t, err, operations[i].name)
						undecided(t, err)
					}
				})
			})
			late(t, b, operations)
			for _, o := range operations {
				if strings.HasPrefix(o.name, "Verify") && o.writes && o.reason == nil {
					refused(t, o.run(c, unhurried), onetime.ErrUsed)
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
				(&backend{}).run(t, alone.Addr, single(alone.Addr), automatic, func(t *testing.T, b *backend) {
					c := newTally(t)
					m := b.manager(t, fullOptions...)
					operations := newOperations(t, b, m, "cancelled")
					before := snapshot(t, b)
					for _, o := range operations {
						err := c.call(hurried, func(ctx context.Context) error {
							ctx, cancel := end(ctx)
							cancel()
							return o.call(ctx)
						})
						require.Error(t, err, o.name)
						undecided(t, err)
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
		m := b.manager(t, fullOptions...)
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
				undecided(t, err)
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
			s := redistest.NewServer(t)
			var tap wiretap
			client := redis.NewClient(&redis.Options{Addr: s.Addr, Dialer: tap.dial, ReadTimeout: patience, PoolSize: 100, MaxRetries: -1, ContextTimeoutEnabled: automatic})
			(&backend{}).run(t, s.Addr, client, automatic, func(t *testing.T, b *backend) {
				m := b.manager(t, fullOptions...)
				operations := tap.untilSent(t, func(round int) []operation {
					operations := newOperations(t, b, m, fmt.Sprint("ignored ", round))
					warm(t, client, 2*len(operations))
					return operations
				}, func(deadline time.Duration, operations []operation) {
					stopped(t, s, func() {
						for i, err := range atOnce(c, deadline, operations) {
							require.Error(t, err, operations[i].name)
							undecided(t, err)
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
		client := cluster(s.Addr).(*redis.ClusterClient)
		b := onServer(t, s, client)
		m := b.manager(t)
		_, err := client.MasterForKey(t.Context(), "") // knows the slots by now
		require.NoError(t, err)
		status := func(ctx context.Context) error { _, err := m.Status(ctx, alice); return err }
		stopped(t, s, func() {
			// It asks for a table of all commands first, for up to 5 s. So call Check when the program starts.
			undecided(t, c.call(5*time.Second, func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, hurried)
				defer cancel()
				return status(ctx)
			}))
		})
		require.NoError(t, answer(t, c, m.Check))
		stopped(t, s, func() { undecided(t, c.call(hurried, status)) })
		require.NoError(t, answer(t, c, status))
	})
}

func TestFault_ReadOnlyReplica(t *testing.T) {
	t.Parallel() // most of it is waiting
	c := newTally(t)
	s, other := redistest.NewServer(t), redistest.NewServer(t)
	replicate := func(replica, primary *redistest.Server) {
		host, port := primary.HostPort()
		replica.Must(t, "REPLICAOF", host, port)
		redistest.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	}
	b := onServer(t, s, single(s.Addr))
	m := b.manager(t, fullOptions...)
	replicate(other, s)
	operations := newOperations(t, b, m, "demoted")
	redistest.Eventually(t, func(ctx context.Context) error {
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
			undecided(t, err)
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
	s := redistest.NewServer(t)
	b := onServer(t, s, single(s.Addr))
	m := b.manager(t, fullOptions...)
	operations := newOperations(t, b, m, "full")
	before := snapshot(t, b)
	s.Must(t, "CONFIG", "SET", "maxmemory", 1)

	texts := map[string]string{}
	for _, o := range operations {
		err := o.run(c, unhurried)
		if o.writes && o.name != "Unlock" { // which frees memory, and so is let through
			require.ErrorContains(t, err, "OOM", o.name)
			undecided(t, err)
			require.Equal(t, before[o.key], snapshot(t, b)[o.key], o.name)
			texts[o.name] = err.Error()
		} else {
			o.answered(t, err)
		}
	}
	require.Equal(t, texts["VerifyOTP"], texts["VerifyOTP wrong"], "right and wrong cannot be told apart")
	err := c.call(unhurried, func(ctx context.Context) error { _, err := m.IssueOTP(ctx, "somebody new"); return err })
	require.ErrorContains(t, err, "OOM")
	undecided(t, err)
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
	redistest.Needs(t, redistest.Redis)
	for _, kind := range []string{"redis", "redis cluster"} {
		for _, way := range []string{"", " AutoPipeline", " WithReplicaAck"} {
			t.Run(kind+way, func(t *testing.T) {
				if testing.Short() && (kind == "redis cluster" || way == " WithReplicaAck") {
					t.Skip("left out of a short run")
				}
				c := newTally(t)
				start := map[string]func() (*redistest.Server, error){"redis": sharedRedis, "redis cluster": sharedCluster}[kind]
				s, err := start()
				require.NoError(t, err)
				options := fullOptions
				if way == " WithReplicaAck" {
					newReplica(t, s)
					options = acked(10 * time.Second)
				}
				b := &backend{}
				flushed := func(options *redis.Options) *redis.Client {
					options.ReadTimeout = unhurried
					client := redis.NewClient(options)
					client.AddHook(flusher{func() { assert.NoError(t, b.raw.ScriptFlush(context.Background()).Err()) }})
					return client
				}
				var client redis.UniversalClient = flushed(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true})
				if kind == "redis cluster" {
					client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{s.Addr}, ContextTimeoutEnabled: true, ReadTimeout: unhurried, NewClient: flushed})
				}
				b.run(t, s.Addr, client, way == " AutoPipeline", func(*testing.T, *backend) {})
				m := b.manager(t, options...)
				operations := newOperations(t, b, m, "flushed")
				require.NoError(t, b.raw.ConfigResetStat(t.Context()).Err())
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

// restore puts the record back as it was made, but for some fields.
func (f *full) restore(t testing.TB, altered map[string]string) map[string]string {
	t.Helper()
	fields := maps.Clone(f.fields)
	maps.Copy(fields, altered)
	_, err := f.b.raw.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Del(t.Context(), f.key)
		p.HSet(t.Context(), f.key, fields)
		p.Expire(t.Context(), f.key, time.Minute) // issues and charges make it longer
		return nil
	})
	require.NoError(t, err)
	return fields
}

// labels names the fields of a record by what they belong to.
func (f *full) labels(m *onetime.Manager) map[string]string {
	challenges := map[string]string{"": ""}
	for name, binding := range map[string]string{"used ": usedBinding, "cancelled ": cancelledBinding} {
		challenges[":"+onetime.NewPlace(m, f.subject, binding).Binding] = name
	}
	labels := map[string]string{}
	for prefix, name := range challenges {
		for field := range f.fields {
			rest, found := strings.CutPrefix(field, prefix)
			if !found || prefix == "" && field[0] == ':' {
				continue
			}
			labels[field] = name + rest
			if len(rest) == 3 { // a piece, which belongs to the slot with its place
				for slot, value := range f.fields {
					if isSlot(slot) && strings.HasPrefix(slot, prefix) && len(slot) == len(prefix)+1 && value[19] == rest[0] {
						labels[field] = name + slot[len(prefix):] + " " + map[byte]string{'c': "code", 't': "token"}[rest[1]]
					}
				}
			}
		}
	}
	return labels
}

// garbage is what no script writes into any field.
var garbage = []string{"", "x", "-1", "nan", "inf", "0x1", "1e3x5", "1.5", " 1", "99999999999999999", strings.Repeat("9", 42),
	strings.Repeat("\xff", 63), strings.Repeat("x", 300)}

// reads tells which operations read a field, by its label. The others answer as if nothing were wrong with it.
var reads = func() map[string][]string {
	unbound := []string{"VerifyOTP", "VerifyOTP wrong", "VerifyOTP known", "VerifyToken", "VerifyToken older", "InspectToken"}
	used := []string{"VerifyOTP used", "VerifyToken used"}
	issues := []string{"IssueOTP", "IssueOTP used", "IssueToken", "IssueLink"}
	slot := append([]string{"Revoke", "Status"}, issues...)
	codes := []string{"VerifyOTP", "VerifyOTP wrong", "VerifyOTP known", "VerifyOTP used"}
	return map[string][]string{
		"u": slices.Concat(unbound, []string{"IssueOTP", "IssueToken", "IssueLink", "Undo again", "Status"}),
		"w": {"IssueOTP", "IssueToken", "IssueLink", "VerifyOTP", "VerifyOTP wrong", "VerifyOTP known", "Status"},
		"1": slices.Concat(slot, unbound), "2": slices.Concat(slot, unbound),
		"used u": slices.Concat(used, []string{"IssueOTP used", "Undo", "Status"}), "used 1": slices.Concat(slot, used), "cancelled 1": slot,
		"1 code": {"VerifyOTP"}, "1 token": {"VerifyToken", "InspectToken"}, "2 token": {"VerifyToken older"},
		"used 1 code": nil, "used 1 token": nil, // not opened for a refusal
		"f":        slices.Concat(issues, unbound, used, []string{"Status"}),
		"s3600000": append([]string{"Status"}, issues...), "g3600000": slices.Concat(codes, []string{"IssueOTP", "IssueOTP used", "IssueLink", "Status"}),
		"r": nil,
		// What no Manager here has written:
		"g7200000": issues, "s1": issues, ":stranger1": slot, ":strangeru": {"Status"}, ":strangerw": {"Status"}, ":strangerac1": nil,
		"6": nil, ":": nil, ":short1": nil, "s": nil, "g0x1": nil, "unknown": nil, "\xff": nil,
	}
}()

func TestFault_GarbageInAnyField(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		c := newTally(t)
		m := b.manager(t, fullOptions...)
		f := newFull(t, b, m, alice)
		labels := f.labels(m)
		for label := range reads {
			if !slices.Contains(slices.Collect(maps.Values(labels)), label) {
				labels[label] = label
			}
		}
		few := 12 // one in as many
		if testing.Short() {
			few = 72
		}
		n := 0
		for _, field := range slices.Sorted(maps.Keys(labels)) {
			label := labels[field]
			readers, known := reads[label]
			require.True(t, known, "field %q, %s", field, label)
			sealed := strings.HasSuffix(label, " code") || strings.HasSuffix(label, " token")
			for _, value := range garbage {
				// All of it on one server, some of it on the others.
				if n++; n%few != 0 && (!strings.HasSuffix(b.name, "/redis") || len(readers) == 0 || testing.Short()) {
					continue
				}
				damaged := f.restore(t, map[string]string{field: value})
				for _, o := range f.operations {
					if o.name == "Check" { // looks at no person's record
						continue
					}
					err := c.call(unhurried, o.call)
					after := b.record(t, f.key)
					switch {
					case slices.Contains(readers, o.name):
						require.Error(t, err, "%s with %s %q", o.name, label, value)
						undecided(t, err)
						if !sealed || value == "" { // other sealed parts are opened after the script
							require.Equal(t, damaged, after, "%s with %s %q: nothing is half done", o.name, label, value)
						}
					case o.name == "Undo" && label == "used 1", o.name == "Undo again" && label == "2":
						refused(t, err, onetime.ErrNotFound) // by its id, which is gone
					default:
						require.ErrorIs(t, err, o.reason, "%s with %s %q", o.name, label, value)
					}
					if !maps.Equal(damaged, after) {
						f.restore(t, map[string]string{field: value})
					}
				}
			}
		}
		f.restore(t, nil)
		normal(t, c, b, m)
	})
}

func TestFault_SlotOfTheRightSizeWithWrongBytes(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		c := newTally(t)
		m := b.manager(t, onetime.WithSendLimits())
		link := mustLink(t, m)
		v, err := m.VerifyToken(t.Context(), link.Token)
		require.NoError(t, err)
		require.NoError(t, v.Undo(t.Context()))
		key := b.only(t)
		slot := b.record(t, key)["1"]
		require.Len(t, slot, 64)
		code, token := slot[:42], slot[:20]+slot[42:]
		var slots []string
		for _, at := range []int{18, 19, 20, 21, 42, 43} { // what it was answered with, place, kinds and pieces
			for _, c := range "\x00/05`bg{" {
				altered := []byte(slot)
				if altered[at] = byte(c); c != rune(slot[at]) && !(at == 18 && c == 'b') && !(at == 19 && c == 'b') {
					slots = append(slots, string(altered))
				}
			}
		}
		// The wrong order, two of a kind, a token without a sealed part.
		slots = append(slots, slot[:20]+slot[42:]+slot[20:42], code+code[20:], token+token[20:], token[:21]+"0"+token[22:])
		for _, size := range []int{19, 21, 41, 43, 63} {
			slots = append(slots, slot[:size])
		}
		slots = append(slots, slot+"x", slot+slot[42:])
		for i, altered := range slots {
			if testing.Short() && i%4 != 0 {
				continue
			}
			require.NoError(t, b.raw.HSet(t.Context(), key, "1", altered).Err())
			before := snapshot(t, b)
			for name, call := range map[string]func(ctx context.Context) error{
				"IssueOTP":     func(ctx context.Context) error { _, err := m.IssueOTP(ctx, alice); return err },
				"IssueToken":   func(ctx context.Context) error { _, err := m.IssueToken(ctx, alice); return err },
				"IssueLink":    func(ctx context.Context) error { _, err := m.IssueLink(ctx, alice); return err },
				"IssueOTP 2":   func(ctx context.Context) error { _, err := m.IssueOTP(ctx, alice, inUsed); return err },
				"VerifyOTP":    func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, alice, link.Code); return err },
				"VerifyToken":  func(ctx context.Context) error { _, err := m.VerifyToken(ctx, link.Token); return err },
				"InspectToken": func(ctx context.Context) error { _, err := m.InspectToken(ctx, link.Token); return err },
				"Undo":         v.Undo,
				"Cancel":       func(ctx context.Context) error { return m.Cancel(ctx, alice, link.ID) },
				"Revoke":       func(ctx context.Context) error { return m.Revoke(ctx, alice) },
				"Status":       func(ctx context.Context) error { _, err := m.Status(ctx, alice); return err },
			} {
				err := c.call(unhurried, call)
				require.Error(t, err, "%s with %q", name, altered[18:])
				undecided(t, err)
			}
			require.Equal(t, before, snapshot(t, b))
		}
		require.NoError(t, b.raw.HSet(t.Context(), key, "1", slot).Err())
		require.NoError(t, c.use(link.ID, unhurried, func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, alice, link.Code); return err }))
	})
}

func TestFault_MissingSealedPart(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		c := newTally(t)
		m := b.manager(t, fullOptions...)
		f := newFull(t, b, m, alice)
		for field, label := range f.labels(m) {
			if len(field) != 3 && len(field) != 12 { // is no piece
				continue
			}
			f.restore(t, nil)
			require.NoError(t, b.raw.HDel(t.Context(), f.key, field).Err())
			before := snapshot(t, b)
			for _, o := range f.operations {
				if slices.Contains(reads[label], o.name) {
					err := c.call(unhurried, o.call)
					require.Error(t, err, "%s without %s", o.name, label)
					undecided(t, err)
				}
			}
			require.Equal(t, before, snapshot(t, b))
		}
	})
}

func TestFault_RecordOfAWrongType(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		c := newTally(t)
		ctx := t.Context()
		m := b.manager(t, fullOptions...)
		f := newFull(t, b, m, alice)
		for name, kind := range map[string]struct{ write, read []any }{
			"string": {[]any{"SET", f.key, "1"}, []any{"GET", f.key}},
			"list":   {[]any{"RPUSH", f.key, "1", "u"}, []any{"LRANGE", f.key, 0, -1}},
			"set":    {[]any{"SADD", f.key, "1"}, []any{"SMEMBERS", f.key}},
			"zset":   {[]any{"ZADD", f.key, 1, "1"}, []any{"ZRANGE", f.key, 0, -1, "WITHSCORES"}},
			"stream": {[]any{"XADD", f.key, "1-1", "1", "u"}, []any{"XRANGE", f.key, "-", "+"}},
		} {
			require.NoError(t, b.raw.Del(ctx, f.key).Err())
			require.NoError(t, b.raw.Do(ctx, kind.write...).Err())
			require.NoError(t, b.raw.PExpire(ctx, f.key, time.Hour).Err())
			before, end := b.raw.Do(ctx, kind.read...).Val(), b.raw.PExpireTime(ctx, f.key).Val()
			for _, o := range f.operations {
				err := c.call(unhurried, o.call)
				if o.name == "Check" { // looks at no person's record
					require.NoError(t, err)
					continue
				}
				require.Error(t, err, "%s of a %s", o.name, name)
				undecided(t, err)
			}
			require.Equal(t, before, b.raw.Do(ctx, kind.read...).Val())
			require.Equal(t, end, b.raw.PExpireTime(ctx, f.key).Val())
			require.Len(t, b.records(t), 1)
		}
		require.NoError(t, b.raw.Del(ctx, f.key).Err())
		normal(t, c, b, m)
	})
}

func TestFault_ClockStepsBack(t *testing.T) {
	backends(t, func(t *testing.T, b *backend) {
		c := newTally(t)
		const sendPer, guessPer = 10 * time.Minute, time.Hour
		m := b.manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 2, Per: sendPer}), onetime.WithGuessLimits(onetime.Limit{Burst: 2, Per: guessPer}))
		for _, back := range []time.Duration{8 * time.Second, 20 * time.Second, 4 * time.Minute, 24 * time.Hour, 400 * 24 * time.Hour} {
			require.NoError(t, b.raw.FlushAll(t.Context()).Err())
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
			codes := wrong(link.Code, 2)
			for _, code := range codes {
				refused(t, guess(code), onetime.ErrMismatch)
			}
			refused(t, guess(link.Code), onetime.ErrLocked)
			refused(t, call(func(ctx context.Context) error { _, err := m.IssueToken(ctx, subject); return err }), onetime.ErrThrottled)

			b.advance(t, -back)
			inspect := call(func(ctx context.Context) error { _, err := m.InspectToken(ctx, link.Token); return err })
			if back < 10*time.Second {
				require.NoError(t, inspect, "a little is forgiven")
				refused(t, c.use(used.ID, unhurried, use), onetime.ErrUsed)
				require.Zero(t, refused(t, guess(codes[0]), onetime.ErrMismatch).RetryAfter)
			} else {
				refused(t, inspect, onetime.ErrNotFound)
				refused(t, c.use(used.ID, unhurried, use), onetime.ErrDenied)
				require.Empty(t, mustStatus(t, m, subject).Pending, "what was issued in the future is dead")
			}
			// Times that no limit can have produced are cut: the next event passes and writes them.
			require.Zero(t, mustStatus(t, m, subject).SendIn)
			require.Zero(t, mustStatus(t, m, subject).GuessIn)
			var otp onetime.OTP
			require.NoError(t, call(func(ctx context.Context) (err error) { otp, err = m.IssueOTP(ctx, subject); return err }))
			again := refused(t, call(func(ctx context.Context) error { _, err := m.IssueOTP(ctx, subject); return err }), onetime.ErrThrottled)
			require.LessOrEqual(t, again.RetryAfter, sendPer)
			refused(t, guess(wrong(otp.Code, 3)[2]), onetime.ErrMismatch)
			require.LessOrEqual(t, refused(t, guess(otp.Code), onetime.ErrLocked).RetryAfter, guessPer)
			snapshot(t, b)

			b.advance(t, min(back, guessPer)) // the clock is right again, or the limits refilled
			refused(t, c.use(used.ID, unhurried, use), onetime.ErrDenied)
			require.NoError(t, call(func(ctx context.Context) error { return m.Unlock(ctx, subject) }))
			require.NoError(t, call(func(ctx context.Context) (err error) { otp, err = m.IssueOTP(ctx, subject); return err }))
			require.NoError(t, guess(otp.Code))
			refused(t, c.use(used.ID, unhurried, use), onetime.ErrDenied)
			snapshot(t, b)
		}
	})
}

// documentedRights returns the rights of each ACL line in the documents, by where it stands first.
func documentedRights(t *testing.T) map[string][]string {
	t.Helper()
	lines, found := map[string]bool{}, map[string][]string{}
	for _, document := range []string{"README.md", "docs/operations.md"} {
		if testing.Short() && document != "README.md" {
			continue
		}
		text, err := os.ReadFile(document)
		if errors.Is(err, fs.ErrNotExist) && document != "README.md" {
			continue
		}
		require.NoError(t, err)
		for i, line := range regexp.MustCompile(`(?m)^ACL SETUSER onetime on >PASSWORD (.*)$`).FindAllStringSubmatch(string(text), -1) {
			if !lines[line[1]] {
				lines[line[1]] = true
				found[fmt.Sprintf("line %d of %s", i+1, filepath.Base(document))] = strings.Fields(line[1])
			}
		}
	}
	require.NotEmpty(t, found)
	return found
}

// allow gives the user "limited" these rights and takes all others away.
func allow(t *testing.T, b *backend, rights []string) {
	t.Helper()
	args := []any{"ACL", "SETUSER", "limited", "reset", "on", ">password"}
	for _, right := range rights {
		args = append(args, right)
	}
	require.NoError(t, b.raw.Do(t.Context(), args...).Err())
}

// asUser returns a client of a user with the rights of an ACL line.
func asUser(t *testing.T, b *backend, rights string) redis.UniversalClient {
	t.Helper()
	allow(t, b, strings.Fields(rights))
	t.Cleanup(func() { require.NoError(t, b.raw.Do(context.Background(), "ACL", "DELUSER", "limited").Err()) })
	return limitedClient(t, b, strings.Fields(rights))
}

// limitedClient returns a client of the user "limited", of the kind that the rights are for.
func limitedClient(t *testing.T, b *backend, rights []string) redis.UniversalClient {
	t.Helper()
	var client redis.UniversalClient
	if slices.Contains(rights, "+cluster|slots") {
		client = redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{b.raw.Options().Addr}, Username: "limited", Password: "password", ReadTimeout: unhurried, ContextTimeoutEnabled: true,
		})
	} else {
		client = redis.NewClient(&redis.Options{Addr: b.raw.Options().Addr, Username: "limited", Password: "password", ReadTimeout: unhurried, ContextTimeoutEnabled: true})
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// onRights runs a test for each ACL line of the documents, with what its rights are for: a server, a cluster, a replica.
func onRights(t *testing.T, test func(t *testing.T, b *backend, rights []string, options []onetime.Option)) {
	t.Helper()
	redistest.Needs(t, redistest.Redis)
	documented := documentedRights(t)
	for _, where := range slices.Sorted(maps.Keys(documented)) {
		rights := documented[where]
		t.Run(where, func(t *testing.T) {
			start, options := sharedRedis, fullOptions
			if slices.Contains(rights, "+cluster|slots") {
				start = sharedCluster
			}
			s, err := start()
			require.NoError(t, err)
			if slices.Contains(rights, "+wait") {
				newReplica(t, s)
				options = acked(10 * time.Second)
			}
			b := onServer(t, s, single(s.Addr))
			b.rdb = asUser(t, b, strings.Join(rights, " "))
			test(t, b, rights, options)
		})
	}
}

func TestFault_RightsOfTheDocumentsSuffice(t *testing.T) {
	onRights(t, func(t *testing.T, b *backend, _ []string, options []onetime.Option) {
		c := newTally(t)
		require.NoError(t, b.raw.ScriptFlush(t.Context()).Err())
		normal(t, c, b, b.manager(t, options...))
	})
}

func TestFault_RightTakenAway(t *testing.T) {
	onRights(t, func(t *testing.T, b *backend, rights []string, options []onetime.Option) {
		c := newTally(t)
		f := newFull(t, b, b.manager(t, options...), alice)
		for i, right := range rights {
			rest := slices.Delete(slices.Clone(rights), i, i+1)
			allow(t, b, rest)
			missed := false
			for _, o := range f.operations {
				before := f.restore(t, nil)
				if right == "+eval" {
					require.NoError(t, b.raw.ScriptFlush(t.Context()).Err())
				}
				err := c.call(unhurried, o.call)
				snapshot(t, b)
				if errors.Is(err, o.reason) {
					o.answered(t, err)
					continue
				}
				missed = true
				undecided(t, err)
				switch after := b.record(t, f.key); {
				case maps.Equal(before, after):
				case !strings.HasPrefix(o.name, "Issue"):
					require.NoError(t, o.done(), "%s without %s: what is not undone is done", o.name, right)
				default:
					// Missed only after the first write, which cannot be taken back. It is made good once the right is there.
					require.Contains(t, []string{"+hdel", "+pexpireat"}, right, o.name)
					allow(t, b, rights)
					o.answered(t, c.call(unhurried, o.call))
					allow(t, b, rest)
				}
			}
			if !strings.HasPrefix(right, "+c") && right != "+asking" { // a client asks these when it is new, or redirected
				require.Equal(t, right != "+info", missed, "%s is not needed", right) // Check does without
			}

			// A new client, and a new person.
			fresh := (&backend{rdb: limitedClient(t, b, rights)}).manager(t, options...)
			f.restore(t, nil)
			verify := func(ctx context.Context) error { _, err := fresh.VerifyToken(ctx, f.link.Token); return err }
			if err := c.call(unhurried, verify); err != nil {
				undecided(t, err)
			} else {
				refused(t, c.call(unhurried, verify), onetime.ErrUsed)
			}
			err := c.call(unhurried, func(ctx context.Context) error { _, err := fresh.IssueToken(ctx, "somebody new"); return err })
			if err != nil {
				undecided(t, err)
			}
			require.Equal(t, err == nil, len(snapshot(t, b)) == 2, "a new key if it was issued")
			require.NoError(t, b.raw.FlushAll(t.Context()).Err())
		}
		allow(t, b, rights)
		normal(t, c, b, b.manager(t, options...))
	})
}

// listen starts what says it is a Redis on a port of its own.
func listen(t *testing.T, serve func(conn net.Conn)) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// says serves a fixed reply to each command, once it has refused the greeting.
func says(reply string) func(conn net.Conn) {
	return func(conn net.Conn) {
		buffer := make([]byte, 1<<16)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			text := reply
			if bytes.Contains(bytes.ToLower(buffer[:n]), []byte("hello")) {
				text = "-ERR unknown command\r\n"
			}
			if _, err := conn.Write([]byte(text)); err != nil {
				return
			}
		}
	}
}

// A moved client is one of which it can be chosen where it leads.
type moved struct{ redis.Scripter }

func TestFault_WhatAnswersIsNoRedis(t *testing.T) {
	redistest.Needs(t, redistest.Redis)
	s, err := sharedRedis()
	require.NoError(t, err)
	b := onServer(t, s, single(s.Addr))
	client := &moved{b.rdb}
	b.rdb = client
	m := b.manager(t, fullOptions...)
	operations := newOperations(t, b, m, "person")
	operations = operations[:len(operations)-1] // Check, the last, sees through this client to nothing
	before := snapshot(t, b)

	addrs := map[string]string{
		"nobody listens":    "127.0.0.1:1",
		"closes at once":    listen(t, func(net.Conn) {}),
		"closes when asked": listen(t, func(conn net.Conn) { conn.Read(make([]byte, 1)) }),
		"says nothing":      listen(t, func(conn net.Conn) { io.Copy(io.Discard, conn) }),
		"SSH": listen(t, func(conn net.Conn) {
			io.WriteString(conn, "SSH-2.0-OpenSSH_9.6\r\n")
			io.Copy(io.Discard, conn)
		}),
	}
	for name, reply := range map[string]string{
		"HTTP":             "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"TLS":              "\x15\x03\x01\x00\x02\x02\x16",
		"zeros":            strings.Repeat("\x00", 100),
		"empty lines":      "\r\n\r\n\r\n",
		"OK":               "+OK\r\n",
		"one":              ":1\r\n",
		"true":             "#t\r\n",
		"float":            ",1.5\r\n",
		"big number":       "(123456789012345678901234567890\r\n",
		"null":             "_\r\n",
		"nil string":       "$-1\r\n",
		"nil array":        "*-1\r\n",
		"empty array":      "*0\r\n",
		"negative size":    "*-2\r\n$-2\r\n",
		"size of words":    "*two\r\n",
		"map":              "%1\r\n+id\r\n:1\r\n",
		"set":              "~2\r\n+id\r\n:1\r\n",
		"push":             ">2\r\n+invalidate\r\n:1\r\n",
		"OK to another":    "*2\r\n$12\r\ntwelve bytes\r\n:1\r\n",
		"other call":       "*5\r\n$12\r\ntwelve bytes\r\n:1\r\n:1\r\n:0\r\n$0\r\n\r\n",
		"array of errors":  "*2\r\n-ERR one\r\n-ERR two\r\n",
		"array in arrays":  strings.Repeat("*1\r\n", 50) + ":1\r\n",
		"half a string":    "*2\r\n$12\r\ntwelve",
		"half an array":    "*5\r\n$12\r\ntwelve bytes\r\n:1\r\n",
		"string too long":  "*2\r\n$4\r\ntwelve bytes\r\n:1\r\n",
		"NOSCRIPT":         "-NOSCRIPT No matching script.\r\n",
		"moved":            "-MOVED 1 127.0.0.1:1\r\n",
		"loading":          "-LOADING Redis is loading the dataset in memory\r\n",
		"error of nothing": "-\r\n",
		"denied":           "-onetime: denied\r\n",
	} {
		addrs[name] = listen(t, says(reply))
	}
	for name, addr := range addrs {
		t.Run(name, func(t *testing.T) {
			c := newTally(t)
			rdb := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 100, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true})
			defer rdb.Close()
			client.Scripter = rdb
			direct, err := onetime.New(rdb, onetimetest.Key)
			require.NoError(t, err)
			calls := append(slices.Clone(operations), operation{name: "Check", call: direct.Check})
			for i, err := range atOnce(c, hurried/3, calls) {
				require.Error(t, err, calls[i].name)
				undecided(t, err)
			}
		})
	}
	t.Run("and then a Redis again", func(t *testing.T) {
		c := newTally(t)
		require.Equal(t, before, snapshot(t, b))
		rdb := single(s.Addr)
		defer rdb.Close()
		client.Scripter = rdb
		normal(t, c, b, m, operations...)
	})
}

func encode(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }
