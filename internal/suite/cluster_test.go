package suite_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// clusterVariants are the ways to use a cluster.
var clusterVariants = []struct {
	name      string
	automatic bool
	opts      []onetime.Option
}{
	{"plain", false, nil},
	{"AutoPipeline", true, nil},
	{"WithReplicaAck", false, []onetime.Option{onetime.WithReplicaAck(1, time.Second)}},
}

// onCluster returns a Manager with a client of its own.
func onCluster(t testing.TB, nodes []*rig.Server, options redis.ClusterOptions, automatic bool, opts ...onetime.Option) *onetime.Manager {
	t.Helper()
	for _, node := range nodes {
		options.Addrs = append(options.Addrs, node.Addr)
	}
	options.ContextTimeoutEnabled = true
	client := redis.NewClusterClient(&options)
	t.Cleanup(func() { client.Close() })
	var rdb redis.Scripter = client
	if automatic {
		pipeliner, err := client.AutoPipeline()
		require.NoError(t, err)
		t.Cleanup(func() { pipeliner.Close() })
		rdb = pipeliner
	}
	m, err := onetime.New(rdb, onetimetest.Key, append([]onetime.Option{onetime.WithLinkBase("https://example.com/in")}, opts...)...)
	require.NoError(t, err)
	return m
}

// slotOf returns the slot of a subject's record: the CRC16 of what its key has in braces.
func slotOf(m *onetime.Manager, subject string) int {
	var crc uint16
	for _, b := range []byte(base64.RawURLEncoding.EncodeToString([]byte(rig.Tag(m, subject)))) {
		crc ^= uint16(b) << 8
		for range 8 {
			crc = crc<<1 ^ crc>>15*0x1021
		}
	}
	return int(crc % 16384)
}

// inSlots returns a source of subjects whose records are in the slots from first to last.
func inSlots(m *onetime.Manager, first, last int) func(int) string {
	n := 0
	return func(int) string {
		for {
			n++
			subject := fmt.Sprintf("neighbour-%d@example.com", n)
			if slot := slotOf(m, subject); first <= slot && slot <= last {
				return subject
			}
		}
	}
}

// inShards returns inSlots for the slots that newCluster gave to each primary.
func inShards(m *onetime.Manager) (subjects [3]func(int) string) {
	for i := range subjects {
		subjects[i] = inSlots(m, i*16384/3, (i+1)*16384/3-1)
	}
	return subjects
}

// told adds up what nodes tell in INFO: how often a command was called, or an error answered.
func told(t testing.TB, nodes []*rig.Server, name string) (sum int) {
	t.Helper()
	for _, node := range nodes {
		_, value, _ := strings.Cut(node.Info(t.Context(), name), "=")
		value, _, _ = strings.Cut(value, ",")
		n, _ := strconv.Atoi(value)
		sum += n
	}
	return sum
}

