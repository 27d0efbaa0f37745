package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// Tests that have nothing to do with scripts.
	unconcerned = "Test(Docs|Readme|GuessingOdds)_.*"

	// Tests that learn nothing about scripts from real servers, or only what others learn sooner.
	notOnServers = "Test(Operations|ThreatModel|Cluster|Sentinel|Options|Subjects|Errors|Redaction)_.*"

	maxFinders = 12
	confirmed  = 2 // more runs, of the failing test alone, that must fail
)

// A test is the name of one, and the folder of its package.
type test struct{ folder, name string }

func (t test) String() string {
	if t.folder == "." {
		return t.name
	}
	return t.folder + "." + t.name
}

// namesIn returns the names of those tests that are in a folder.
func namesIn(folder string, tests []test) (names []string) {
	for _, t := range tests {
		if t.folder == folder {
			names = append(names, t.name)
		}
	}
	return names
}

// A tester runs the tests of packages. Those that found mutants of a file go first when the next of that file is tried.
type tester struct {
	ctx        context.Context // of the program
	temp, tree string
	judges     map[string][]string // folders of packages, by the folder of the files whose mutants they judge
	leftOut    map[bool][]test     // of real servers or not
	mu         sync.Mutex
	finders    map[string][]test // by file, the latest first
}

func newTester(ctx context.Context, dir string, judges map[string][]string) *tester {
	return &tester{ctx: ctx, temp: dir, tree: filepath.Join(dir, "tree"), judges: judges,
		leftOut: map[bool][]test{}, finders: map[string][]test{}}
}

// packages are the folders of all that judge.
func (t *tester) packages() (all []string) {
	for _, folders := range t.judges {
		all = append(all, folders...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// program is where the tests of a package are.
func (t *tester) program(folder string) string {
	return filepath.Join(t.temp, filepath.Base(filepath.Join("root", folder))+".test")
}

// A subject is what is run: the folder of a mutant and the file that it alters, on miniredis or on real servers.
type subject struct {
	folder, file string
	servers      bool
}

// A verdict is what found a mutant, "" if nothing did; and which tests failed now and then, which does not count.
type verdict struct {
	by        string
	sometimes []test
	err       error // no verdict
}

// A round is one run of a package's tests: of all, or of those in only, without those in skip.
type round struct {
	folder     string
	only, skip []string
	toTheEnd   bool // also after a failure
}

// rounds returns the runs that judge a subject: first, of each package, what found its neighbours, then the rest.
func (t *tester) rounds(s subject) (all []round) {
	known, judges := t.known(s), t.judges[path.Dir(s.file)]
	for _, folder := range judges {
		if names := namesIn(folder, known); names != nil {
			all = append(all, round{folder: folder, only: names})
		}
	}
	for _, folder := range judges {
		all = append(all, round{folder: folder, skip: namesIn(folder, known)})
	}
	return all
}

// unaltered is what is run without a mutant.
func (t *tester) unaltered(servers bool) subject {
	return subject{folder: filepath.Join(t.temp, "none"), servers: servers}
}

// judge counts a failure if the test fails each time when it is run alone, and passes without the mutant: by chance, and
// under load, any may fail.
func (t *tester) judge(s subject) (v verdict) {
	for _, r := range t.rounds(s) {
		for broke := ""; ; {
			failed, whole := t.once(s, r)
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
			one := test{r.folder, failed[0]}
			if t.fails(s, one, confirmed) && !t.fails(t.unaltered(s.servers), one, 1) {
				t.found(s, one)
				return verdict{by: one.String()}
			}
			v.sometimes = append(v.sometimes, one)
			r.skip = append(r.skip, one.name)
		}
	}
	return v
}

// fails reports whether a test fails as many times in a row.
func (t *tester) fails(s subject, one test, times int) bool {
	for range times {
		if failed, whole := t.once(s, round{folder: one.folder, only: []string{one.name}}); len(failed) == 0 && whole == "" {
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
func either(tests ...string) string { return "^(" + strings.Join(tests, "|") + ")$" }

func finderOf(s subject) string { return fmt.Sprint(s.file, s.servers) }

func (t *tester) known(s subject) []test {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.finders[finderOf(s)])
}

func (t *tester) found(s subject, one test) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := finderOf(s)
	others := slices.DeleteFunc(t.finders[of], func(other test) bool { return other == one })
	t.finders[of] = append([]test{one}, others[:min(len(others), maxFinders-1)]...)
}

// baseline runs the tests without a mutant and leaves out from then on those that fail, which would find every mutant.
// There should be none.
func (t *tester) baseline(servers bool) error {
	s := t.unaltered(servers)
	for _, folder := range t.packages() {
		failed, whole := t.once(s, round{folder: folder, toTheEnd: true})
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if whole != "" {
			return fmt.Errorf("the tests of %s without a mutant: %s", folder, whole)
		}
		for _, name := range failed {
			if one := (test{folder, name}); t.fails(s, one, confirmed) {
				fmt.Printf("left out, since it fails without a mutant: %s\n", one)
				t.leftOut[servers] = append(t.leftOut[servers], one)
			}
		}
	}
	return nil
}

var (
	failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
	hanging = regexp.MustCompile(`(?m)^panic: test timed out after .*\n\s*running tests:\n\s*(\w+)`)
)

// options are those of the program of a round.
func (t *tester) options(s subject, r round) []string {
	skip := append(namesIn(r.folder, t.leftOut[s.servers]), r.skip...)
	skip = append(skip, unconcerned)
	options := []string{"-test.timeout", limit(s, r.only != nil).String()}
	if s.servers {
		skip = append(skip, notOnServers)
		options = append(options, "-test.short")
	}
	if r.only != nil {
		options = append(options, "-test.run", either(r.only...))
	}
	if !r.toTheEnd {
		options = append(options, "-test.failfast")
	}
	return append(options, "-test.skip", either(skip...))
}

// once runs tests and returns those that failed or hang; or, if it is none of them, how the run failed.
func (t *tester) once(s subject, r round) (failed []string, whole string) {
	temp, err := os.MkdirTemp(t.temp, "tmp")
	if err != nil {
		return nil, err.Error()
	}
	defer os.RemoveAll(temp)
	ctx, cancel := context.WithTimeout(t.ctx, limit(s, r.only != nil)+10*time.Second)
	defer cancel()
	path := "" // without servers
	if s.servers {
		path = os.Getenv("PATH")
	}
	cmd := exec.CommandContext(ctx, t.program(r.folder), t.options(s, r)...)
	cmd.Dir = filepath.Join(t.tree, r.folder)
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
