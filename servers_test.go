package onetime_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// Programs that tests start from PATH. In CI all but Valkey must be there.
const (
	redisServer   = "redis-server"
	redisSentinel = "redis-sentinel"
	valkeyServer  = "valkey-server"
)

func TestMain(m *testing.M) {
	flag.Parse()
	redis.SetLogger(quiet{}) // it tells of each connection that breaks
	for _, program := range []string{redisServer, redisSentinel} {
		if installed(program) {
			continue
		}
		if os.Getenv("CI") == "true" {
			fmt.Fprintf(os.Stderr, "onetime: no %s on PATH: CI must test against a real one\n", program)
			os.Exit(1)
		}
		fmt.Printf("No %s on PATH: left out is all that needs one.\n", program)
	}
	code := m.Run()
	running.Range(func(s, _ any) bool { s.(*server).remove(); return true })
	os.Exit(code)
}

// quiet is a logger that prints nothing.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// needs skips a test for which a program is missing.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if !installed(program) {
			t.Skipf("left out: no %s on PATH", program)
		}
	}
}

// Servers that many tests share, each started by the first that needs it.
var (
	sharedRedis   = sync.OnceValues(func() (*server, error) { return startServer(redisServer) })
	sharedValkey  = sync.OnceValues(func() (*server, error) { return startServer(valkeyServer) })
	sharedCluster = sync.OnceValues(func() (*server, error) {
		s, err := startServer(redisServer, "--cluster-enabled", "yes")
		if err != nil {
			return nil, err
		}
		return s, waitFor(func(ctx context.Context) error {
			s.do(ctx, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
			return s.clusterOK(ctx)
		})
	})
	sharedSentinel = sync.OnceValues(func() (*sentinelSet, error) { return startSentinel(time.Minute) }) // no failover
)

// running are the servers to end with the tests.
var running sync.Map

// A server is a process of Redis, Valkey or Sentinel, on a port of 127.0.0.1 and in a folder of its own.
type server struct {
	program, addr, dir string
	args               []string

	process *exec.Cmd
	exited  chan struct{}
}

// startServer starts a program on a free port and waits until it answers. It keeps nothing unless args say so.
func startServer(program string, args ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "onetime")
	if err != nil {
		return nil, err
	}
	for range 5 { // the port may be taken
		// A cluster node also listens on this port + 10000. Both are below those that Linux gives to connections.
		port := strconv.Itoa(10000 + rand.IntN(12000))
		s := &server{program: program, addr: net.JoinHostPort("127.0.0.1", port), dir: dir}
		s.args = []string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--logfile", filepath.Join(dir, "log")}
		if program == redisSentinel {
			s.args = append([]string{filepath.Join(dir, "sentinel.conf")}, s.args...)
			if err = os.WriteFile(s.args[0], []byte(strings.Join(args, "\n")), 0o600); err != nil {
				break
			}
		} else {
			s.args = append(append(s.args, "--save", "", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"), args...)
		}
		running.Store(s, true)
		if err = s.start(); err == nil {
			return s, nil
		}
		running.Delete(s) // start has ended it
	}
	os.RemoveAll(dir)
	return nil, err
}

// start starts the process, on the same port and folder as before if it was killed, and waits until it answers.
func (s *server) start(more ...string) error {
	s.process = exec.Command(s.program, append(slices.Clone(s.args), more...)...)
	if err := s.process.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(process *exec.Cmd) { process.Wait(); close(exited) }(s.process)
	err := waitFor(func(ctx context.Context) error {
		select {
		case <-exited:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("%s ended: %s%w", s.program, log, errFinal)
		default:
		}
		if err := s.do(ctx, "PING").Err(); err != nil {
			return err
		}
		if id := s.info(ctx, "process_id"); id != strconv.Itoa(s.process.Process.Pid) {
			return fmt.Errorf("%s is that of process %s", s.addr, id)
		}
		return nil
	})
	if err != nil {
		s.kill()
	}
	return err
}

// kill ends the process as a crash does, and waits for the end.
func (s *server) kill() {
	s.process.Process.Kill()
	<-s.exited
}

// pause stops the process where it is: connections stay open and nothing is answered.
func (s *server) pause() error  { return s.process.Process.Signal(syscall.SIGSTOP) }
func (s *server) resume() error { return s.process.Process.Signal(syscall.SIGCONT) }

func (s *server) remove() {
	s.kill()
	os.RemoveAll(s.dir)
	running.Delete(s)
}

// do sends one command on a connection of its own.
func (s *server) do(ctx context.Context, args ...any) *redis.Cmd {
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialTimeout: time.Second, DialerRetries: 1, ContextTimeoutEnabled: true})
	defer client.Close()
	return client.Do(ctx, args...)
}