// migrate moves the first slots from one primary to another, as redis-cli does, and calls between after each step.
func migrate(t testing.TB, primaries []*rig.Server, from, to *rig.Server, slots int, between func()) {
	t.Helper()
	source, target := from.Must(t, "CLUSTER", "MYID"), to.Must(t, "CLUSTER", "MYID")
	for slot := range slots {
		to.Must(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", source)
		from.Must(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	}
	between()
	host, port := to.HostPort()
	for slot := range slots {
		for {
			keys, _ := from.Must(t, "CLUSTER", "GETKEYSINSLOT", slot, 10).([]any)
			if len(keys) == 0 {
				break
			}
			from.Must(t, append([]any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}, keys...)...)
		}
		if slot == slots/2 {
			between()
		}
	}
	between()
	for slot := range slots {
		to.Must(t, "CLUSTER", "SETSLOT", slot, "NODE", target) // first, or the slot would be nobody's
		for _, node := range primaries {
			node.Must(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
		}
	}
	between()
}

func TestCluster_SlotsMigrate(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: a cluster takes seconds to start")
	}
	t.Parallel() // most of it is waiting
	const slots = 16
	nodes := rig.NewCluster(t)
	primaries := nodes[:3]
	owner, moves := 0, len(primaries)
	for _, v := range clusterVariants {
		t.Run(v.name, func(t *testing.T) {
			for _, node := range primaries {
				node.Must(t, "FLUSHALL")
				node.Must(t, "CONFIG", "RESETSTAT")
			}
			c := newTally(t)
			m := onCluster(t, nodes, redis.ClusterOptions{MaxRedirects: 1000}, v.automatic, v.opts...)
			subject := inSlots(m, 0, slots-1)
			late := onCluster(t, nodes, redis.ClusterOptions{MaxRedirects: 1000}, v.automatic, v.opts...) // whose client looks at the cluster now
			tokens := c.issues(t, late, subject, moves)
			tr := startTraffic(t, &traffic{m: m, tally: c, deadline: unhurried, subject: subject}, 8)
			for _, token := range tokens {
				next := (owner + 1) % len(primaries)
				migrate(t, primaries, primaries[owner], primaries[next], slots, func() { tr.flows(t, 15) })
				owner = next
				require.NoError(t, c.verifies(late, token, unhurried))
			}
			secrets, again := tr.tryAgain(t)
			moved, asked := told(t, primaries, "errorstat_MOVED"), told(t, primaries, "errorstat_ASK")
			t.Logf("%d secrets used, %d verified again; %d times MOVED, %d times ASK", secrets, again, moved, asked)
			require.Positive(t, moved)
			require.Positive(t, asked)
			// By default go-redis follows three redirections, and a slot may move more often while a busy machine gets there.
			require.Zero(t, c.unanswered())
		})
	}
}

func TestCluster_EachCallIsOneCommandInOneSlot(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: a cluster takes seconds to start")
	}
	t.Parallel() // most of it is waiting
	nodes := rig.NewCluster(t)
	primaries := nodes[:3]
	for _, v := range clusterVariants {
		t.Run(v.name, func(t *testing.T) {
			for _, node := range primaries {
				node.Must(t, "FLUSHALL")
			}
			m := onCluster(t, nodes, redis.ClusterOptions{}, v.automatic, append([]onetime.Option{onetime.WithSendLimits()}, v.opts...)...)
			c := newTally(t)
			require.NoError(t, m.Check(t.Context()))
			for shard := range 3 {
				// operations are about one person: of all purposes take one whose record is in the shard.
				p := m
				for n := 0; slotOf(p, rig.Alice)*3/16384 != shard; n++ {
					var err error
					p, err = m.Purpose(fmt.Sprint("purpose", n))
					require.NoError(t, err)
				}
				calls := rig.Operations(t, p, p)
				factors := rig.NewFactors(t, p, rig.Alice)
				maps.Copy(calls, rig.FactorOperations(t, factors, factors))
				for name, call := range calls { // which loads the scripts
					require.True(t, decided(c.call(clusterDeadline, func(context.Context) error { return call() })), name)
				}
				for name, call := range calls {
					for _, node := range primaries {
						node.Must(t, "CONFIG", "RESETSTAT")
					}
					require.True(t, decided(c.call(clusterDeadline, func(context.Context) error { return call() })), name)
					waits := 0
					acked := []string{"VerifyOTP", "VerifyToken", "Cancel", "CancelQuietly", "Revoke", "Erase",
						"VerifyTOTP", "VerifyFactor", "VerifyHOTP", "VerifyRecovery", "Resync"}
					if v.name == "WithReplicaAck" && slices.Contains(acked, name) {
						waits = 1
					}
					require.Equal(t, 1, told(t, primaries, "cmdstat_evalsha"), name)
					require.Equal(t, waits, told(t, primaries, "cmdstat_wait"), name)
					require.Zero(t, told(t, primaries, "cmdstat_eval"), name)
					require.Zero(t, told(t, primaries, "errorstat_MOVED"), name)
				}
			}
		})
	}
}

// clusterDeadline is that of calls while a cluster loses a primary: so long that a call to one that works is answered.
const clusterDeadline = 30 * time.Second

// impatient is a client that looks at the cluster by itself each minute only, and so must be told of a takeover.
var impatient = redis.ClusterOptions{ReadTimeout: time.Second}

// verifies uses a token up by a Manager.
func (c *tally) verifies(m *onetime.Manager, token string, deadline time.Duration) error {
	return c.use(token, deadline, func(ctx context.Context) error { _, err := m.VerifyToken(ctx, token); return err })
}

// verifiesAll tries tokens until there is an answer, and returns how many verified.
func (c *tally) verifiesAll(t testing.TB, m *onetime.Manager, tokens []string) (verified int) {
	t.Helper()
	for _, token := range tokens {
		var err error
		rig.Eventually(t, func(context.Context) error {
			if err = c.verifies(m, token, clusterDeadline); !decided(err) {
				return err
			}
			return nil
		})
		if err == nil {
			verified++
		}
	}
	return verified
}

// issues waits until n more tokens were issued, each to a subject of its own, and returns them.
func (c *tally) issues(t testing.TB, m *onetime.Manager, subject func(int) string, n int) (tokens []string) {
	t.Helper()
	for len(tokens) < n {
		rig.Eventually(t, func(context.Context) error {
			return c.call(clusterDeadline, func(ctx context.Context) error {
				token, err := m.IssueToken(ctx, subject(0))
				if err == nil {
					tokens = append(tokens, token.Value)
				}
				return err
			})
		})
	}
	return tokens
}

