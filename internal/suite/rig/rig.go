// Package rig is what the tests of this module share: Redis, Sentinel and Cluster servers that can be killed, paused and
// cut off from each other; a proxy that loses replies; the table of backends; fake clients; and a way to the inside of a
// Manager. Only tests import it.
package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/child"
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

// Main is the TestMain of a package that starts servers of these programs: it runs the tests and ends what they started. In
// CI the programs must be there.
func Main(m *testing.M, programs ...string) {
	redis.SetLogger(Quiet{})
	for _, program := range programs {
		if Installed(program) {
			continue
		}
		if os.Getenv("CI") == "true" {
			fmt.Fprintf(os.Stderr, "no %s on PATH: CI must test against a real one\n", program)
			os.Exit(1)
		}
		fmt.Printf("No %s on PATH: left out is all that needs one.\n", program)
	}
	code := m.Run()
	child.End()
	os.Exit(code)
}

// Quiet is a logger of go-redis that prints nothing. The usual one tells of each connection that breaks.
type Quiet struct{}

// Printf prints nothing.
func (Quiet) Printf(context.Context, string, ...any) {}

// errFinal ends waiting.
var errFinal = errors.New("")

// Patience is how long anything may take that must happen: so long that a busy machine manages it, and a hang ends.
const Patience = 2 * time.Minute

// WaitFor waits until a condition holds, for at most Patience.
func WaitFor(condition func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil || errors.Is(err, errFinal) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w", Patience, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Eventually is WaitFor in a test.
func Eventually(t testing.TB, condition func(ctx context.Context) error) {
	t.Helper()
	require.NoError(t, WaitFor(condition))
}