// must is do of a command that must succeed.
func (s *server) must(t testing.TB, args ...any) any {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	value, err := s.do(ctx, args...).Result()
	require.NoError(t, err, args)
	return value
}

// info returns a line of INFO.
func (s *server) info(ctx context.Context, name string) string {
	text, _ := s.do(ctx, "INFO", "everything").Text()
	for line := range strings.Lines(text) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), ":"); key == name {
			return value
		}
	}
	return ""
}

// follows is nil once the server replicates from another and has acknowledged something: before that, nothing is
// streamed to it.
func (s *server) follows(ctx context.Context, primary *server) error {
	seen := primary.info(ctx, "slave0")
	if s.info(ctx, "master_link_status") != "up" || !strings.Contains(seen, "state=online") || strings.Contains(seen, "offset=0,") ||
		net.JoinHostPort(s.info(ctx, "master_host"), s.info(ctx, "master_port")) != primary.addr {
		return errors.New("the replica does not follow yet")
	}
	return nil
}

func (s *server) clusterOK(ctx context.Context) error {
	if text, err := s.do(ctx, "CLUSTER", "INFO").Text(); err != nil || !strings.Contains(text, "cluster_state:ok") {
		return fmt.Errorf("the cluster is not ok: %s%w", text, err)
	}
	return nil
}

func (s *server) hostPort() (host, port string) {
	host, port, _ = net.SplitHostPort(s.addr)
	return host, port
}

// newServer starts a Redis for one test.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	needs(t, redisServer)
	s, err := startServer(redisServer, args...)
	require.NoError(t, err)
	t.Cleanup(s.remove)
	return s
}

// A sentinelSet is a primary, a replica of it, and the Sentinel that watches both.
type sentinelSet struct{ primary, replica, sentinel *server }

const sentinelName = "onetime"

// startSentinel starts a Sentinel that takes a primary for dead after a time without an answer.
func startSentinel(patience time.Duration) (*sentinelSet, error) {
	primary, err := startServer(redisServer)
	if err != nil {
		return nil, err
	}
	host, port := primary.hostPort()
	replica, err := startServer(redisServer, "--replicaof", host+" "+port)
	if err != nil {
		return nil, err
	}
	// Sentinel looks for replicas when it starts, and then every 10 s.
	if err := waitFor(func(ctx context.Context) error { return replica.follows(ctx, primary) }); err != nil {
		return nil, err
	}
	sentinel, err := startServer(redisSentinel,
		fmt.Sprintf("sentinel monitor %s %s %s 1", sentinelName, host, port),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", sentinelName, patience.Milliseconds()),
		"sentinel failover-timeout "+sentinelName+" 2000")
	if err != nil {
		return nil, err
	}
	set := &sentinelSet{primary, replica, sentinel}
	return set, waitFor(func(ctx context.Context) error {
		if replicas, err := sentinel.do(ctx, "SENTINEL", "REPLICAS", sentinelName).Slice(); err != nil || len(replicas) != 1 {
			return fmt.Errorf("Sentinel sees %d replicas: %w", len(replicas), err)
		}
		return nil
	})
}