// serves waits until what is issued verifies.
func (c *tally) serves(t testing.TB, m *onetime.Manager, subject func(int) string) {
	t.Helper()
	rig.Eventually(t, func(context.Context) error { return c.verifies(m, c.issues(t, m, subject, 1)[0], clusterDeadline) })
}

// caughtUp waits until a replica has what its primary has now.
func caughtUp(t testing.TB, primary, replica *rig.Server) {
	t.Helper()
	goal, err := strconv.Atoi(primary.Info(t.Context(), "master_repl_offset"))
	require.NoError(t, err)
	rig.Eventually(t, func(ctx context.Context) error {
		if offset, err := strconv.Atoi(replica.Info(ctx, "slave_repl_offset")); err != nil || offset < goal {
			return fmt.Errorf("the replica is at %d of %d: %w", offset, goal, err)
		}
		return nil
	})
}

// takeover waits until one of the replicas is a primary, and returns it.
func takeover(t testing.TB, replicas []*rig.Server) *rig.Server {
	t.Helper()
	var primary *rig.Server
	rig.Eventually(t, func(ctx context.Context) error {
		at := slices.IndexFunc(replicas, func(s *rig.Server) bool { return s.Info(ctx, "role") == "master" })
		if at < 0 {
			return errors.New("no replica has taken over")
		}
		primary = replicas[at]
		return nil
	})
	return primary
}

// losing runs a test of the loss of a primary, once with acknowledgement and once without, each on a shard of its own.
func losing(t *testing.T, test func(t *testing.T, shard int, acked bool, c *tally, opts []onetime.Option)) {
	t.Helper()
	for shard, acked := range []bool{true, false} {
		name, opts := "without acknowledgement", []onetime.Option{onetime.WithPrefix("without")}
		if acked {
			name, opts = "WithReplicaAck", []onetime.Option{onetime.WithReplicaAck(1, 500*time.Millisecond)}
		}
		t.Run(name, func(t *testing.T) {
			c := newTally(t)
			c.lossy = !acked
			test(t, shard, acked, c, opts)
		})
	}
}

func TestCluster_PrimaryKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: a takeover takes seconds")
	}
	t.Parallel() // most of it is waiting
	nodes := rig.NewCluster(t)
	losing(t, func(t *testing.T, shard int, acked bool, c *tally, opts []onetime.Option) {
		primary, replica := nodes[shard], nodes[shard+3]
		if replica.Info(t.Context(), "role") == "master" { // a busy machine looks like a dead one
			primary, replica = replica, primary
		}
		m := onCluster(t, nodes, impatient, false, opts...)
		subjects := inShards(m)
		tr := startTraffic(t, &traffic{m: m, tally: c, deadline: clusterDeadline, loses: true}, 4)
		tr.flows(t, 50)

		// Uses that the replica does not hear of.
		tokens := c.issues(t, m, subjects[shard], 8)
		caughtUp(t, primary, replica)
		primary.Must(t, "ACL", "SETUSER", "default", "-psync", "-sync")
		primary.Must(t, "CLIENT", "KILL", "TYPE", "replica")
		var group sync.WaitGroup
		for _, token := range tokens {
			group.Go(func() {
				err := c.verifies(m, token, clusterDeadline)
				assert.Equal(t, acked, !decided(err), "%v", err)
			})
		}
		group.Wait()

		done := rig.ExpectTakeover(t, nodes)
		primary.Kill()
		start := time.Now()
		takeover(t, []*rig.Server{replica})
		took := time.Since(start)
		c.issues(t, m, subjects[shard], 1) // used it can be once there is a replica
		served := time.Since(start)
		require.NoError(t, primary.Start())
		rig.Eventually(t, func(ctx context.Context) error { return primary.Follows(ctx, replica) })
		done()
		verified := c.verifiesAll(t, m, tokens)
		for _, subject := range subjects {
			c.serves(t, m, subject)
		}
		tr.flows(t, 50)
		secrets, again := tr.tryAgain(t)
		t.Logf("a replica took over after %d ms, served after %d ms; of %d secrets used without its knowledge %d verified then; of %d others %d verified again",
			took.Milliseconds(), served.Milliseconds(), len(tokens), verified, secrets, again)
	})
}

// join starts one more node, which has no slots, and waits until all know each other.
func join(t testing.TB, nodes []*rig.Server) *rig.Server {
	t.Helper()
	joined := rig.NewServer(t, rig.ClusterNode...)
	host, port := nodes[0].HostPort()
	joined.Must(t, "CLUSTER", "MEET", host, port)
	all := append(slices.Clone(nodes), joined)
	for _, node := range all {
		rig.Eventually(t, func(ctx context.Context) error {
			text, err := node.Do(ctx, "CLUSTER", "NODES").Text()
			if err != nil || strings.Count(text, " connected") != len(all) || strings.Contains(text, "handshake") {
				return fmt.Errorf("the nodes do not know each other yet: %s%w", text, err)
			}
			return node.ClusterOK(ctx)
		})
	}
	return joined
}

