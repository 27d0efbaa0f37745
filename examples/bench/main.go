// Command bench prints what pairs of an issue and its verification cost, beside what the machine can do at best: a SET
// and a GETDEL through the same client. It starts a redis-server from PATH, or takes the one of REDIS_URL, which has to
// be empty and is emptied at the end.
//
//	go run ./examples/bench
//	go run ./examples/bench -svg docs/benchmarks.svg
//
// With the defaults it ends within five minutes on two cores.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// A config is what flags set.
type config struct {
	callers []int // goroutines that make pairs at a time
	pending []int // codes that are outstanding while pairs are made
	rounds  int
	slice   time.Duration // of one variant in one round
	budget  time.Duration // no round begins that would end after it
	svg     string
	profile string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	c, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, os.Stdout, c)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func parse(args []string, w io.Writer) (config, error) {
	c := config{callers: []int{1, 50, 200}, pending: []int{1_000, 10_000, 100_000, 1_000_000}}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(w)
	list := func(name string, to *[]int, usage string) {
		set.Func(name, fmt.Sprintf("%s (default %s)", usage, strings.Trim(strings.ReplaceAll(fmt.Sprint(*to), " ", ","), "[]")), func(text string) (err error) {
			*to, err = numbers(text)
			return err
		})
	}
	list("callers", &c.callers, "numbers of `callers`, rising; the middle one makes the pairs of all pending")
	list("pending", &c.pending, "numbers of `pending` codes, rising; the first is for all callers")
	set.IntVar(&c.rounds, "rounds", 9, "`rounds`, of which medians are printed")
	set.DurationVar(&c.slice, "slice", 120*time.Millisecond, "`time` of one variant in one round")
	set.DurationVar(&c.budget, "time", 270*time.Second, "no round begins that would end after this `time`")
	set.StringVar(&c.svg, "svg", "", "`file` to draw the curves to")
	set.StringVar(&c.profile, "cpuprofile", "", "`file` to write a CPU profile of the rounds to")
	if err := set.Parse(args); err != nil {
		return c, err
	}
	if set.NArg() > 0 || c.rounds < 1 || c.slice < time.Millisecond {
		return c, errors.New("want flags only, 1 round or more, and 1ms or more for -slice")
	}
	return c, nil
}

// numbers reads a rising list of numbers above 0.
func numbers(text string) ([]int, error) {
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || len(list) > 0 && n <= slices.Max(list) {
			return nil, errors.New("want rising numbers above 0, like 1,50,200")
		}
		list = append(list, n)
	}
	return list, nil
}

func run(ctx context.Context, w io.Writer, c config) error {
	redis.SetLogger(quiet{})
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.budget+25*time.Second)
	defer cancel()
	options, end, err := open(ctx)
	if err != nil {
		return err
	}
	defer end()
	b, err := newBench(ctx, c, options)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.fill(ctx); err != nil {
		return fmt.Errorf("filling: %w", err)
	}
	filled := time.Since(start)
	if c.profile != "" {
		file, err := os.Create(c.profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	rounds, err := b.measure(ctx, start.Add(c.budget))
	if err != nil {
		return err
	}

	results := b.results()
	fmt.Fprintf(w, "Redis %s, go-redis %s, %s, %d CPUs that client and server share.\n", b.version, redis.Version(), runtime.Version(), runtime.NumCPU())
	fmt.Fprintf(w, "Medians of %d rounds of %s for each line; filling took %s, all of it %s.\n\n",
		rounds, c.slice, filled.Round(time.Second), time.Since(start).Round(time.Second))
	if err := printTable(w, results); err != nil {
		return err
	}
	b.printGoals(w)
	if c.svg != "" {
		return os.WriteFile(c.svg, draw(results, c), 0o644)
	}
	return nil
}

// quiet is a logger of go-redis that prints nothing: it would tell of connections that end with the server.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
