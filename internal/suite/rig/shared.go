package rig

import (
	"context"
	"sync"
	"time"
)

// Servers that many tests share, each started by the first that needs it.
var (
	// SharedRedis is a single node.
	SharedRedis = sync.OnceValues(func() (*Server, error) { return StartServer(Redis) })
	// SharedValkey is a single node of Valkey.
	SharedValkey = sync.OnceValues(func() (*Server, error) { return StartServer(Valkey) })
	// SharedCluster is a cluster of one node.
	SharedCluster = sync.OnceValues(func() (*Server, error) {
		s, err := StartServer(Redis, "--cluster-enabled", "yes")
		if err != nil {
			return nil, err
		}
		return s, WaitFor(func(ctx context.Context) error {
			s.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
			return s.ClusterOK(ctx)
		})
	})
	// SharedSentinel is a set that does not fail over.
	SharedSentinel = sync.OnceValues(func() (*SentinelSet, error) { return StartSentinel(time.Hour) }) // no failover
)