func TestCluster_PrimaryStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: a takeover takes seconds")
	}
	t.Parallel() // most of it is waiting
	nodes := rig.NewCluster(t)
	// A second replica, so that the first can acknowledge when it or the other has taken over.
	second := join(t, nodes)
	second.Must(t, "CLUSTER", "REPLICATE", nodes[0].Must(t, "CLUSTER", "MYID"))
	rig.Eventually(t, func(ctx context.Context) error { return second.Follows(ctx, nodes[0]) })
	losing(t, func(t *testing.T, shard int, acked bool, c *tally, opts []onetime.Option) {
		primary, replicas := nodes[shard], []*rig.Server{nodes[shard+3]}
		if replicas[0].Info(t.Context(), "role") == "master" { // a busy machine looks like a dead one
			primary, replicas[0] = replicas[0], primary
		}
		if acked {
			replicas = append(replicas, second)
		}
		m := onCluster(t, nodes, impatient, false, opts...)
		subjects := inShards(m)
		tr := startTraffic(t, &traffic{m: m, tally: c, deadline: clusterDeadline, loses: true}, 4)
		tr.flows(t, 50)
		tokens := c.issues(t, m, subjects[shard], 8)
		for _, replica := range replicas {
			caughtUp(t, primary, replica)
		}

		// Somebody asks the stopped primary and does not hear of the takeover: it answers when it goes on.
		late := onCluster(t, nodes, redis.ClusterOptions{ReadTimeout: time.Minute}, false, opts...)
		var connected, asked sync.WaitGroup
		for _, token := range tokens {
			connected.Go(func() {
				assert.NoError(t, c.call(clusterDeadline, func(ctx context.Context) error { _, err := late.InspectToken(ctx, token); return err }))
			})
		}
		connected.Wait()
		done := rig.ExpectTakeover(t, slices.DeleteFunc(append(slices.Clone(nodes), second), func(s *rig.Server) bool { return s == primary }))
		require.NoError(t, primary.Pause())
		start := time.Now()
		errs := make([]error, len(tokens))
		for i, token := range tokens {
			asked.Go(func() { errs[i] = c.verifies(late, token, time.Minute) })
		}
		successor := takeover(t, replicas)
		took := time.Since(start)
		verified := c.verifiesAll(t, m, tokens)
		served := time.Since(start)
		require.NoError(t, primary.Resume())
		asked.Wait()
		succeeded := len(slices.DeleteFunc(errs, func(err error) bool { return err != nil }))
		rig.Eventually(t, func(ctx context.Context) error { return primary.Follows(ctx, successor) })
		done()
		for _, subject := range subjects {
			c.serves(t, m, subject)
		}
		tr.flows(t, 50)
		secrets, again := tr.tryAgain(t)
		t.Logf("a replica took over after %d ms, served after %d ms; of %d secrets %d verified then, and %d when the old primary went on; of %d others %d verified again",
			took.Milliseconds(), served.Milliseconds(), len(tokens), verified, succeeded, secrets, again)
	})
}

func TestCluster_NewNodeImportsItsFirstSlots(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: a cluster takes seconds to start")
	}
	t.Parallel() // most of it is waiting
	const slots = 16
	nodes := rig.NewCluster(t)
	joined := join(t, nodes)
	replica := join(t, append(slices.Clone(nodes), joined))
	id, from := joined.Must(t, "CLUSTER", "MYID"), nodes[0].Must(t, "CLUSTER", "MYID")
	replica.Must(t, "CLUSTER", "REPLICATE", id)
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, joined) })
	for slot := range slots {
		joined.Must(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", from)
		nodes[0].Must(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", id)
	}
	for _, v := range clusterVariants {
		t.Run(v.name, func(t *testing.T) {
			c := newTally(t)
			m := onCluster(t, nodes, redis.ClusterOptions{}, v.automatic, append([]onetime.Option{onetime.WithPrefix(v.name)}, v.opts...)...)
			nodes[0].Must(t, "CONFIG", "RESETSTAT")
			tokens := c.issues(t, m, inSlots(m, 0, slots-1), 20)
			// Nobody's business here: who is redirected need not ask it.
			require.NoError(t, nodes[5].Pause())
			defer nodes[5].Resume()
			require.Equal(t, len(tokens), c.verifiesAll(t, m, tokens))
			require.Zero(t, c.undecided)
			require.GreaterOrEqual(t, told(t, nodes[:1], "errorstat_ASK"), 2*len(tokens))
		})
	}
}
