package onetime_test

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// servers are what TestMain started: at most one of each kind for all tests.
var servers struct {
	redis, cluster, valkey *server
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := func() int {
		defer stopServers()
		if err := startServers(); err != nil {
			fmt.Fprintln(os.Stderr, "onetime:", err)
			return 1
		}
		return m.Run()
	}()
	os.Exit(code)
}

func startServers() (err error) {
	if _, lookErr := exec.LookPath("redis-server"); lookErr != nil {
		if os.Getenv("CI") == "true" {
			return errors.New("no redis-server on PATH: CI must test against a real one")
		}
		fmt.Println("No redis-server on PATH: left out are all tests on a real Redis and on a cluster; miniredis stands alone.")
		return nil
	}
	if servers.redis, err = startServer("redis-server"); err != nil {
		return err
	}
	if servers.cluster, err = startServer("redis-server", "--cluster-enabled", "yes"); err != nil {
		return err
	}
	if _, lookErr := exec.LookPath("valkey-server"); lookErr == nil {
		servers.valkey, err = startServer("valkey-server")
	}
	return err
}

func stopServers() {
	for _, s := range []*server{servers.redis, servers.cluster, servers.valkey} {
		if s != nil {
			s.stop()
		}
	}
}

// A server is a real Redis or Valkey that the tests started.
type server struct {
	addr    string
	dir     string
	process *exec.Cmd
}

func startServer(program string, args ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "onetime")
	if err != nil {
		return nil, err
	}
	for range 5 { // the free port may be taken again before the server has it
		var s *server
		if s, err = startServerIn(dir, program, args...); err == nil {
			return s, nil
		}
	}
	os.RemoveAll(dir)
	return nil, err
}

func startServerIn(dir, program string, args ...string) (*server, error) {
	// A cluster node also listens on this port + 10000.
	port := strconv.Itoa(20000 + freePort()%30000)
	s := &server{addr: "127.0.0.1:" + port, dir: dir}
	s.process = exec.Command(program, append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir,
		"--save", "", "--appendonly", "no"}, args...)...)
	log := &strings.Builder{}
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() { s.process.Wait(); close(exited) }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, ContextTimeoutEnabled: true})
	defer client.Close()
	assigned := false
	for {
		select {
		case <-exited:
			return nil, fmt.Errorf("%s ended: %s", program, log)
		case <-ctx.Done():
			s.process.Process.Kill()
			return nil, fmt.Errorf("%s is not ready: %w", program, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
		if client.Ping(ctx).Err() != nil {
			continue
		}
		if !strings.Contains(strings.Join(args, " "), "cluster-enabled") {
			return s, nil
		}
		if !assigned {
			assigned = client.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err() == nil
		}
		if info, err := client.ClusterInfo(ctx).Result(); err == nil && strings.Contains(info, "cluster_state:ok") {
			return s, nil
		}
	}
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) stop() {
	s.process.Process.Kill()
	os.RemoveAll(s.dir)
}

// A backend is one way to run Redis and to reach it. All of them must pass the same tests.
type backend struct {
	name string
	rdb  redis.Scripter // for Managers
	raw  *redis.Client  // to look at what is stored
	mini *miniredis.Miniredis
	now  time.Time // of miniredis
	real bool

	started time.Time
}

// backends runs a test on every backend there is, each empty at the start.
func backends(t *testing.T, test func(t *testing.T, b *backend)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		mini := miniredis.RunT(t)
		b := &backend{mini: mini, now: time.Now().Truncate(time.Millisecond)}
		mini.SetTime(b.now)
		b.run(t, mini.Addr(), false, false, test)
	})
	for _, automatic := range []bool{false, true} {
		suffix := ""
		if automatic {
			suffix = " AutoPipeline"
		}
		t.Run("redis"+suffix, func(t *testing.T) {
			(&backend{}).run(t, needServer(t, servers.redis).addr, false, automatic, test)
		})
		t.Run("redis cluster"+suffix, func(t *testing.T) {
			(&backend{}).run(t, needServer(t, servers.cluster).addr, true, automatic, test)
		})
		if servers.valkey != nil {
			t.Run("valkey"+suffix, func(t *testing.T) {
				(&backend{}).run(t, servers.valkey.addr, false, automatic, test)
			})
		}
	}
}

// onRedis runs a test on a real Redis only.
func onRedis(t *testing.T, test func(t *testing.T, b *backend)) {
	t.Helper()
	(&backend{}).run(t, needServer(t, servers.redis).addr, false, false, test)
}

