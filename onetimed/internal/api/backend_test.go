package api

import (
	"context"
	"crypto"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func startRedis(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("redis-server is missing")
	}
	require.NoError(t, err)
	home, err := os.MkdirTemp("", "onetimed") // short: a socket has at most 108 bytes
	require.NoError(t, err)
	socket := filepath.Join(home, "s")
	cmd := exec.Command(program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", home)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(home)
	})
	probe := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1})
	defer probe.Close()
	for end := time.Now().Add(time.Minute); !exists(socket); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "redis-server does not listen")
	}
	for end := time.Now().Add(time.Minute); probe.Ping(context.Background()).Err() != nil; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "redis-server does not answer")
	}
	return socket
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// A fault comes between the client and Redis.
type fault struct {
	// before and after return what a command is answered instead: before it is sent, or in place of its reply.
	before, after atomic.Pointer[func(redis.Cmder) error]
}

func (f *fault) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *fault) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if before := f.before.Load(); before != nil {
			if err := (*before)(cmd); err != nil {
				cmd.SetErr(err)
				return err
			}
		}
		err := next(ctx, cmd)
		if after := f.after.Load(); after != nil {
			cmd.SetErr(nil)
			if err = (*after)(cmd); err != nil {
				cmd.SetErr(err)
			}
		}
		return err
	}
}

func (f *fault) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if f.before.Load() != nil || f.after.Load() != nil {
			return errGone
		}
		return next(ctx, cmds)
	}
}

var errGone = errors.New("dial tcp: connection refused")

// gone makes Redis unreachable until end is called.
func (f *fixture) gone() (end func()) {
	no := func(redis.Cmder) error { return errGone }
	f.fault.before.Store(&no)
	return func() { f.fault.before.Store(nil) }
}

// failing is a key that can be away.
type failing struct {
	crypto.Signer
	fails atomic.Bool
}

func (s *failing) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.fails.Load() {
		return nil, errors.New("the key is away")
	}
	return s.Signer.Sign(random, digest, opts)
}
