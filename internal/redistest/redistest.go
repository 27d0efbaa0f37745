// Package redistest runs what tests need beside miniredis: Redis, Sentinel and Cluster servers that can be killed, paused
// and cut off from each other, and a proxy that loses replies. Only tests import it.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Programs that are started from PATH. In CI all but Valkey must be there.
const (
	Redis    = "redis-server"
	Sentinel = "redis-sentinel"
	Valkey   = "valkey-server"
)

// Installed tells whether a program is on PATH.
func Installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// Needs skips a test for which a program is missing.
func Needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if !Installed(program) {
			t.Skipf("left out: no %s on PATH", program)
		}
	}
}

// Quiet is a logger of go-redis that prints nothing. The usual one tells of each connection that breaks.
type Quiet struct{}

// Printf prints nothing.
func (Quiet) Printf(context.Context, string, ...any) {}

// errFinal ends waiting.
var errFinal = errors.New("")

// WaitFor waits until a condition holds, for at most 30 s.
func WaitFor(condition func(ctx context.Context) error) error {
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

// Eventually is WaitFor in a test.
func Eventually(t testing.TB, condition func(ctx context.Context) error) {
	t.Helper()
	require.NoError(t, WaitFor(condition))
}
