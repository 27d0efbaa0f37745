// Mutate alters the scripts, those in lua and internal/limit/cap.lua, one statement or operator at a time, and runs the tests
// of the packages that judge them against each altered copy. It fails if one survives, that is, if no test fails, unless survivors.txt says why none can.
//
//	go run ./internal/mutate [-only file[:first-last],...] [-list] [-miniredis] [-v] [-workers n]
//
// It runs in the root of the repository. The tests run on miniredis. What survives there is tried again on real servers,
// if redis-server is on PATH, except what is listed. A failure counts if it comes each time, and not without the mutant:
// some tests depend on load. A test that hangs has failed.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const list = "internal/mutate/survivors.txt"

type settings struct {
	only               string
	miniredis, verbose bool
	workers            int
}

func main() {
	var s settings
	flag.StringVar(&s.only, "only", "", "mutants of these `files` or lines only, such as lua/undo.lua,lua/issue.lua:60-80")
	listOnly := flag.Bool("list", false, "print the mutants and run nothing")
	flag.BoolVar(&s.miniredis, "miniredis", false, "do not try on real servers what survives on miniredis")
	flag.BoolVar(&s.verbose, "v", false, "print what found each mutant")
	flag.IntVar(&s.workers, "workers", runtime.NumCPU(), "how many run at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, reasons, err := chosenMutants(s.only)
	survivors := 0
	switch {
	case err != nil:
	case *listOnly:
		for _, m := range chosen {
			fmt.Printf("%d: %s\n", m.line, m.name)
		}
	default:
		survivors, err = run(ctx, s, chosen, reasons)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	if err != nil || survivors > 0 {
		os.Exit(1)
	}
}

// chosenMutants returns them with the reasons of the list.
func chosenMutants(only string) ([]mutant, map[string]string, error) {
	all, err := allMutants(".")
	if err != nil {
		return nil, nil, err
	}
	reasons, err := readSurvivors(list)
	if err != nil {
		return nil, nil, err
	}
	if err := stale(all, reasons); err != nil {
		return nil, nil, err
	}
	chosen, err := choose(all, only)
	return chosen, reasons, err
}

// run returns how many survivors are not explained.
func run(ctx context.Context, s settings, chosen []mutant, reasons map[string]string) (int, error) {
	began := time.Now()
	since := func() time.Duration { return time.Since(began).Round(time.Second) }
	l, err := newLab(ctx, chosen)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(l.dir)
	fmt.Printf("%d mutants, %d at once; built after %s\n", len(chosen), max(1, s.workers), since())

	verdicts := make([]verdict, len(chosen))
	try := func(numbers []int, servers bool) {
		var mu sync.Mutex
		done, survive := 0, 0
		each(ctx, len(numbers), max(1, s.workers), func(k int) {
			i := numbers[k]
			v := l.try(i, servers)
			if ctx.Err() != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			verdicts[i] = v
			if v.by == "" {
				survive++
			}
			if s.verbose {
				fmt.Printf("%d: %s: %s\n", chosen[i].line, chosen[i].name, cmp.Or(v.by, "survives"))
			}
			if done++; done%100 == 0 {
				fmt.Printf("%d of %d after %s, %d survive\n", done, len(numbers), since(), survive)
			}
		})
	}
	numbers := make([]int, len(chosen))
	for i := range numbers {
		numbers[i] = i
	}
	try(numbers, false)
	var again []int
	for i, v := range verdicts {
		if _, listed := reasons[chosen[i].name]; !listed && v.by == "" && v.err == nil {
			again = append(again, i)
		}
	}
	if _, missing := exec.LookPath("redis-server"); missing == nil && !s.miniredis && len(again) > 0 && ctx.Err() == nil {
		fmt.Printf("%d are tried again on real servers after %s\n", len(again), since())
		if err := l.tester.baseline(true); err != nil {
			return 0, err
		}
		try(again, true)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("ended after %s: %w", since(), err)
	}
	return report(chosen, verdicts, reasons, since())
}

// report prints the survivors, and one line that sums up.
func report(chosen []mutant, verdicts []verdict, reasons map[string]string, took time.Duration) (int, error) {
	var found, explained, unexplained int
	var err error
	for i, m := range chosen {
		v := verdicts[i]
		_, listed := reasons[m.name]
		switch {
		case v.err != nil:
			err = fmt.Errorf("%s: %w", m.name, v.err)
			fmt.Printf("no verdict, %s:%d: %v\n%s\n", m.file, m.line, v.err, m.name)
		case v.by != "":
			if found++; listed {
				fmt.Printf("listed, but found by %s, %s:%d:\n%s\n", v.by, m.file, m.line, m.name)
			}
		case listed:
			explained++
		default:
			unexplained++
			note := ""
			if len(v.sometimes) > 0 {
				note = fmt.Sprintf(" (now and then it fails %v)", v.sometimes)
			}
			fmt.Printf("survived%s, %s:%d:\n%s\n", note, m.file, m.line, m.name)
		}
	}
	fmt.Printf("%d mutants in %s: %d found by tests, %d survivors explained, %d survivors unexplained\n",
		len(chosen), took, found, explained, unexplained)
	return unexplained, err
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
