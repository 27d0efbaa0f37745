package onetime_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m, redistest.Redis, redistest.Sentinel) }

// Servers that many tests share, each started by the first that needs it.
var (
	sharedRedis   = sync.OnceValues(func() (*redistest.Server, error) { return redistest.StartServer(redistest.Redis) })
	sharedValkey  = sync.OnceValues(func() (*redistest.Server, error) { return redistest.StartServer(redistest.Valkey) })
	sharedCluster = sync.OnceValues(func() (*redistest.Server, error) {
		s, err := redistest.StartServer(redistest.Redis, "--cluster-enabled", "yes")
		if err != nil {
			return nil, err
		}
		return s, redistest.WaitFor(func(ctx context.Context) error {
			s.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
			return s.ClusterOK(ctx)
		})
	})
	sharedSentinel = sync.OnceValues(func() (*redistest.SentinelSet, error) { return redistest.StartSentinel(time.Hour) }) // no failover
)
