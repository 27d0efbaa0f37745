package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
)

// Operations, each a pair of calls. The first two are what the others are compared with.
const (
	ceiling = "SET+GETDEL" // what this machine does at best through this client
	floor   = "EVALSHA ×2" // return 1: what a script costs that does nothing
	otp     = "OTP"
	token   = "token"
	link    = "link+code" // verified by its token
)

var operations = []string{ceiling, floor, otp, token, link}

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

// A level is a database that holds as many pending codes as it says.
type level struct {
	pending int
	client  *redis.Client
	pairs   map[string]map[string]func(context.Context, string) error // by client and operation
	close   func() error
}

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

func (b *bench) open(ctx context.Context, options *redis.Options, key []byte) (*level, error) {
	client := redis.NewClient(options)
	size, err := client.DBSize(ctx).Result()
	if err == nil && size > 0 {
		err = fmt.Errorf("holds %d keys: want an empty one", size)
	}
	if err == nil {
		b.bareSHA, err = client.ScriptLoad(ctx, "return 1").Result()
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	pipeliner, err := client.AutoPipeline()
	if err != nil {
		client.Close()
		return nil, err
	}
	l := &level{client: client, pairs: map[string]map[string]func(context.Context, string) error{}}
	l.close = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		return errors.Join(pipeliner.Close(), client.FlushDB(ctx).Err(), client.Close()) // it was empty when it was opened
	}
	for name, rdb := range map[string]redis.Cmdable{plain: client, automatic: pipeliner} {
		m, err := onetime.New(rdb, key, onetime.WithLinkBase("https://example.com/sign-in"))
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.pairs[name] = b.pairsOf(rdb, m)
	}
	return l, nil
}

func (b *bench) close() {
	for _, l := range append(b.levels, b.spare) {
		if l != nil {
			l.close()
		}
	}
}

// pairsOf returns each operation as a function of a subject that nobody has used before.
func (b *bench) pairsOf(rdb redis.Cmdable, m *onetime.Manager) map[string]func(context.Context, string) error {
	value := strings.Repeat("v", 42)               // as many bytes as a code takes in a record
	lifetime := 5*time.Minute + 1*time.Millisecond // go-redis says EX instead of PX where whole seconds do
	none := []string{}
	return map[string]func(context.Context, string) error{
		ceiling: func(ctx context.Context, subject string) error {
			if err := rdb.Set(ctx, subject, value, lifetime).Err(); err != nil {
				return err
			}
			return rdb.GetDel(ctx, subject).Err()
		},
		floor: func(ctx context.Context, subject string) error {
			if err := rdb.EvalSha(ctx, b.bareSHA, none).Err(); err != nil {
				return err
			}
			return rdb.EvalSha(ctx, b.bareSHA, none).Err()
		},
		otp: func(ctx context.Context, subject string) error {
			made, err := m.IssueOTP(ctx, subject)
			if err == nil {
				_, err = m.VerifyOTP(ctx, subject, made.Code)
			}
			return err
		},
		token: func(ctx context.Context, subject string) error {
			made, err := m.IssueToken(ctx, subject)
			if err == nil {
				_, err = m.VerifyToken(ctx, made.Value)
			}
			return err
		},
		link: func(ctx context.Context, subject string) error {
			made, err := m.IssueLink(ctx, subject, onetime.WithCode())
			if err == nil {
				_, err = m.VerifyToken(ctx, made.Token)
			}
			return err
		},
		"issue " + otp: func(ctx context.Context, subject string) error {
			_, err := m.IssueOTP(ctx, subject)
			return err
		},
		"issue " + token: func(ctx context.Context, subject string) error {
			_, err := m.IssueToken(ctx, subject)
			return err
		},
		"issue " + link: func(ctx context.Context, subject string) error {
			_, err := m.IssueLink(ctx, subject, onetime.WithCode())
			return err
		},
	}
}

// A namer tells the name of the record that a call is about, and sends nothing.
type namer struct {
	redis.Scripter
	key string
}

var errNamed = errors.New("not sent")

func (n *namer) EvalSha(ctx context.Context, _ string, keys []string, _ ...any) *redis.Cmd {
	n.key = keys[0]
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(errNamed)
	return cmd
}

// subject is the n-th, with the length of an ordinary address.
func subject(n int64) string {
	text := make([]byte, 0, 32)
	text = append(text, "person"...)
	text = strconv.AppendInt(text, 10_000_000+n, 10)
	return string(append(text, "@example.com"...))
}

// maxWeighed is up to how many records are made to weigh them alone. More are weighed where they stay.
const maxWeighed = 100_000

