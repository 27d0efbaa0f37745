//go:build unix

// Package postgrestest starts a PostgreSQL for tests.
package postgrestest

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/child"
)

// patience is how long the server may take until it answers.
const patience = 2 * time.Minute

// Open starts a PostgreSQL of its own, without a port, and returns a database on it. Both end with the test. Where PostgreSQL is
// not installed the test is skipped, but not in CI.
func Open(t testing.TB) *sql.DB {
	t.Helper()
	initdb, postgres := program("initdb"), program("postgres")
	if initdb == "" || postgres == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no postgres on PATH: CI must test against a real one")
		}
		t.Skip("left out: no postgres on PATH")
	}
	dir, err := os.MkdirTemp("", "onetime-postgres")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	attributes := unprivileged(t, dir)

	data := filepath.Join(dir, "data")
	create := exec.CommandContext(t.Context(), initdb, "-D", data, "-U", "onetime", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	create.Dir, create.SysProcAttr = dir, attributes
	out, err := create.CombinedOutput()
	require.NoError(t, err, "%s", out)

	server := exec.Command(postgres, "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	server.Dir = dir
	child.Bind(server)
	server.SysProcAttr.Credential = attributes.Credential
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGINT) // at once, and without what a crash leaves behind
		server.Wait()
	})

	db, err := sql.Open("pgx", fmt.Sprintf("host=%s user=onetime dbname=postgres sslmode=disable", dir))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if err := db.PingContext(t.Context()); err == nil {
			return db
		} else if time.Since(start) > patience {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("PostgreSQL does not answer: %v\n%s", err, said)
		}
	}
}

// program finds a program on PATH, or where Debian keeps those of each version.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	paths, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(paths) == 0 {
		return ""
	}
	return paths[len(paths)-1]
}

// unprivileged makes a folder that of the user postgres, or of nobody, where this is root: as root PostgreSQL does not run.
func unprivileged(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	require.NoError(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
