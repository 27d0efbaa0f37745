package onetime_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/redistest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	redis.SetLogger(redistest.Quiet{})
	for _, program := range []string{redistest.Redis, redistest.Sentinel} {
		if redistest.Installed(program) {
			continue
		}
		if os.Getenv("CI") == "true" {
			fmt.Fprintf(os.Stderr, "onetime: no %s on PATH: CI must test against a real one\n", program)
			os.Exit(1)
		}
		fmt.Printf("No %s on PATH: left out is all that needs one.\n", program)
	}
	code := m.Run()
	redistest.RemoveAll()
	os.Exit(code)
}

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
	sharedSentinel = sync.OnceValues(func() (*redistest.SentinelSet, error) { return redistest.StartSentinel(time.Minute) }) // no failover
)
