package sitetest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/internal/child"
)

// asProgram in the environment makes a test binary the program: what tests talk to is a process of its own, whose main
// runs, with the race detector where the tests have it.
const asProgram = "EXAMPLE_TEST_AS_PROGRAM"

// AsProgram runs main and returns true where the test binary was started to be the program. It is for TestMain.
func AsProgram(main func()) bool {
	if os.Getenv(asProgram) == "" {
		return false
	}
	main()
	return true
}

// A Program is one that runs.
type Program struct {
	Cmd     *exec.Cmd
	Printed *Output
	Origin  string
	Exited  chan struct{}
	t       testing.TB
	exit    error // once it has exited
}

// Output is what a program prints.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to it.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns all of it so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Command is the program, to be started. What it reads of the environment is empty but for what environment says.
func Command(ctx context.Context, environment ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	child.Bind(cmd)
	cmd.Env = append(os.Environ(), asProgram+"=yes", "GORACE=atexit_sleep_ms=10", // a second, else
		"REDIS_URL=", "ONETIME_KEY=", "SMTP_URL=", "SMS=", "MAIL_FROM=", "PEOPLE=", "ADDR=localhost:0", "ORIGIN=",
		"DATABASE_URL=", "FACTOR_KEY=")
	cmd.Env = append(cmd.Env, environment...)
	return cmd
}

// Run starts the program and waits until it says where it is. It ends with the test, by SIGINT, and cleanly.
func Run(t testing.TB, environment ...string) *Program {
	t.Helper()
	return Start(t, Command(context.Background(), environment...))
}

var opened = regexp.MustCompile(`(?m)^Open (\S+)$`)

// Start is Run of a command.
func Start(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{t: t, Cmd: cmd, Printed: &Output{}, Exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.Printed, p.Printed
	require.NoError(t, cmd.Start())
	go func() { p.exit = cmd.Wait(); close(p.Exited) }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the program printed:\n%s", p.Printed)
		}
		p.Cmd.Process.Signal(os.Interrupt)
		killed := time.AfterFunc(mailtest.Patience, func() { p.Cmd.Process.Kill() })
		defer killed.Stop()
		require.NoError(t, p.Ended(), "the end of the program, which printed:\n%s", p.Printed)
	})
	mailtest.Wait(t, "the program says where it is", func() bool {
		select {
		case <-p.Exited:
			return true
		default:
			return opened.MatchString(p.Printed.String())
		}
	})
	where := opened.FindStringSubmatch(p.Printed.String())
	require.NotNil(t, where)
	p.Origin = where[1]
	return p
}

// Ended waits for the end of the program and returns how it ended.
func (p *Program) Ended() error {
	<-p.Exited
	return p.exit
}

// End ends the program and demands that it ends well.
func (p *Program) End() {
	p.t.Helper()
	require.NoError(p.t, p.Cmd.Process.Signal(os.Interrupt))
	require.NoError(p.t, p.Ended())
}

// Visitor returns a visitor of the program.
func (p *Program) Visitor() *Visitor { return NewVisitor(p.t, p.Origin) }
