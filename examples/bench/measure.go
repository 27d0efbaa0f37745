package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
)

// Operations, each a pair of calls. The first two are what the others are compared with.
const (
	ceiling = "SET+GETDEL" // what this machine does at best through this client
	empty   = "EVALSHA ×2" // return 1: what a script costs that does nothing
	otp     = "OTP"
	asked   = "OTP+request" // the same WithRequest, as onetimehttp issues codes
	token   = "token"
	link    = "link+code" // verified by its token
)

var operations = []string{ceiling, empty, otp, asked, token, link}

// Clients.
const (
	plain     = "plain"
	automatic = "AutoPipeline"
)

var clients = []string{plain, automatic}

// A variant is what a line of the table is about.
type variant struct {
	pending   int
	client    string
	callers   int
	operation string
}

// A sample is what one slice of a variant showed.
type sample struct {
	pairs, p50, p99 float64 // a second; µs
	own, server     float64 // µs of CPU of this program and of Redis for each pair
	script          float64 // µs of each script, or command of the ceiling
	allocs          float64 // of the whole program for each call
}

// cpu is what a pair takes of both. Other programs that slow the machine down move it less than the time that passes.
func (s sample) cpu() float64 { return s.own + s.server }

type bench struct {
	config
	version string
	levels  []*level
	spare   *level // for what is only weighed
	bytes   map[string]map[int]float64
	samples map[variant][]sample

	name    func(ctx context.Context, subject string) string // of a record
	next    atomic.Int64
	took    [][]time.Duration // of each caller, kept for the next slice
	bareSHA string
}

// newBench opens a database for each number of pending codes, and one more.
func newBench(ctx context.Context, c config, options *redis.Options) (*bench, error) {
	key := make([]byte, 32)
	rand.Read(key)
	b := &bench{config: c, bytes: map[string]map[int]float64{}, samples: map[variant][]sample{}}
	b.took = make([][]time.Duration, slices.Max(c.callers))

	names := &namer{}
	nobody, err := onetime.New(names, key)
	if err != nil {
		return nil, err
	}
	b.name = func(ctx context.Context, subject string) string {
		_, _ = nobody.Status(ctx, subject) // fails: names asks nobody
		return names.key
	}
	for i, pending := range append(slices.Clone(c.pending), 0) {
		own := *options
		own.DB += i
		l, err := b.open(ctx, &own, key)
		if err != nil {
			b.close()
			return nil, fmt.Errorf("database %d: %w", own.DB, err)
		}
		l.pending = pending
		b.levels = append(b.levels, l)
	}
	b.version = infoOf(b.levels[0].client.Info(ctx, "server").Val())["redis_version"]
	b.spare, b.levels = b.levels[len(c.pending)], b.levels[:len(c.pending)]
	return b, nil
}

// measure takes rounds of one slice for each variant, until they are enough or another would end after the deadline.
func (b *bench) measure(ctx context.Context, deadline time.Time) (rounds int, err error) {
	var longest time.Duration
	for rounds < b.rounds && (rounds == 0 || time.Now().Add(longest).Before(deadline)) {
		start := time.Now()
		if err := b.round(ctx); err != nil {
			return rounds, err
		}
		longest = max(longest, time.Since(start))
		rounds++
	}
	return rounds, nil
}

// round takes a slice of each variant. What is compared stands side by side, in an order that chance decides, so that
// what else the machine does hits all alike.
func (b *bench) round(ctx context.Context) error {
	type group struct {
		client  string
		callers int
	}
	var groups []group
	for _, client := range clients {
		for _, callers := range b.callers {
			groups = append(groups, group{client, callers})
		}
	}
	shuffle(groups)
	for _, g := range groups {
		var variants []variant
		for _, l := range b.levels {
			if l != b.levels[0] && g.callers != b.middle() {
				continue
			}
			for _, operation := range operations {
				variants = append(variants, variant{l.pending, g.client, g.callers, operation})
			}
		}
		shuffle(variants)
		for _, v := range variants {
			s, err := b.take(ctx, v, b.slice)
			for longer := 2 * b.slice; errors.Is(err, errNone) && longer < time.Minute; longer *= 2 { // a machine that stands still now and then
				s, err = b.take(ctx, v, longer)
			}
			if err != nil {
				return fmt.Errorf("%s by %d callers, %s, at %d pending: %w", v.operation, v.callers, v.client, v.pending, err)
			}
			b.samples[v] = append(b.samples[v], s)
		}
	}
	return nil
}

