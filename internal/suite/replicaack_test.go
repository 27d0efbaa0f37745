package suite_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func TestReplicaAck_RangesAndClients(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ReadTimeout: 2 * time.Second})
	defer client.Close()
	nodes := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ReadTimeout: time.Second})
	defer nodes.Close()
	endless := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ReadTimeout: -1})
	defer endless.Close()
	patient := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ReadTimeout: -1})
	defer patient.Close()
	automatic, err := client.AutoPipeline()
	require.NoError(t, err)
	defer automatic.Close()
	for _, c := range []struct {
		rdb      redis.Scripter
		replicas int
		timeout  time.Duration
		want     string
	}{
		{client, 1, time.Millisecond, ""},
		{client, 16, 1999 * time.Millisecond, ""},
		{nodes, 1, 999 * time.Millisecond, ""},
		{patient, 1, 10 * time.Second, ""},
		{client, 0, time.Second, "onetime: WithReplicaAck: 0 replicas: want 1 to 16"},
		{client, 17, time.Second, "onetime: WithReplicaAck: 17 replicas: want 1 to 16"},
		{patient, 1, 0, "onetime: WithReplicaAck: timeout 0s: want 1ms to 10s in whole milliseconds"},
		{patient, 1, 1500 * time.Microsecond, "onetime: WithReplicaAck: timeout 1.5ms: want 1ms to 10s in whole milliseconds"},
		{patient, 1, 10*time.Second + time.Millisecond, "onetime: WithReplicaAck: timeout 10.001s: want 1ms to 10s in whole milliseconds"},
		{client, 1, 2 * time.Second, "onetime: WithReplicaAck: timeout 2s: want less than the client's ReadTimeout of 2s"},
		{nodes, 1, time.Second, "onetime: WithReplicaAck: timeout 1s: want less than the client's ReadTimeout of 1s"},
		{endless, 1, 5 * time.Second, "onetime: WithReplicaAck: timeout 5s: want less than the client's ReadTimeout of 5s"},
		{automatic, 1, time.Second, fmt.Sprintf("onetime: WithReplicaAck: the client is a %T: want a *redis.Client or a *redis.ClusterClient", automatic)},
		{&lossy{Scripter: client}, 1, time.Second, "onetime: WithReplicaAck: the client is a *suite_test.lossy: want a *redis.Client or a *redis.ClusterClient"},
	} {
		m, err := onetime.New(c.rdb, onetimetest.Key, onetime.WithReplicaAck(c.replicas, c.timeout))
		if c.want == "" {
			require.NoError(t, err)
			_, err = m.Purpose("login", onetime.WithReplicaAck(1, time.Second))
			rig.Invalid(t, err, "onetime: WithReplicaAck: belongs to New, Purpose cannot change it")
			continue
		}
		rig.Invalid(t, err, c.want)
	}
}

// replicated starts a primary and a replica of it, and returns both with a Manager that waits for the replica.
func replicated(t *testing.T) (primary, replica *rig.Server, m *onetime.Manager) {
	t.Helper()
	primary = rig.NewServer(t)
	host, port := primary.HostPort()
	replica = rig.NewServer(t, "--replicaof", host+" "+port)
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	return primary, replica, acknowledged(t, rig.NewClient(primary.Addr))
}

func acknowledged(t *testing.T, client redis.UniversalClient) *onetime.Manager {
	t.Helper()
	return acknowledgedIn(t, client, 200*time.Millisecond)
}

// acknowledgedIn returns a Manager that waits for a replica so long: 4 s where it must acknowledge, on a busy machine, too.
func acknowledgedIn(t *testing.T, client redis.UniversalClient, timeout time.Duration) *onetime.Manager {
	t.Helper()
	t.Cleanup(func() { client.Close() })
	m, err := onetime.New(client, onetimetest.Key, onetime.WithReplicaAck(1, timeout), onetime.WithSendLimits(), rig.ManyGuesses,
		onetime.WithLinkBase("https://example.com/in"))
	require.NoError(t, err)
	return m
}

// pipelines counts what a client sends alone and together.
type pipelines struct{ alone, together []string }

func (p *pipelines) DialHook(next redis.DialHook) redis.DialHook { return next }
func (p *pipelines) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		p.alone = append(p.alone, cmd.Name())
		return next(ctx, cmd)
	}
}
func (p *pipelines) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var names []string
		for _, cmd := range cmds {
			names = append(names, cmd.Name())
		}
		p.together = append(p.together, strings.Join(names, " "))
		return next(ctx, cmds)
	}
}

