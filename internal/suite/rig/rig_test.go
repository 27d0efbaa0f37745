package rig_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// endBy in the environment says how a test binary that has started servers ends.
const endBy = "RIG_END_BY"

// TestServer_OfABinaryThatEndsUncleanly is a test only in a binary that TestServer_EndsWithWhatStartedIt starts.
func TestServer_OfABinaryThatEndsUncleanly(t *testing.T) {
	how := os.Getenv(endBy)
	if how == "" {
		t.Skip("left out: part of another test")
	}
	paused, s := rig.NewServer(t), rig.NewServer(t, "--appendonly", "yes")
	s.Must(t, "SET", "key", "value")
	require.NoError(t, paused.Pause())
	fmt.Printf("servers: %s %s\n", paused.Addr, s.Addr)
	bufio.NewReader(os.Stdin).ReadByte() // once they are watched
	switch how {
	case "panic":
		panic("a panic")
	case "panic beside the test": // as at the end of -timeout
		go panic("a panic")
	case "exit":
		os.Exit(3)
	case "failure":
		t.FailNow()
	}
	select {} // until it is killed, or its time is up
}

// TestServer_EndsWithWhatStartedIt starts this test binary, lets it start servers, and ends it in each way there is.
func TestServer_EndsWithWhatStartedIt(t *testing.T) {
	rig.Needs(t, rig.Redis)
	for _, how := range []string{"SIGKILL", "SIGTERM", "panic", "panic beside the test", "exit", "failure"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^TestServer_OfABinaryThatEndsUncleanly$", "-test.timeout", rig.Patience.String())
			cmd.Env = append(os.Environ(), endBy+"="+how, "TMPDIR="+temp)
			input, err := cmd.StdinPipe()
			require.NoError(t, err)
			output, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			defer cmd.Process.Kill()

			var addrs [2]string
			var printed strings.Builder
			lines := bufio.NewScanner(output)
			for addrs[1] == "" && lines.Scan() {
				fmt.Fprintln(&printed, lines.Text())
				fmt.Sscanf(lines.Text(), "servers: %s %s", &addrs[0], &addrs[1])
			}
			require.NotEmpty(t, addrs[1], printed.String())
			var conns [2]net.Conn // which end with the servers, whatever has their ports afterwards
			for i, addr := range addrs {
				conns[i], err = net.Dial("tcp", addr)
				require.NoError(t, err)
				defer conns[i].Close()
			}
			kept, err := os.ReadDir(temp)
			require.NoError(t, err)
			require.NotEmpty(t, kept)

			switch how {
			case "SIGKILL":
				require.NoError(t, cmd.Process.Kill())
			case "SIGTERM":
				require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			}
			fmt.Fprintln(input)
			go func() {
				for lines.Scan() { // or it would wait for a reader
				}
			}()
			require.Error(t, cmd.Wait())
			for _, conn := range conns {
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(rig.Patience)))
				_, err := conn.Read(make([]byte, 1))
				require.Error(t, err)
				require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server still runs")
			}
			rig.Eventually(t, func(context.Context) error {
				if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
					return errors.Join(fmt.Errorf("left: %v", left), err)
				}
				return nil
			})
		})
	}
}

// The ports of a server are its own also while it is down.
func TestServer_KeepsItsPortsWhileItIsDown(t *testing.T) {
	s := rig.NewServer(t)
	s.Kill()
	host, port := s.HostPort()
	_, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	require.Error(t, err, "no other server of this machine's tests gets the port")
	require.NoError(t, s.Start())
	s.Remove()
	free, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	require.NoError(t, err)
	require.NoError(t, free.Close())
}

// Who imports the library shall not build what starts servers.
func TestRig_OnlyTestsImportIt(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	users := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			if strings.Contains(spec.Path.Value, "/internal/suite/rig") {
				require.True(t, strings.HasSuffix(path, "_test.go"), path)
				users++
			}
		}
		return nil
	}))
	require.NotZero(t, users)
}