func (s *sentinelSet) client(options redis.FailoverOptions) *redis.Client {
	options.MasterName, options.SentinelAddrs, options.ContextTimeoutEnabled = sentinelName, []string{s.sentinel.addr}, true
	return redis.NewFailoverClient(&options)
}

// newSentinel starts servers for one test.
func newSentinel(t testing.TB) *sentinelSet {
	t.Helper()
	needs(t, redisServer, redisSentinel)
	set, err := startSentinel(700 * time.Millisecond)
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, s := range []*server{set.sentinel, set.replica, set.primary} {
			s.remove()
		}
	})
	return set
}

// awaitFailover waits until the replica has taken over, and swaps the two names.
func (s *sentinelSet) awaitFailover(t testing.TB) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		addr, err := s.sentinel.do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinelName).StringSlice()
		if err != nil || len(addr) != 2 || net.JoinHostPort(addr[0], addr[1]) != s.replica.addr || s.replica.info(ctx, "role") != "master" {
			return fmt.Errorf("Sentinel says %v: %w", addr, err)
		}
		return nil
	})
	s.primary, s.replica = s.replica, s.primary
}

// rejoin restarts what was killed as a replica, and waits until it has caught up.
func (s *sentinelSet) rejoin(t testing.TB) {
	t.Helper()
	s.primary.must(t, "CONFIG", "SET", "masterauth", "") // see cutOff
	host, port := s.primary.hostPort()
	require.NoError(t, s.replica.start("--replicaof", host+" "+port))
	eventually(t, func(ctx context.Context) error { return s.replica.follows(ctx, s.primary) })
}

// clusterNode is how a node of a cluster starts.
var clusterNode = []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"}

// newCluster starts three primaries and three replicas for one test; the primaries come first.
func newCluster(t testing.TB) []*server {
	t.Helper()
	nodes := make([]*server, 6)
	ids := make([]string, len(nodes))
	for i := range nodes {
		nodes[i] = newServer(t, clusterNode...)
		ids[i], _ = nodes[i].must(t, "CLUSTER", "MYID").(string)
		if i < 3 {
			nodes[i].must(t, "CLUSTER", "ADDSLOTSRANGE", i*16384/3, (i+1)*16384/3-1)
			nodes[i].must(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		}
		host, port := nodes[0].hostPort()
		nodes[i].must(t, "CLUSTER", "MEET", host, port)
	}
	knows := func(i int, what string) {
		eventually(t, func(ctx context.Context) error {
			if text, err := nodes[i].do(ctx, "CLUSTER", "NODES").Text(); err != nil || strings.Count(text, what) != len(nodes)/2 {
				return fmt.Errorf("node %d: %s%w", i, text, err)
			}
			return nil
		})
	}
	for i := range nodes {
		eventually(t, func(ctx context.Context) error {
			text, err := nodes[i].do(ctx, "CLUSTER", "NODES").Text()
			for _, id := range ids {
				if !strings.Contains(text, id) {
					return fmt.Errorf("node %d does not know all: %s%w", i, text, err)
				}
			}
			return nil
		})
	}
	for i := 3; i < len(nodes); i++ {
		nodes[i].must(t, "CLUSTER", "REPLICATE", ids[i-3])
		eventually(t, func(ctx context.Context) error { return nodes[i].follows(ctx, nodes[i-3]) })
	}
	for i := range nodes {
		knows(i, "slave ")
		eventually(t, nodes[i].clusterOK)
	}
	return nodes
}

// errFinal ends waiting.
var errFinal = errors.New("")

// waitFor waits until a condition holds, for at most 30 s.
func waitFor(condition func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil || errors.Is(err, errFinal) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for 30 s: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// eventually is waitFor in a test.
func eventually(t testing.TB, condition func(ctx context.Context) error) {
	t.Helper()
	require.NoError(t, waitFor(condition))
}
