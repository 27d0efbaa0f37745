package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/secret"
)

// The test binary is the program where this variable is set.
const asProgram = "ONETIMED_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Unsetenv(asProgram)
		main()
		return
	}
	os.Exit(m.Run())
}

// A program is a process of onetimed.
type program struct {
	*exec.Cmd
	mutex sync.Mutex
	text  bytes.Buffer
}

func (p *program) Write(b []byte) (int, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.text.Write(b)
}

func (p *program) said() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.text.String()
}

func newProgram(ctx context.Context, environment []string, args ...string) *program {
	p := &program{Cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	p.Env = append([]string{asProgram + "=1", "PATH=" + os.Getenv("PATH")}, environment...)
	p.Stdout, p.Stderr = p, p
	return p
}

func TestProgram_WithNothingRunsForDevelopmentAndEndsAtASignal(t *testing.T) {
	p := newProgram(t.Context(), nil, "--listen=127.0.0.1:0", "--monitor-listen=127.0.0.1:0")
	require.NoError(t, p.Start())
	serving := regexp.MustCompile(`Try the commands on (http://127\.0\.0\.1:\d+)/`)
	var found []string
	require.Eventually(t, func() bool {
		found = serving.FindStringSubmatch(p.said())
		return found != nil && strings.Contains(p.said(), `"msg":"serving"`)
	}, time.Minute, 5*time.Millisecond)
	response, err := http.Get(found[1] + "/")
	require.NoError(t, err)
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(page), "curl")
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), p.said())
	require.Contains(t, p.said(), `"msg":"stopping"`)
}

func TestProgram_AnUnsafeStartEndsWithALineForEachThingToSet(t *testing.T) {
	p := newProgram(t.Context(), []string{"ONETIMED_LISTEN=0.0.0.0:0", "ONETIMED_TYPO=1"})
	require.Error(t, p.Run())
	require.Equal(t, 1, p.ProcessState.ExitCode())
	require.Equal(t, "onetimed: typo: there is no such setting\n", p.said())

	p = newProgram(t.Context(), []string{"ONETIMED_LISTEN=0.0.0.0:0"})
	require.Error(t, p.Run())
	for _, want := range []string{"set redis/url", "set keys/naming and keys/current", "set callers", "set services"} {
		require.Contains(t, p.said(), want)
	}
	for line := range strings.Lines(p.said()) {
		require.True(t, strings.HasPrefix(line, "onetimed: "), line)
	}
}

func TestProgram_Check(t *testing.T) {
	p := newProgram(t.Context(), nil, "check")
	require.NoError(t, p.Run(), p.said())
	require.Contains(t, p.said(), "the settings are good")
	p = newProgram(t.Context(), []string{"ONETIMED_KEYS__NAMING=env:A", "ONETIMED_KEYS__CURRENT=env:B"}, "check")
	require.Error(t, p.Run())
	require.Contains(t, p.said(), "onetimed: keys/naming: the environment variable A is not set\nonetimed: keys/current: the environment variable B")
	p = newProgram(t.Context(), nil, "start")
	require.Error(t, p.Run())
	require.Contains(t, p.said(), "there is no command of this name")
}

func TestKeys_NewOnesAreTakenAndWrappedOnesUnwrap(t *testing.T) {
	var first, second bytes.Buffer
	require.NoError(t, run([]string{"keys", "new"}, nil, &first, io.Discard))
	require.NoError(t, run([]string{"keys", "new"}, nil, &second, io.Discard))
	require.NotEqual(t, first.String(), second.String())
	key, err := secret.Decode(strings.TrimSpace(first.String()))
	require.NoError(t, err)
	require.Len(t, key, 32)

	kek := filepath.Join(t.TempDir(), "kek")
	require.NoError(t, os.WriteFile(kek, []byte(hex.EncodeToString(key)), 0o600))
	var wrapped bytes.Buffer
	require.NoError(t, run([]string{"keys", "wrap", "file:" + kek}, &second, &wrapped, io.Discard))
	at, err := secret.Parse(strings.TrimSpace(wrapped.String()))
	require.NoError(t, err)
	kekAt, err := secret.Parse("file:" + kek)
	require.NoError(t, err)
	got, err := secret.Reader{KEK: kekAt}.Key(t.Context(), at)
	require.NoError(t, err)
	require.Len(t, got, 32)

	var caller bytes.Buffer
	require.NoError(t, run([]string{"keys", "new", "caller"}, nil, &caller, io.Discard))
	require.Regexp(t, `(?s)key, for the caller: [A-Za-z0-9_-]{43}\ndigest, for callers/NAME/keys: sha256:[0-9a-f]{64}\n`, caller.String())
	for _, args := range [][]string{{"keys"}, {"keys", "old"}, {"keys", "wrap"}, {"keys", "wrap", "hunter2"}, {"keys", "wrap", "file:/none"}, {"keys", "new", "x"}} {
		err := run(args, strings.NewReader("x"), io.Discard, io.Discard)
		require.Error(t, err, args)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
