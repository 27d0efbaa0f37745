package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// The tests that judge what scripts do, out of those that need real servers.
	onServers = "^Test(Rule|Fault|LostReply|ReplicaAck|Lifecycle|Purpose|Secrets|Record|Issue|Verify|Guess|Disabled|Send|Undo|" +
		"Cancel|Revoke|Status|Binding|Settings|Payload|Mutant|Scripts)"

	// Those that have nothing to do with scripts, keys or tokens.
	unconcerned = "Test(Docs|Readme|GuessingOdds)_.*"

	maxFinders = 12
	confirmed  = 2 // more runs, of the failing test alone, that must fail
)

// A tester runs the tests. Those that found mutants of a file go first when the next of that file is tried.
type tester struct {
	ctx                 context.Context
	temp, tree, program string            // the program without a mutant
	leftOut             map[bool][]string // tests, of real servers or not
	mu                  sync.Mutex
	finders             map[string][]string // by file, the latest first
}

// A subject is what is run: a program, the folder of the mutant and the file it alters, on miniredis or on real servers.
type subject struct {
	program, folder, file string
	servers               bool
}

// A verdict is what found a mutant, "" if nothing did; and which tests failed now and then, which does not count.
type verdict struct {
	by        string
	sometimes []string
	err       error // no verdict
}

// unaltered is what is run without a mutant.
func (t *tester) unaltered(servers bool) subject {
	return subject{program: t.program, folder: filepath.Join(t.temp, "-1"), servers: servers}
}

// judge counts a failure if the test fails each time when it is run alone, and passes without the mutant: by chance, and
// under load, any may fail.
func (t *tester) judge(s subject) (v verdict) {
	first := t.known(s)
	for _, phase := range []struct {
		args  []string
		skip  []string
		limit time.Duration
	}{
		{args: []string{"-test.run", either(first)}, limit: limit(s, true)},
		{skip: first, limit: limit(s, false)},
	} {
		if phase.args != nil && len(first) == 0 {
			continue
		}
		for broke := ""; ; {
			skipped := append(append(append([]string{unconcerned}, t.leftOut[s.servers]...), phase.skip...), v.sometimes...)
			failed, whole := t.once(s, phase.limit, append(phase.args, "-test.skip", either(skipped))...)
			if err := t.ctx.Err(); err != nil {
				return verdict{err: err}
			}
			if whole == "" && len(failed) == 0 {
				break
			}
			if whole != "" {
				if broke == whole {
					return verdict{by: whole}
				}
				if broke != "" {
					return verdict{err: fmt.Errorf("%s, then %s", broke, whole)}
				}
				broke = whole
				continue
			}
			if t.fails(s, failed[0], confirmed) && !t.fails(t.unaltered(s.servers), failed[0], 1) {
				t.found(s, failed[0])
				return verdict{by: failed[0]}
			}
			v.sometimes = append(v.sometimes, failed[0])
		}
	}
	return v
}

// fails tells whether a test fails as many times in a row.
func (t *tester) fails(s subject, test string, times int) bool {
	for range times {
		if failed, whole := t.once(s, limit(s, true), "-test.run", either([]string{test})); len(failed) == 0 && whole == "" {
			return false
		}
	}
	return true
}

// limit is for how long tests may run: all of them, which take some seconds or half a minute, or some of them.
func limit(s subject, some bool) time.Duration {
	switch {
	case s.servers && some:
		return time.Minute
	case s.servers:
		return 4 * time.Minute
	case some:
		return 20 * time.Second
	}
	return 90 * time.Second
}

// either is a pattern of tests.
func either(tests []string) string { return "^(" + strings.Join(tests, "|") + ")$" }

func finderOf(s subject) string { return fmt.Sprint(s.file, s.servers) }

func (t *tester) known(s subject) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.finders[finderOf(s)])
}

func (t *tester) found(s subject, test string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := finderOf(s)
	others := slices.DeleteFunc(t.finders[of], func(name string) bool { return name == test })
	t.finders[of] = append([]string{test}, others[:min(len(others), maxFinders-1)]...)
}

// baseline runs the tests without a mutant and leaves out from then on those that fail, which would find every mutant.
// There should be none.
func (t *tester) baseline(servers bool) error {
	s := t.unaltered(servers)
	failed, whole := t.once(s, limit(s, false), "-test.failfast=false", "-test.skip", either([]string{unconcerned}))
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if whole != "" {
		return fmt.Errorf("the tests without a mutant: %s", whole)
	}
	for _, test := range failed {
		if t.fails(s, test, confirmed) {
			fmt.Printf("left out, since it fails without a mutant: %s\n", test)
			t.leftOut[s.servers] = append(t.leftOut[s.servers], test)
		}
	}
	return nil
}

var (
	failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
	hanging = regexp.MustCompile(`(?m)^panic: test timed out after .*\n\s*running tests:\n\s*(\w+)`)
)

// once runs tests and returns those that failed or hang; or, if it is none of them, how the run failed.
func (t *tester) once(s subject, limit time.Duration, args ...string) (failed []string, whole string) {
	temp, err := os.MkdirTemp(t.temp, "tmp")
	if err != nil {
		return nil, err.Error()
	}
	defer os.RemoveAll(temp)
	ctx, cancel := context.WithTimeout(t.ctx, limit+10*time.Second)
	defer cancel()
	path := "" // without servers
	options := []string{"-test.failfast", "-test.timeout", limit.String()}
	if s.servers {
		path = os.Getenv("PATH")
		options = append(options, "-test.short", "-test.run", onServers) // the last of two holds
	}
	cmd := exec.CommandContext(ctx, s.program, append(options, args...)...)
	cmd.Dir = t.tree
	cmd.Env = append(os.Environ(), "PATH="+path, "TMPDIR="+temp, "ONETIME_MUTANT="+s.folder, "CI=")
	// The servers that the tests start are of the same group, and end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if cmd.Process != nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what a panic left behind
	}
	for _, match := range failure.FindAllStringSubmatch(out.String(), -1) {
		failed = append(failed, match[1])
	}
	if match := hanging.FindStringSubmatch(out.String()); match != nil {
		failed = append(failed, match[1])
	}
	switch {
	case err == nil:
		return nil, ""
	case ctx.Err() != nil:
		return nil, "a run that does not end"
	case failed != nil:
		return failed, ""
	}
	return nil, "a run that breaks off"
}