func needServer(t testing.TB, s *server) *server {
	t.Helper()
	if s == nil {
		t.Skip("left out: no redis-server on PATH")
	}
	return s
}

func (b *backend) run(t *testing.T, addr string, cluster, automatic bool, test func(*testing.T, *backend)) {
	t.Helper()
	b.name, b.real, b.started = t.Name(), b.mini == nil, time.Now()
	b.raw = redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { b.raw.Close() })
	require.NoError(t, b.raw.FlushAll(t.Context()).Err())

	var client redis.UniversalClient = redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	if cluster {
		client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})
	}
	t.Cleanup(func() { client.Close() })
	b.rdb = client
	if automatic {
		pipeliner, err := client.AutoPipeline()
		require.NoError(t, err)
		t.Cleanup(func() { pipeliner.Close() })
		b.rdb = pipeliner
	}
	test(t, b)
}

// manager returns a Manager on the backend.
func (b *backend) manager(t testing.TB, opts ...onetime.Option) *onetime.Manager {
	t.Helper()
	m, err := onetime.New(b.rdb, onetimetest.Key, append([]onetime.Option{onetime.WithLinkBase("https://example.com/in")}, opts...)...)
	require.NoError(t, err)
	return m
}

var limitField = regexp.MustCompile(`^[sg]\d+$`)

// isSlot tells the field of a slot, with or without the 9 bytes of a bound challenge's prefix.
func isSlot(field string) bool {
	last := field[len(field)-1]
	return (len(field) == 1 || len(field) == 10 && field[0] == ':') && '1' <= last && last <= '5'
}

// advance lets d pass, or steps the clock back if it is negative. On a real server, whose clock cannot be moved, all
// times in the records are moved the other way.
func (b *backend) advance(t testing.TB, d time.Duration) {
	t.Helper()
	ctx := t.Context()
	if b.mini != nil {
		b.now = b.now.Add(d)
		b.mini.SetTime(b.now)
		b.mini.FastForward(d)
		return
	}
	for _, key := range b.records(t) {
		for field, value := range b.record(t, key) {
			switch {
			case limitField.MatchString(field):
				at, err := strconv.ParseInt(value, 10, 64)
				require.NoError(t, err)
				b.raw.HSet(ctx, key, field, at-d.Milliseconds())
			case isSlot(field):
				slot := []byte(value)
				at := binary.BigEndian.Uint64(append([]byte{0, 0}, slot[12:18]...))
				binary.BigEndian.PutUint16(slot[12:], uint16((at-uint64(d.Milliseconds()))>>32))
				binary.BigEndian.PutUint32(slot[14:], uint32(at-uint64(d.Milliseconds())))
				b.raw.HSet(ctx, key, field, slot)
			}
		}
		end := time.UnixMilli(b.raw.PExpireTime(ctx, key).Val().Milliseconds()).Add(-d)
		require.NoError(t, b.raw.PExpireAt(ctx, key, end).Err()) // what is past deletes
	}
}

// records returns the Redis keys of all records.
func (b *backend) records(t testing.TB) []string {
	t.Helper()
	keys, err := b.raw.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	return keys
}

func (b *backend) record(t testing.TB, key string) map[string]string {
	t.Helper()
	fields, err := b.raw.HGetAll(t.Context(), key).Result()
	require.NoError(t, err)
	return fields
}

// only returns the one record there is.
func (b *backend) only(t testing.TB) string {
	t.Helper()
	keys := b.records(t)
	require.Len(t, keys, 1)
	return keys[0]
}

// wrong returns n different codes of the length that are not code.
func wrong(code string, n int) []string {
	var codes []string
	for i := 0; len(codes) < n; i++ {
		if c := fmt.Sprintf("%0*d", len(code), i); c != code {
			codes = append(codes, c)
		}
	}
	return codes
}

// refused requires a refusal with a reason and returns it.
func refused(t testing.TB, err, reason error) *onetime.DeniedError {
	t.Helper()
	require.ErrorIs(t, err, reason)
	require.ErrorIs(t, err, onetime.ErrDenied)
	var denied *onetime.DeniedError
	require.ErrorAs(t, err, &denied)
	return denied
}

// undecided requires an error that is neither a refusal nor bad input.
func undecided(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotErrorIs(t, err, onetime.ErrDenied)
	require.NotErrorIs(t, err, onetime.ErrInvalid)
}
