/*
Package browser drives Chromium in tests of pages: what people do, what they are shown, and whether all of them can use it.

Each page that a Browser comes to is checked: accessibility.go says for what. With -v a test tells what was done in it. Pictures
of pages go to the folder of ONETIME_PICTURES, by default one for temporary files, which the test tells.
*/
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/child"
)

// patience is how long anything may take that a test waits for.
const patience = 2 * time.Minute

// program is the one Chromium of the test binary. Each Browser is a private window of it.
var program struct {
	sync.Once
	context.Context
	end context.CancelFunc
	err error
}

// Run is for TestMain: it runs the tests and ends their Chromium and all else that they started.
func Run(m *testing.M) int {
	defer func() {
		if program.end != nil {
			program.end()
		}
		child.End()
	}()
	return m.Run()
}

// names are those of the program, Debian's first.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// start starts Chromium unless it runs. Where there is none, the test is left out, but not in CI.
func start(t testing.TB) context.Context {
	t.Helper()
	path := ""
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	switch {
	case path != "":
	case os.Getenv("CI") == "true":
		require.FailNow(t, "no chromium on PATH: CI must test in a browser, which .ci/run installs")
	default:
		t.Skip("left out: no chromium on PATH")
	}
	program.Do(func() {
		var dir string
		if dir, program.err = child.Dir(); program.err != nil {
			return
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path),
			chromedp.UserDataDir(dir),
			chromedp.ModifyCmdFunc(child.Bind),
			chromedp.Env("TMPDIR="+dir),
			chromedp.Flag("headless", "new"),
			chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			// A spare process for the next page, and others for what people type into an address bar, would take half of the time.
			chromedp.Flag("disable-features", "Translate,SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup"),
			// Pages are on this computer: whatever asks for anything else gets nothing.
			chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]"),
		)
		if os.Geteuid() == 0 {
			options = append(options, chromedp.NoSandbox) // it refuses to run as root with one
		}
		allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		quiet := func(string, ...any) {} // of events that are newer than the library
		ctx, end := chromedp.NewContext(allocator, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet))
		program.Context, program.end = ctx, func() { end(); endAllocator() }
		program.err = bounded(ctx, end)
	})
	require.NoError(t, program.err, "chromium does not start")
	return program.Context
}

// bounded opens what ctx stands for, a Chromium or a window of it. ctx must have no deadline: what is opened ends with it.
func bounded(ctx context.Context, end context.CancelFunc) error {
	late := time.AfterFunc(patience, end)
	err := chromedp.Do(ctx)
	if !late.Stop() {
		return errors.Join(err, context.DeadlineExceeded)
	}
	return err
}

// A Browser is one that has its own cookies and history, as a private window has. What is done with it
// is told at the end of the test, step by step.
type Browser struct {
	t   testing.TB
	who string
	ctx context.Context

	scriptOff bool

	mu         sync.Mutex
	complaints []string
}

// stories are what happened in each test so far, told in one piece at its end: tests run at the same time.
var stories sync.Map

type story struct {
	sync.Mutex
	lines []string
}

// Tell adds a line to the story of a test, which is printed at its end.
func Tell(t testing.TB, line string) {
	found, known := stories.LoadOrStore(t, &story{})
	s := found.(*story)
	if !known {
		t.Cleanup(func() {
			stories.Delete(t)
			t.Log(strings.Join(append([]string{""}, s.lines...), "\n"))
		})
	}
	s.Lock()
	defer s.Unlock()
	s.lines = append(s.lines, line)
}

// Open opens a browser for the time of the test. who is whose it is.
func Open(t testing.TB, who string) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("left out: tests in a browser take their time")
	}
	return open(start(t), t, who, chromedp.WithNewBrowserContext())
}

// Tab opens another tab of the same browser: it has the same cookies. The first tab stays as it is.
func (b *Browser) Tab(who string) *Browser {
	b.t.Helper()
	return open(b.ctx, b.t, who)
}

// open opens a tab, and with it what the options say.
func open(of context.Context, t testing.TB, who string, opts ...chromedp.ContextOption) *Browser {
	t.Helper()
	b := &Browser{t: t, who: who}
	ctx, end := chromedp.NewContext(of, append(opts, chromedp.WithListener(b.hear))...)
	t.Cleanup(end)
	b.ctx = ctx
	require.NoError(t, bounded(ctx, end))
	// Of several windows one has the focus, and in the others nothing would.
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		require.Empty(t, b.complaints, "what %s complained of", who)
	})
	return b
}

// hear keeps what the browser complains of: above all, what a page wanted and its Content-Security-Policy forbade.
func (b *Browser) hear(event any) {
	entry, ok := event.(*log.EventEntryAdded)
	if !ok || entry.Entry.Level != log.EntryLevelError || entry.Entry.Source == log.EntrySourceNetwork { // answers of 400 and more
		return
	}
	b.mu.Lock()
	b.complaints = append(b.complaints, entry.Entry.Text)
	b.mu.Unlock()
}

// SwitchScriptOff keeps pages from running script.
func (b *Browser) SwitchScriptOff() {
	b.t.Helper()
	b.scriptOff = true
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.tell("has script switched off")
}

// Speaks lets the browser ask for pages in a language.
func (b *Browser) Speaks(language string) {
	b.t.Helper()
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}})
	b.tell("speaks %s", language)
}

// DropCookies takes all cookies away, as browsers do that are told to keep none.
func (b *Browser) DropCookies() {
	b.t.Helper()
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	b.tell("loses all cookies")
}

func (b *Browser) tell(format string, args ...any) { Tell(b.t, b.who+" "+fmt.Sprintf(format, args...)) }

// run runs an action that must succeed in time.
func run[T any](b *Browser, action chromedp.Action[T], what string, args ...any) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	require.NoError(b.t, err, b.who+" "+fmt.Sprintf(what, args...))
	return result
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *Browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return run(b, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) }, "calls %s", command.Method)
}

// evaluate returns what an expression is in the page.
func evaluate[T any](b *Browser, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression), "evaluates %.60s", strings.TrimSpace(expression))
}
