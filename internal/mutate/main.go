// Mutate alters the scripts, and the checks of keys.go and token.go, one statement at a time, and runs the tests against
// each altered copy. It fails if one survives, that is, if no test fails, unless survivors.txt says why none can.
//
//	go run ./internal/mutate [-only file[:first-last],...] [-list] [-miniredis] [-v] [-workers n]
//
// The tests run on miniredis. What survives there is tried again on real servers, if redis-server is on PATH, except what
// is listed. A mutant on which the tests hang is found. A failure counts if it comes again: some tests depend on load.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	list = "internal/mutate/survivors.txt"

	// The tests that judge what scripts do, out of those that need real servers.
	onServers = "^Test(Rule|Fault|LostReply|ReplicaAck|Lifecycle|Purpose|Secrets|Record|Issue|Verify|Guess|Disabled|Send|Undo|" +
		"Cancel|Revoke|Status|Binding|Settings|Payload|Mutant|Scripts)"

	// Those that have nothing to do with scripts, keys or tokens.
	unconcerned = "Test(Docs|Readme|GuessingOdds)_.*"

	onMiniredisFor, onServersFor = time.Minute, 4 * time.Minute // a run of some seconds, and one of half a minute
)

func main() {
	only := flag.String("only", "", "mutants of these `files` or lines only, such as lua/undo.lua,token.go:60-80")
	listOnly := flag.Bool("list", false, "print the mutants and run nothing")
	miniredis := flag.Bool("miniredis", false, "do not try on real servers what survives on miniredis")
	verbose := flag.Bool("v", false, "print what found each mutant")
	workers := flag.Int("workers", runtime.NumCPU(), "how many run at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	survivors, err := run(ctx, *only, *listOnly, *miniredis, *verbose, max(1, *workers))
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	if err != nil || survivors > 0 {
		os.Exit(1)
	}
}

// run returns how many survivors are not explained.
func run(ctx context.Context, only string, listOnly, miniredis, verbose bool, workers int) (int, error) {
	all, err := allMutants(".")
	if err != nil {
		return 0, err
	}
	reasons, err := readSurvivors(list)
	if err != nil {
		return 0, err
	}
	if err := stale(all, reasons); err != nil {
		return 0, err
	}
	chosen, err := choose(all, only)
	if err != nil || listOnly {
		for _, m := range chosen {
			fmt.Printf("%d: %s\n", m.line, m.name)
		}
		return 0, err
	}

	l, err := newLab(ctx, !miniredis)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(l.dir)
	fmt.Printf("%d mutants, %d at once\n", len(chosen), workers)
	began := time.Now()
	var mu sync.Mutex
	var found, explained, unbuilt, done int
	left := make([]bool, len(chosen))
	var again []int // on real servers
	each(ctx, len(chosen), workers, func(i int) {
		m := chosen[i]
		verdict := l.try(i, m, false)
		mu.Lock()
		defer mu.Unlock()
		if done++; done%50 == 0 {
			fmt.Printf("%d of %d after %s\n", done, len(chosen), time.Since(began).Round(time.Second))
		}
		if verbose {
			fmt.Printf("%d: %s: %s\n", m.line, m.name, cmp.Or(verdict, "survives on miniredis"))
		}
		_, listed := reasons[m.name]
		switch {
		case verdict == "":
			if left[i] = true; !listed {
				again = append(again, i)
			}
		case listed:
			fmt.Printf("listed, but found by %s: %s\n", verdict, m.name)
			found++
		case verdict == notBuilt:
			unbuilt++
		default:
			found++
		}
	})
	if l.servers && len(again) > 0 {
		fmt.Printf("%d are tried again on real servers\n", len(again))
		each(ctx, len(again), 3*workers, func(k int) { // these tests wait more than they compute
			m := chosen[again[k]]
			verdict := l.try(again[k], m, true)
			mu.Lock()
			defer mu.Unlock()
			if verdict != "" {
				left[again[k]] = false
				found++
			}
			if verbose {
				fmt.Printf("%d: %s: %s\n", m.line, m.name, cmp.Or(verdict, "survives on miniredis"))
			}
		})
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ended after %d of %d mutants: %w", done, len(chosen), err)
	}
	unexplained := 0
	for i, m := range chosen {
		switch _, listed := reasons[m.name]; {
		case left[i] && listed:
			explained++
		case left[i]:
			unexplained++
			fmt.Printf("survived: line %d of %s\n%s\n", m.line, m.file, m.name)
		}
	}
	fmt.Printf("%d mutants in %s: %d found by tests, %d do not compile, %d survivors explained, %d survivors unexplained\n",
		len(chosen), time.Since(began).Round(time.Second), found, unbuilt, explained, unexplained)
	return unexplained, nil
}

// stale is an error if the list names what is no mutant: the statement has changed, and so may have the reason.
func stale(all []mutant, reasons map[string]string) error {
	known := map[string]bool{}
	for _, m := range all {
		known[m.name] = true
	}
	var errs []error
	for name := range reasons {
		if !known[name] {
			errs = append(errs, fmt.Errorf("%s lists what is no mutant: %s", list, name))
		}
	}
	return errors.Join(errs...)
}

var part = regexp.MustCompile(`^([\w./]+)(?::(\d+)(?:-(\d+))?)?$`)

// choose returns the mutants of the files, or lines of files, that only lists; all if it is empty.
func choose(all []mutant, only string) ([]mutant, error) {
	if only == "" {
		return all, nil
	}
	var chosen []mutant
	for _, one := range strings.Split(only, ",") {
		match := part.FindStringSubmatch(one)
		if match == nil {
			return nil, fmt.Errorf("-only %s: want file, file:line or file:first-last", one)
		}
		first, _ := strconv.Atoi(match[2])
		last, _ := strconv.Atoi(match[3])
		last = max(first, last)
		before := len(chosen)
		for _, m := range all {
			if m.file == match[1] && (first == 0 || first <= m.line && m.line <= last) {
				chosen = append(chosen, m)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("-only %s: no mutants there: want one of lua/*.lua, keys.go, token.go", one)
		}
	}
	return chosen, nil
}

// each calls do for each number below n, some at once, in order, until ctx ends.
func each(ctx context.Context, n, workers int, do func(i int)) {
	next := make(chan int)
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() == nil {
			next <- i
		}
	}
	close(next)
	done.Wait()
}

// A lab is a copy of the module and, built from it, the tests in a program that reads the scripts from the folder that
// ONETIME_MUTANT names. So a mutant of a script needs no build.
type lab struct {
	ctx                context.Context // of the program
	dir, tree, program string
	servers            bool
	leftOut            map[bool][]string // tests, of real servers or not
}

const (
	notBuilt = "the compiler"

	fromFolder = `package onetime

import "os"

func text(name string) string {
	if b, err := os.ReadFile(os.Getenv("ONETIME_MUTANT") + "/" + name + ".lua"); err == nil {
		return string(b)
	}
	return embedded(name)
}
`
)

func newLab(ctx context.Context, servers bool) (_ *lab, err error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	l := &lab{ctx: ctx, dir: dir, tree: filepath.Join(dir, "tree"), program: filepath.Join(dir, "onetime.test"), leftOut: map[bool][]string{}}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if err := copyTree(l.tree); err != nil {
		return nil, err
	}
	scripts, err := os.ReadFile(filepath.Join(l.tree, "scripts.go"))
	if err != nil {
		return nil, err
	}
	const declared = "func text(name string)"
	if bytes.Count(scripts, []byte(declared)) != 1 {
		return nil, fmt.Errorf("scripts.go has no %q", declared)
	}
	overlay := fmt.Sprintf(`{"Replace": {%q: %q, %q: %q}}`, filepath.Join(l.tree, "scripts.go"), filepath.Join(dir, "scripts.go"),
		filepath.Join(l.tree, "folder.go"), filepath.Join(dir, "folder.go"))
	for name, text := range map[string]string{
		"scripts.go": strings.Replace(string(scripts), declared, "func embedded(name string)", 1), "folder.go": fromFolder, "overlay.json": overlay,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if out, err := l.build(l.program, filepath.Join(dir, "overlay.json")); err != nil {
		return nil, fmt.Errorf("the tests do not build: %w\n%s", err, out)
	}
	if servers {
		_, missing := exec.LookPath("redis-server")
		l.servers = missing == nil
	}

	// What fails as it is would find every mutant.
	if err := l.baseline(false); err != nil {
		return nil, err
	}
	if l.servers {
		if err := l.baseline(true); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// baseline runs the tests without a mutant and leaves out from then on those that fail. There should be none.
func (l *lab) baseline(servers bool) error {
	for range 3 { // some fail now and then
		failed, whole := l.once(l.program, filepath.Join(l.dir, "none"), servers, "-test.failfast=false", "-test.skip", l.skip(servers))
		if whole {
			return fmt.Errorf("the tests without a mutant: %s", failed[0])
		}
		if len(failed) > 0 {
			fmt.Printf("left out, since they fail without a mutant: %s\n", strings.Join(failed, ", "))
			l.leftOut[servers] = append(l.leftOut[servers], failed...)
		}
	}
	return nil
}

// skip is a pattern of the tests that are left out.
func (l *lab) skip(servers bool, more ...string) string {
	return "^(" + strings.Join(append(append([]string{unconcerned}, l.leftOut[servers]...), more...), "|") + ")$"
}

// copyTree copies the module, so that edits meanwhile do no harm.
func copyTree(to string) error {
	return filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, path), 0o700)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), text, 0o600)
	})
}