func TestReplicaAck_OneRoundTripForWhatMustNotBeForgotten(t *testing.T) {
	t.Parallel() // most of it is waiting
	primary, _, m := replicated(t)
	c := newTally(t)
	sent := &pipelines{}
	client := rig.NewClient(primary.Addr).(*redis.Client)
	client.AddHook(sent)
	counted := acknowledgedIn(t, client, 4*time.Second)
	link := rig.MustLink(t, m)
	type ackedCall struct {
		name  string
		waits bool
		call  func(ctx context.Context) error
	}
	calls := []ackedCall{
		{"IssueLink", false, func(ctx context.Context) (err error) {
			link, err = counted.IssueLink(ctx, rig.Alice, onetime.WithCode())
			return err
		}},
		{"wrong code", true, func(ctx context.Context) error {
			_, err := counted.VerifyOTP(ctx, rig.Alice, rig.WrongCodes(link.Code, 1)[0])
			return err
		}},
		{"InspectToken", false, func(ctx context.Context) error { _, err := counted.InspectToken(ctx, link.Token); return err }},
		{"VerifyToken", true, func(ctx context.Context) error { _, err := counted.VerifyToken(ctx, link.Token); return err }},
		{"VerifyOTP", true, func(ctx context.Context) error { _, err := counted.VerifyOTP(ctx, rig.Alice, link.Code); return err }},
		{"Cancel", true, func(ctx context.Context) error { return counted.Cancel(ctx, rig.Alice, link.ID) }},
		{"Revoke", true, func(ctx context.Context) error { return counted.Revoke(ctx, rig.Alice) }},
		{"Unlock", false, func(ctx context.Context) error { return counted.Unlock(ctx, rig.Alice) }},
		{"Status", false, func(ctx context.Context) error { _, err := counted.Status(ctx, rig.Alice); return err }},
	}
	for name, call := range rig.FactorOperations(t, rig.NewFactors(t, m, rig.Alice), rig.NewFactors(t, counted, rig.Alice)) {
		calls = append(calls, ackedCall{name, name != "UndoFactor", func(context.Context) error { return call() }})
	}
	for _, op := range calls {
		c.call(unhurried, op.call) // the first loads the script
		*sent = pipelines{}
		require.True(t, decided(c.call(unhurried, op.call)), op.name)
		want := pipelines{alone: []string{"evalsha"}}
		if op.waits {
			want = pipelines{together: []string{"evalsha wait"}}
		}
		require.Equal(t, want, *sent, op.name)
	}
}

func TestReplicaAck_TooFewIsUndecidedAndTheSecretStaysUsed(t *testing.T) {
	t.Parallel() // most of it is waiting
	primary, replica, m := replicated(t)
	c := newTally(t)
	otp, token := rig.MustOTP(t, m), rig.MustToken(t, m, onetime.WithBinding("a browser"))
	cancelled := rig.MustOTP(t, m, onetime.WithBinding("another browser"))
	byCode := func(code string) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, code); return err }
	}
	byToken := func(ctx context.Context) error {
		_, err := m.VerifyToken(ctx, token.Value, onetime.WithBinding("a browser"))
		return err
	}
	// Calls that an earlier one has already done write again: the replica has not heard of that, either.
	revoke := func(ctx context.Context) error { return m.Revoke(ctx, rig.Alice) }
	cancel := func(ctx context.Context) error { return m.Cancel(ctx, rig.Alice, cancelled.ID) }
	away := func(want string, calls ...func(ctx context.Context) error) {
		t.Helper()
		for _, call := range calls {
			start := time.Now()
			err := c.call(unhurried, call)
			rig.Undecided(t, err)
			require.ErrorContains(t, err, want)
			require.GreaterOrEqual(t, time.Since(start), 200*time.Millisecond, "WAIT was waited for")
		}
	}
	const tooFew = "0 of 1 replicas acknowledged within 200ms; what was used stays used"

	require.NoError(t, replica.Pause())
	away(tooFew, byCode(rig.WrongCodes(otp.Code, 1)[0]), byCode(otp.Code), byToken, cancel, cancel)
	rig.Refused(t, c.use(otp.ID, unhurried, byCode(otp.Code)), onetime.ErrUsed)
	rig.Refused(t, c.use(token.ID, unhurried, byToken), onetime.ErrUsed)
	require.Equal(t, 1, rig.MustStatus(t, m, rig.Alice).Failures+1, "a success, though undecided, sets the failures back")
	away(tooFew, revoke, revoke)
	rig.Refused(t, c.use(otp.ID, unhurried, byCode(otp.Code)), onetime.ErrNotFound)

	require.NoError(t, replica.Resume())
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	rig.Refused(t, c.use(token.ID, unhurried, byToken), onetime.ErrNotFound)
	rig.Eventually(t, func(context.Context) error {
		otp = rig.MustOTP(t, m)
		return c.use(otp.ID, unhurried, byCode(otp.Code))
	})

	require.NoError(t, m.Check(t.Context()))
	replica.Kill() // not there at all, instead of silent
	rig.Eventually(t, func(ctx context.Context) error {
		if err := m.Check(ctx); err == nil || !strings.Contains(err.Error(), "0 replicas: want the 1 of WithReplicaAck") {
			return fmt.Errorf("Check says %w", err)
		}
		return nil
	})
	otp = rig.MustOTP(t, m)
	away(tooFew, byCode(otp.Code))
	rig.Refused(t, c.use(otp.ID, unhurried, byCode(otp.Code)), onetime.ErrUsed)
}