// fill makes the pending codes of each level, and weighs what is pending.
func (b *bench) fill(ctx context.Context) error {
	// Connections and their buffers are there before anything is weighed.
	if _, err := b.weigh(ctx, b.spare, otp, 2_000); err != nil {
		return err
	}
	for _, kind := range []string{otp, token, link} {
		b.bytes[kind] = map[int]float64{}
		for _, pending := range b.pending {
			if pending > maxWeighed {
				continue
			}
			bytes, err := b.weigh(ctx, b.spare, kind, pending)
			if err != nil {
				return err
			}
			b.bytes[kind][pending] = bytes
		}
	}
	for _, l := range b.levels {
		bytes, err := b.weigh(ctx, l, otp, l.pending)
		if err != nil {
			return err
		}
		if l.pending > maxWeighed {
			b.bytes[otp][l.pending] = bytes
		}
	}
	return b.spare.client.FlushDB(ctx).Err()
}

// weigh fills an emptied database with records and returns the bytes of each.
func (b *bench) weigh(ctx context.Context, l *level, kind string, records int) (float64, error) {
	if err := l.client.FlushDB(ctx).Err(); err != nil {
		return 0, err
	}
	before, err := weight(ctx, l.client)
	if err != nil {
		return 0, err
	}
	if err := b.issue(ctx, l, kind, records); err != nil {
		return 0, err
	}
	after, err := weight(ctx, l.client)
	return float64(after-before) / float64(records), err
}

// issue makes records of new subjects, by so many callers that the pipeliner's batches are full.
func (b *bench) issue(ctx context.Context, l *level, kind string, records int) error {
	const callers = 400
	issue := l.pairs[automatic]["issue "+kind]
	last := b.next.Add(int64(records))
	var at atomic.Int64
	at.Store(last - int64(records))
	var group sync.WaitGroup
	var failed firstError
	for range min(callers, records) {
		group.Go(func() {
			for n := at.Add(1); n <= last && failed.get() == nil; n = at.Add(1) {
				failed.set(issue(ctx, subject(n)))
			}
		})
	}
	group.Wait()
	return failed.get()
}

// weight is the memory that Redis uses, but for the buffers of its clients.
func weight(ctx context.Context, client *redis.Client) (int, error) {
	text, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	info := infoOf(text)
	used, err := strconv.Atoi(info["used_memory"])
	if err != nil {
		return 0, err
	}
	buffers, err := strconv.Atoi(info["mem_clients_normal"])
	return used - buffers, err
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
			s, err := b.take(ctx, v)
			for range 3 { // on a machine that stands still now and then
				if !errors.Is(err, errNone) {
					break
				}
				s, err = b.take(ctx, v)
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
func (b *bench) take(ctx context.Context, v variant) (sample, error) {
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
	opens := time.Now().Add(b.slice / 4)
	closes := opens.Add(b.slice)
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
	if v.operation != ceiling && v.operation != floor {
		if err := b.forget(ctx, l, first, first+made); err != nil {
			return sample{}, err
		}
	}
	if len(all) == 0 {
		return sample{}, errNone
	}
	slices.Sort(all)
	return sample{
		pairs:  float64(len(all)) / b.slice.Seconds(),
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

// A serverTime is what the server has spent so far: µs of CPU, and µs in a number of calls of scripts, or of commands of
// the ceiling.
type serverTime struct{ cpu, scripts, calls float64 }

func serverTimes(ctx context.Context, client *redis.Client, operation string) (t serverTime, err error) {
	// A Redis before 7.0 takes one section at a time.
	cpu, err := client.Info(ctx, "cpu").Result()
	if err != nil {
		return t, err
	}
	commands, err := client.Info(ctx, "commandstats").Result()
	if err != nil {
		return t, err
	}
	for _, field := range []string{"used_cpu_sys", "used_cpu_user"} {
		seconds, err := strconv.ParseFloat(infoOf(cpu)[field], 64)
		if err != nil {
			return t, err
		}
		t.cpu += seconds * 1e6
	}
	info := infoOf(commands)
	for _, command := range commandsOf(operation) {
		var calls, usec float64
		// There is no line of a command that has not run yet.
		_, _ = fmt.Sscanf(info["cmdstat_"+command], "calls=%f,usec=%f", &calls, &usec)
		t.calls, t.scripts = t.calls+calls, t.scripts+usec
	}
	return t, nil
}

func commandsOf(operation string) []string {
	if operation == ceiling {
		return []string{"set", "getdel"}
	}
	return []string{"evalsha", "eval"}
}

// infoOf takes what INFO said apart.
func infoOf(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	return fields
}

// A firstError keeps the first error of many callers.
type firstError struct{ err atomic.Pointer[error] }

func (f *firstError) set(err error) {
	if err != nil {
		f.err.CompareAndSwap(nil, &err)
	}
}

func (f *firstError) get() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}
