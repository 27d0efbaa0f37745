package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// A SentinelSet is a primary, a replica of it, and the Sentinel that watches both.
type SentinelSet struct{ Primary, Replica, Sentinel *Server }

// SentinelName is what Sentinel calls the primary.
const SentinelName = "onetime"

// StartSentinel starts a Sentinel that takes a primary for dead after a time without an answer.
func StartSentinel(patience time.Duration) (*SentinelSet, error) {
	primary, err := StartServer(Redis)
	if err != nil {
		return nil, err
	}
	host, port := primary.HostPort()
	replica, err := StartServer(Redis, "--replicaof", host+" "+port)
	if err != nil {
		return nil, err
	}
	// Sentinel looks for replicas when it starts, and then every 10 s.
	if err := WaitFor(func(ctx context.Context) error { return replica.Follows(ctx, primary) }); err != nil {
		return nil, err
	}
	sentinel, err := StartServer(Sentinel,
		fmt.Sprintf("sentinel monitor %s %s %s 1", SentinelName, host, port),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", SentinelName, patience.Milliseconds()),
		"sentinel failover-timeout "+SentinelName+" 2000")
	if err != nil {
		return nil, err
	}
	set := &SentinelSet{primary, replica, sentinel}
	return set, WaitFor(func(ctx context.Context) error {
		if replicas, err := sentinel.Do(ctx, "SENTINEL", "REPLICAS", SentinelName).Slice(); err != nil || len(replicas) != 1 {
			return fmt.Errorf("%d replicas known to Sentinel: %w", len(replicas), err)
		}
		return nil
	})
}

// Client returns a client that asks Sentinel for the primary.
func (s *SentinelSet) Client(options redis.FailoverOptions) *redis.Client {
	options.MasterName, options.SentinelAddrs, options.ContextTimeoutEnabled = SentinelName, []string{s.Sentinel.Addr}, true
	return redis.NewFailoverClient(&options)
}

// NewSentinel starts servers for one test. A failover begins after 0.7 s without an answer.
func NewSentinel(t testing.TB) *SentinelSet {
	t.Helper()
	Needs(t, Redis, Sentinel)
	set, err := StartSentinel(700 * time.Millisecond)
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, s := range []*Server{set.Sentinel, set.Replica, set.Primary} {
			s.Remove()
		}
	})
	return set
}

// AwaitFailover waits until the replica has taken over, and swaps the two names.
func (s *SentinelSet) AwaitFailover(t testing.TB) {
	t.Helper()
	Eventually(t, func(ctx context.Context) error {
		addr, err := s.Sentinel.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelName).StringSlice()
		if err != nil || len(addr) != 2 || net.JoinHostPort(addr[0], addr[1]) != s.Replica.Addr || s.Replica.Info(ctx, "role") != "master" {
			return fmt.Errorf("primary according to Sentinel: %v: %w", addr, err)
		}
		return nil
	})
	s.Primary, s.Replica = s.Replica, s.Primary
}

// Rejoin restarts what was killed as a replica, and waits until it has caught up.
func (s *SentinelSet) Rejoin(t testing.TB) {
	t.Helper()
	s.Primary.Must(t, "CONFIG", "SET", "masterauth", "") // see CutOff
	host, port := s.Primary.HostPort()
	require.NoError(t, s.Replica.Start("--replicaof", host+" "+port))
	Eventually(t, func(ctx context.Context) error { return s.Replica.Follows(ctx, s.Primary) })
}

// CutOff keeps the replica from its primary, by a password that the primary does not know.
func (s *SentinelSet) CutOff(t testing.TB) {
	t.Helper()
	Eventually(t, func(ctx context.Context) error {
		if s.Replica.Info(ctx, "role") == "master" { // since a failover that nobody asked for
			s.Replica.Do(ctx, "CONFIG", "SET", "masterauth", "")
			s.Settle(t)
		}
		s.Replica.Do(ctx, "CONFIG", "SET", "masterauth", "unknown")
		s.Replica.Do(ctx, "CLIENT", "KILL", "TYPE", "master")
		if s.Replica.Info(ctx, "master_link_status") != "down" {
			return errors.New("the replica still follows")
		}
		return nil
	})
}

// Epoch returns what counts Sentinel's failovers.
func (s *SentinelSet) Epoch(ctx context.Context) string {
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: s.Sentinel.Addr})
	defer sentinel.Close()
	return sentinel.Master(ctx, SentinelName).Val()["config-epoch"]
}

// Settle waits until Sentinel has one primary and the other follows it. What Sentinel does about a stale primary within
// ten seconds is done at once.
func (s *SentinelSet) Settle(t testing.TB) {
	t.Helper()
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: s.Sentinel.Addr})
	defer sentinel.Close()
	Eventually(t, func(ctx context.Context) error {
		state, err := sentinel.Master(ctx, SentinelName).Result()
		if err != nil || state["flags"] != "master" {
			return fmt.Errorf("flags of the primary at Sentinel: %s: %w", state["flags"], err)
		}
		if net.JoinHostPort(state["ip"], state["port"]) == s.Replica.Addr {
			s.Primary, s.Replica = s.Replica, s.Primary
		}
		if role := s.Primary.Info(ctx, "role"); role != "master" {
			return fmt.Errorf("the primary is %q", role)
		}
		if s.Replica.Info(ctx, "role") == "master" {
			s.Replica.Do(ctx, "REPLICAOF", state["ip"], state["port"])
		}
		return s.Replica.Follows(ctx, s.Primary)
	})
}