func TestReplicaAck_RepeatedCommandWaitsForTheReplica(t *testing.T) {
	t.Parallel() // most of it is waiting
	// From Redis 7.2 WAIT counts what its own connection wrote. A repeat comes on another one: it must write again.
	primary, replica, direct := replicated(t)
	c := newTally(t)
	lossyProxy := rig.NewProxy(t, primary.Addr)
	m := acknowledged(t, redis.NewClient(&redis.Options{Addr: primary.Addr, Dialer: rig.Dialer(lossyProxy), ContextTimeoutEnabled: true}))
	warm := rig.MustOTP(t, m)
	require.NoError(t, rig.VerifyOTP(t, m, warm.Code))
	require.NoError(t, m.Revoke(t.Context(), rig.Alice))

	otp := rig.MustOTP(t, m)
	other, err := m.IssueOTP(t.Context(), "bob@example.com")
	require.NoError(t, err)
	require.NoError(t, replica.Pause())
	for name, call := range map[string]func(ctx context.Context) error{
		"VerifyOTP": func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, otp.Code); return err },
		"Cancel":    func(ctx context.Context) error { return m.Cancel(ctx, "bob@example.com", other.ID) },
		"Revoke":    func(ctx context.Context) error { return m.Revoke(ctx, "bob@example.com") },
	} {
		before := lossyProxy.Losses()
		lossyProxy.LoseNext(1, nil)
		rig.Undecided(t, c.call(unhurried, call))
		require.Equal(t, before+1, lossyProxy.Losses(), name)
	}
	require.NoError(t, replica.Resume())
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	rig.Refused(t, c.call(unhurried, func(ctx context.Context) error { _, err := direct.VerifyOTP(ctx, rig.Alice, otp.Code); return err }), onetime.ErrUsed)

	// With the replica back a repeat is a success.
	otp = rig.MustOTP(t, m)
	long := acknowledgedIn(t, redis.NewClient(&redis.Options{Addr: primary.Addr, Dialer: rig.Dialer(lossyProxy), ContextTimeoutEnabled: true}), 4*time.Second)
	_, err = long.Status(t.Context(), rig.Alice)
	require.NoError(t, err)
	lossyProxy.LoseNext(1, nil)
	require.NoError(t, c.use(otp.ID, unhurried, func(ctx context.Context) error { _, err := long.VerifyOTP(ctx, rig.Alice, otp.Code); return err }))
}

func TestReplicaAck_ErrorOfWAITIsUndecided(t *testing.T) {
	t.Parallel() // most of it is waiting
	primary, _, _ := replicated(t)
	c := newTally(t)
	primary.Must(t, "ACL", "SETUSER", "limited", "reset", "on", ">password", "~*", "+@all", "-wait")
	m := acknowledged(t, redis.NewClient(&redis.Options{Addr: primary.Addr, Username: "limited", Password: "password", ContextTimeoutEnabled: true}))
	otp := rig.MustOTP(t, m)
	err := c.use(otp.ID, unhurried, func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, otp.Code); return err })
	rig.Undecided(t, err)
	require.ErrorContains(t, err, "NOPERM")
}

// A replaced is what is known of a failover: how many secrets were used, and how many of them verified again.
type replaced struct {
	used, again int
	known       int  // of the used ones, those of which somebody knew before the primary was killed
	unasked     bool // a failover came before: to Sentinel a busy machine looks like a dead one
}