func (l *lab) build(program, overlay string) ([]byte, error) {
	cmd := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", program, ".")
	cmd.Dir = l.tree
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd.CombinedOutput()
}

// prepare makes the folder of a mutant and returns the program to run in it.
func (l *lab) prepare(i int, m mutant) (program, folder string, err error) {
	folder = filepath.Join(l.dir, strconv.Itoa(i))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", "", err
	}
	altered := filepath.Join(folder, filepath.Base(m.file))
	if err := os.WriteFile(altered, []byte(m.text), 0o600); err != nil {
		return "", "", err
	}
	if strings.HasSuffix(m.file, ".lua") {
		return l.program, folder, nil
	}
	overlay := filepath.Join(folder, "overlay.json")
	replace := fmt.Sprintf(`{"Replace": {%q: %q}}`, filepath.Join(l.tree, m.file), altered)
	if err := os.WriteFile(overlay, []byte(replace), 0o600); err != nil {
		return "", "", err
	}
	program = filepath.Join(folder, "onetime.test")
	_, err = l.build(program, overlay)
	return program, folder, err
}

// try runs the tests, on miniredis or on real servers, and returns what found the mutant, or "".
func (l *lab) try(i int, m mutant, servers bool) string {
	defer os.RemoveAll(filepath.Join(l.dir, strconv.Itoa(i)))
	program, folder, err := l.prepare(i, m)
	if err != nil {
		return notBuilt
	}
	return l.tests(program, folder, servers)
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// tests runs the tests and returns the name of one that fails, and again when it is run alone, in one of three runs. One
// that does not was the machine's fault, and is left out when the rest is run.
func (l *lab) tests(program, folder string, servers bool) string {
	for chance := []string(nil); ; {
		failed, whole := l.once(program, folder, servers, "-test.skip", l.skip(servers, chance...))
		if len(failed) == 0 {
			return ""
		}
		if whole {
			return failed[0]
		}
		for range 3 {
			if again, _ := l.once(program, folder, servers, "-test.run", "^"+failed[0]+"$"); len(again) > 0 {
				return again[0]
			}
		}
		chance = append(chance, failed...)
	}
}

// once runs tests and returns those that failed; or, of the whole run, how it failed.
func (l *lab) once(program, folder string, servers bool, args ...string) (failed []string, whole bool) {
	limit, path := onMiniredisFor, ""
	args = append([]string{"-test.failfast"}, args...)
	if servers {
		limit, path = onServersFor, os.Getenv("PATH")
		args = append([]string{"-test.short", "-test.run", onServers}, args...) // the last of two holds
	}
	temp, err := os.MkdirTemp(l.dir, "tmp")
	if err != nil {
		return []string{err.Error()}, true
	}
	defer os.RemoveAll(temp)
	ctx, cancel := context.WithTimeout(l.ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = l.tree
	cmd.Env = append(os.Environ(), "PATH="+path, "TMPDIR="+temp, "ONETIME_MUTANT="+folder, "CI=")
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
	switch {
	case err == nil:
		return nil, false
	case ctx.Err() != nil:
		return []string{"a run that does not end"}, true
	case failed != nil:
		return failed, false
	}
	return []string{"a run that breaks off"}, true
}
