package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/child"
)

// A Server is a process of Redis, Valkey or Sentinel, on a port of 127.0.0.1 and in a folder of its own.
type Server struct {
	Addr string

	program, dir string
	args         []string
	ports        []io.Closer
	process      *exec.Cmd
	exited       chan struct{}
}

// bus is how far from its port a cluster node has the one on which it talks to the others.
const bus = 10000

// reservePort returns a port that belongs to this process, with its bus, until the reservations are closed: also while the
// server is down, and against the servers of other test binaries. A reservation is a UDP socket of the same number, which
// is in the way of no server and ends with the process. All ports are below those that systems give to connections.
func reservePort() (port string, reserved []io.Closer, err error) {
	for range 1000 {
		n := 10000 + rand.IntN(12000)
		var own, other net.PacketConn
		if own, err = net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", n)); err != nil {
			continue
		}
		if other, err = net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", n+bus)); err != nil {
			own.Close()
			continue
		}
		return strconv.Itoa(n), []io.Closer{own, other}, nil
	}
	return "", nil, err
}

// StartServer starts a program on a free port and waits until it answers. It keeps nothing unless args say so. It ends with
// the process that started it.
func StartServer(program string, args ...string) (*Server, error) {
	dir, err := child.Dir()
	if err != nil {
		return nil, err
	}
	for range 5 { // a stranger may have the port
		var port string
		var reserved []io.Closer
		if port, reserved, err = reservePort(); err != nil {
			break
		}
		s := &Server{Addr: net.JoinHostPort("127.0.0.1", port), program: program, dir: dir, ports: reserved}
		s.args = []string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--logfile", filepath.Join(dir, "log")}
		if program == Sentinel {
			s.args = append([]string{filepath.Join(dir, "sentinel.conf")}, s.args...)
			if err = os.WriteFile(s.args[0], []byte(strings.Join(args, "\n")), 0o600); err != nil {
				s.release()
				break
			}
		} else {
			s.args = append(append(s.args, "--save", "", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"), args...)
		}
		if err = s.Start(); err == nil {
			return s, nil
		}
		s.release() // Start has ended it
	}
	os.RemoveAll(dir)
	return nil, err
}

// Start starts the process, on the same port and folder as before if it was killed, and waits until it answers.
func (s *Server) Start(more ...string) error {
	s.process = exec.Command(s.program, append(slices.Clone(s.args), more...)...)
	child.Bind(s.process)
	if err := s.process.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(process *exec.Cmd) { process.Wait(); close(exited) }(s.process)
	err := WaitFor(func(ctx context.Context) error {
		select {
		case <-exited:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("%s ended: %s%w", s.program, log, errFinal)
		default:
		}
		if err := s.Do(ctx, "PING").Err(); err != nil {
			return err
		}
		if id := s.Info(ctx, "process_id"); id != strconv.Itoa(s.process.Process.Pid) {
			return fmt.Errorf("%s is that of process %s", s.Addr, id)
		}
		return nil
	})
	if err != nil {
		s.Kill()
	}
	return err
}

// Kill ends the process as a crash does, and waits for the end.
func (s *Server) Kill() {
	s.process.Process.Kill()
	<-s.exited
}

// Pause stops the process where it is: connections stay open and nothing is answered.
func (s *Server) Pause() error { return s.process.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (s *Server) Resume() error { return s.process.Process.Signal(syscall.SIGCONT) }

// Remove kills the process and deletes its folder.
func (s *Server) Remove() {
	s.Kill()
	os.RemoveAll(s.dir)
	s.release()
}

// release gives the port back.
func (s *Server) release() {
	for _, reserved := range s.ports {
		reserved.Close()
	}
}

// Do sends one command on a connection of its own.
func (s *Server) Do(ctx context.Context, args ...any) *redis.Cmd {
	client := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialTimeout: time.Second, DialerRetries: 1, ContextTimeoutEnabled: true})
	defer client.Close()
	return client.Do(ctx, args...)
}

// Must is Do of a command that must succeed.
func (s *Server) Must(t testing.TB, args ...any) any {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	value, err := s.Do(ctx, args...).Result()
	require.NoError(t, err, args)
	return value
}

// Info returns the value of a line of INFO, empty if there is none.
func (s *Server) Info(ctx context.Context, name string) string {
	text, _ := s.Do(ctx, "INFO", "everything").Text()
	for line := range strings.Lines(text) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), ":"); key == name {
			return value
		}
	}
	return ""
}

// Follows is nil once the server replicates from another and has acknowledged something: before that, nothing is
// streamed to it.
func (s *Server) Follows(ctx context.Context, primary *Server) error {
	seen := primary.Info(ctx, "slave0")
	if s.Info(ctx, "master_link_status") != "up" || !strings.Contains(seen, "state=online") || strings.Contains(seen, "offset=0,") ||
		net.JoinHostPort(s.Info(ctx, "master_host"), s.Info(ctx, "master_port")) != primary.Addr {
		return errors.New("the replica does not follow yet")
	}
	return nil
}

// ClusterOK is nil if the node takes its cluster for whole.
func (s *Server) ClusterOK(ctx context.Context) error {
	if text, err := s.Do(ctx, "CLUSTER", "INFO").Text(); err != nil || !strings.Contains(text, "cluster_state:ok") {
		return fmt.Errorf("the cluster is not ok: %s%w", text, err)
	}
	return nil
}

// HostPort returns the two parts of Addr.
func (s *Server) HostPort() (host, port string) {
	host, port, _ = net.SplitHostPort(s.Addr)
	return host, port
}

// NewServer starts a Redis for one test.
func NewServer(t testing.TB, args ...string) *Server {
	t.Helper()
	Needs(t, Redis)
	s, err := StartServer(Redis, args...)
	require.NoError(t, err)
	t.Cleanup(s.Remove)
	return s
}