// onSentinel runs killAfterUses, again if there was a failover that nobody asked for, and returns what is then known.
func onSentinel(t *testing.T, c *tally, cut bool, manager func(client *redis.Client) *onetime.Manager) replaced {
	t.Helper()
	for range 20 {
		set := rig.NewSentinel(t)
		client := set.Client(redis.FailoverOptions{})
		t.Cleanup(func() { client.Close() })
		r := killAfterUses(t, set, manager(client), c, cut)
		if !r.unasked {
			return r
		}
		t.Log("a failover that nobody asked for: once more")
	}
	require.FailNow(t, "too busy a machine: 20 failovers that nobody asked for")
	return replaced{}
}

// killAfterUses issues codes, waits until the replica has them, uses them from eight callers and kills the primary in the
// middle, or, with cut, after the replica was cut off and half of them were used since. Then it tries all used ones again.
func killAfterUses(t *testing.T, s *rig.SentinelSet, m *onetime.Manager, c *tally, cut bool) (r replaced) {
	t.Helper()
	const secrets, callers, deadline = 2000, 8, unhurried
	subject := func(i int) string { return fmt.Sprintf("person-%d@example.com", i) }
	codes := make([]onetime.OTP, secrets)
	for i := range codes {
		require.NoError(t, c.call(deadline, func(ctx context.Context) (err error) {
			codes[i], err = m.IssueOTP(ctx, subject(i))
			return err
		}))
	}
	rig.Eventually(t, func(ctx context.Context) error {
		if at, want := s.Replica.Info(ctx, "slave_repl_offset"), s.Primary.Info(ctx, "master_repl_offset"); at != want {
			return fmt.Errorf("the replica is at %s of %s", at, want)
		}
		return nil
	})
	epoch := s.Epoch(t.Context())
	if cut {
		s.CutOff(t)
	}

	verify := func(i int) error {
		return c.use(codes[i].ID, deadline, func(ctx context.Context) error {
			_, err := m.VerifyOTP(ctx, subject(i), codes[i].Code)
			return err
		})
	}
	used := make([]bool, secrets)
	ctx, cancel := context.WithCancel(t.Context())
	before, calls := c.used(), c.total()
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := caller; i < secrets && ctx.Err() == nil; i += callers {
				used[i] = verify(i) == nil
			}
		})
	}
	enough := secrets / 2
	if cut {
		enough = 5 * callers // with acknowledgement each takes until its timeout
	}
	rig.Eventually(t, func(context.Context) error {
		if done := c.total() - calls; done < enough || !cut && c.used() == before {
			return fmt.Errorf("%d calls, %d uses", done, c.used()-before)
		}
		return nil
	})
	r.known = c.used() - before
	r.unasked = s.Epoch(t.Context()) != epoch
	s.Primary.Kill()
	cancel()
	group.Wait()
	if r.unasked {
		return r
	}

	s.AwaitFailover(t)
	s.Rejoin(t)
	for i := range codes {
		if used[i] {
			var err error
			rig.Eventually(t, func(context.Context) error {
				if err = verify(i); !decided(err) {
					return err
				}
				return nil
			})
			r.used++
			if err == nil {
				r.again++
			}
		}
	}
	t.Logf("of %d secrets that were used before the primary was killed %d verify again", r.used, r.again)
	return r
}

func TestReplicaAck_FailoverForgetsNoUse(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: takes several seconds")
	}
	t.Parallel() // most of it is waiting
	for _, cut := range []bool{false, true} {
		t.Run(map[bool]string{false: "killed under load", true: "replica cut off before"}[cut], func(t *testing.T) {
			c := newTally(t)
			r := onSentinel(t, c, cut, func(client *redis.Client) *onetime.Manager { return acknowledged(t, client) })
			require.Zero(t, r.again)
			if cut {
				require.Zero(t, r.used, "nobody heard of a success that the replica does not know")
			} else {
				require.Positive(t, r.used)
			}
		})
	}
}

func TestSentinel_FailoverWithoutAckForgetsUses(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: takes several seconds")
	}
	t.Parallel() // most of it is waiting
	for _, cut := range []bool{false, true} {
		t.Run(map[bool]string{false: "killed under load", true: "replica cut off before"}[cut], func(t *testing.T) {
			c := newTally(t)
			c.lossy = true
			r := onSentinel(t, c, cut, func(client *redis.Client) *onetime.Manager {
				m, err := onetime.New(client, onetimetest.Key, onetime.WithSendLimits())
				require.NoError(t, err)
				return m
			})
			require.Positive(t, r.used)
			if cut { // so the tests with acknowledgement would see it; what was on its way may have been used on the new primary
				require.Positive(t, r.known)
				require.GreaterOrEqual(t, r.again, r.known)
			}
		})
	}
}