func shuffle[T any](list []T) {
	mathrand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// middle is the number of callers at which pairs are made for all numbers of pending codes.
func (b *config) middle() int { return b.callers[len(b.callers)/2] }

func (b *bench) levelOf(pending int) *level {
	return b.levels[slices.IndexFunc(b.levels, func(l *level) bool { return l.pending == pending })]
}

var errNone = errors.New("no pair within a slice: want a longer -slice")

// take makes pairs for a slice of time. What ends before a quarter of a slice has passed is not counted, nor what ends
// after it: a pair that is cut off at either end would count for less, the longer it takes.
func (b *bench) take(ctx context.Context, v variant, slice time.Duration) (sample, error) {
	l := b.levelOf(v.pending)
	pair := l.pairs[v.client][v.operation]
	first := b.next.Load() + 1
	runtime.GC() // of what slices before left
	server, err := serverTimes(ctx, l.client, v.operation)
	if err != nil {
		return sample{}, err
	}
	own := ownCPU()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	var group sync.WaitGroup
	var failed firstError
	opens := time.Now().Add(slice / 4)
	closes := opens.Add(slice)
	for caller := range v.callers {
		group.Go(func() {
			took := b.took[caller][:0]
			for start := time.Now(); start.Before(closes) && failed.get() == nil; {
				failed.set(pair(ctx, subject(b.next.Add(1))))
				end := time.Now()
				if end.After(opens) && end.Before(closes) {
					took = append(took, end.Sub(start))
				}
				start = end
			}
			b.took[caller] = took
		})
	}
	group.Wait()

	runtime.ReadMemStats(&after)
	own = ownCPU() - own
	if err := failed.get(); err != nil {
		return sample{}, err
	}
	server2, err := serverTimes(ctx, l.client, v.operation)
	if err != nil {
		return sample{}, err
	}
	made := b.next.Load() + 1 - first
	var all []time.Duration
	for _, took := range b.took[:v.callers] {
		all = append(all, took...)
	}
	if v.operation != ceiling && v.operation != empty {
		if err := b.forget(ctx, l, first, first+made); err != nil {
			return sample{}, err
		}
	}
	if len(all) == 0 {
		return sample{}, errNone
	}
	slices.Sort(all)
	return sample{
		pairs:  float64(len(all)) / slice.Seconds(),
		p50:    micros(all[len(all)/2]),
		p99:    micros(all[len(all)*99/100]),
		own:    micros(own) / float64(made),
		server: (server2.cpu - server.cpu) / float64(made),
		script: (server2.scripts - server.scripts) / (server2.calls - server.calls),
		allocs: float64(after.Mallocs-before.Mallocs) / float64(2*made),
	}, nil
}

// forget deletes the records of subjects, so that a level keeps its number.
func (b *bench) forget(ctx context.Context, l *level, from, to int64) error {
	pipe := l.client.Pipeline()
	for n := from; n < to; n++ {
		pipe.Del(ctx, b.name(ctx, subject(n)))
		if pipe.Len() == 1000 || n == to-1 {
			if _, err := pipe.Exec(ctx); err != nil {
				return err
			}
		}
	}
	size, err := l.client.DBSize(ctx).Result()
	if err == nil && size != int64(l.pending) {
		err = fmt.Errorf("%d keys instead of %d: somebody else uses this Redis, or codes expired", size, l.pending)
	}
	return err
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
