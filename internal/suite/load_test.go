package suite_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

var (
	loadSeed = flag.Uint64("load.seed", 0, "seed of TestFault_MinuteOfRandomFaults; 0 draws one")
	loadTime = flag.Duration("load.time", time.Minute, "how long TestFault_MinuteOfRandomFaults draws faults")
)

// loadDeadline is that of each call, shorter than it takes Sentinel to see that a primary is gone.
const loadDeadline = 600 * time.Millisecond

// A person makes calls about subjects that nobody else uses, so that a model can follow. Of every secret the model knows
// whether it may still verify, and whether it must. After a call without an answer it goes on with another subject,
// because a late copy of the command may still run; and before its wrong codes can be spent, however fast it makes them.
// It stops at the first failure of anyone.
type person struct {
	m       *onetime.Manager
	tally   *tally
	random  *rand.Rand
	forgets *atomic.Int64 // even while a fault may make Redis forget what no replica has acknowledged; counts up
	failed  func() bool   // whether there was a failover that no fault asked for: a busy machine looks like a dead one

	name    string
	lives   int
	wrong   map[string]*charges // by subject
	secrets []*modelled
	proof   onetime.Verification // of the last use
	used    *modelled
}

// Charges count the calls about a subject that may have been charged as wrong codes: all of VerifyOTP, because also a
// code that was replaced is one.
type charges struct {
	all      int
	browsers [len(browsers)]int // since the last issue
}

// One less than what the guess limit and WithMaxAttempts allow, which must never be reached.
const (
	loadGuesses  = 99
	loadAttempts = 15
)

// A modelled is a challenge's newest issue: a code, or a link and its code.
type modelled struct {
	subject         string
	browser         int
	id, code, token string
	least, most     time.Time // between which it expires, however long the issue took
	issued          int64     // value of forgets

	ended    bool  // used, cancelled or revoked, and a replica has it
	replaced int64 // value of forgets when a later issue replaced it; 0 if none did, -1 if it changed meanwhile
	doubtful bool  // a call without an answer, or one that a failover may forget, may have ended it or given it back
}

// over tells that nothing can make it right that the secret verifies.
func (s *modelled) over() bool { return s.ended || !time.Now().Before(s.most) }

// old tells that it is wrong that the secret verifies, unless a failover forgets what came after it.
func (s *modelled) old(forgets int64) bool { return s.replaced == forgets && forgets%2 == 1 }

// must tells whether it is wrong that the secret is refused, unless it has expired since.
func (s *modelled) must(forgets int64) bool {
	return !s.over() && !s.doubtful && s.replaced == 0 && s.issued == forgets && forgets%2 == 1
}

var browsers = [...]onetime.CallOption{nil, onetime.WithBinding("first browser"), onetime.WithBinding("second browser")}

func (p *person) subject() string { return fmt.Sprintf("%s-%d@example.com", p.name, p.lives) }

// call counts an answer. Without one nothing is sure about the subject's secrets.
func (p *person) call(call func(ctx context.Context) error) error {
	err := p.tally.call(loadDeadline, call)
	if !decided(err) {
		for _, s := range p.secrets {
			s.doubtful = s.doubtful || s.subject == p.subject()
		}
		p.lives++
	}
	return err
}

// charged counts what is known of a subject.
func (p *person) charged(subject string) *charges {
	if p.wrong[subject] == nil {
		p.wrong[subject] = &charges{}
	}
	return p.wrong[subject]
}

// mayTry tells whether one more code for a secret's subject can be wrong without an end of its guesses or attempts, and
// counts it. If it cannot, the person goes on with another subject.
func (p *person) mayTry(s *modelled) bool {
	wrong := p.charged(s.subject)
	if wrong.all >= loadGuesses || wrong.browsers[s.browser] >= loadAttempts {
		if s.subject == p.subject() {
			p.lives++
		}
		return false
	}
	wrong.all++
	wrong.browsers[s.browser]++
	return true
}

func (p *person) step() {
	if len(p.secrets) == 0 {
		p.issue()
		return
	}
	s := p.secrets[max(0, len(p.secrets)-1-p.random.IntN(4))]
	switch n := p.random.IntN(20); {
	case n < 5:
		p.issue()
	case n < 12:
		p.use(s)
	case n < 13:
		p.guess(s)
	case n < 16:
		p.undo()
	case n < 17:
		p.end(func(ctx context.Context) error { return p.m.Cancel(ctx, s.subject, s.id) }, func(o *modelled) bool { return o == s })
	case n < 18:
		p.end(func(ctx context.Context) error { return p.m.Revoke(ctx, s.subject) }, func(o *modelled) bool { return o.subject == s.subject })
	case n < 19:
		p.call(func(ctx context.Context) error { _, err := p.m.Status(ctx, s.subject); return err })
	default:
		if s.token != "" {
			p.call(func(ctx context.Context) error {
				_, err := p.m.InspectToken(ctx, s.token, onetime.IgnoreBinding())
				return err
			})
		}
	}
}

func (p *person) issue() {
	before := p.forgets.Load()
	made := &modelled{subject: p.subject(), browser: p.random.IntN(len(browsers)), issued: before}
	start := time.Now()
	ttl := []time.Duration{10 * time.Second, 5 * time.Minute}[p.random.IntN(2)]
	err := p.call(func(ctx context.Context) error {
		if p.random.IntN(2) == 0 {
			otp, err := p.m.IssueOTP(ctx, made.subject, browsers[made.browser], onetime.WithTTL(ttl))
			made.id, made.code = otp.ID, otp.Code
			return err
		}
		link, err := p.m.IssueLink(ctx, made.subject, browsers[made.browser], onetime.WithTTL(ttl), onetime.WithCode(), onetime.WithPayload([]byte("payload")))
		made.id, made.code, made.token = link.ID, link.Code, link.Token
		return err
	})
	if errors.Is(err, onetime.ErrDenied) {
		p.tally.t.Errorf("an issue was refused: %v", err)
	}
	if err != nil {
		return
	}
	made.least, made.most = start.Add(ttl-time.Second), time.Now().Add(ttl+time.Second) // clocks are adjusted now and then
	for _, old := range p.secrets {
		if old.subject == made.subject && old.browser == made.browser {
			if old.replaced = -1; p.forgets.Load() == before { // else nobody knows whether it is forgotten
				old.replaced = before
			}
		}
	}
	p.charged(made.subject).browsers[made.browser] = 0
	p.secrets = append(p.secrets, made)
}

func (p *person) use(s *modelled) {
	byToken := s.token != "" && p.random.IntN(2) == 0
	if !byToken && !p.mayTry(s) {
		return
	}
	before := p.forgets.Load()
	over, must := s.over(), s.must(before)
	var v onetime.Verification
	err := p.call(func(ctx context.Context) (err error) {
		if byToken {
			v, err = p.m.VerifyToken(ctx, s.token, browsers[s.browser])
		} else {
			v, err = p.m.VerifyOTP(ctx, s.subject, s.code, browsers[s.browser])
		}
		return err
	})
	after := p.forgets.Load()
	switch {
	case err == nil:
		if over || s.old(before) && s.old(after) && !p.failed() {
			p.tally.double()
			p.tally.t.Errorf("a secret verified that could not: %+v, after %d forgettings", *s, after)
		}
		s.ended, s.doubtful = true, false
		p.proof, p.used = v, s
	case errors.Is(err, onetime.ErrDenied) && must && before == after && time.Now().Before(s.least) && !p.failed():
		p.tally.t.Errorf("a live secret was refused: %v: %+v, after %d forgettings", err, *s, after)
	}
}

func (p *person) guess(s *modelled) {
	code := fmt.Sprintf("%012d", p.random.Int64N(1e12))
	if s.subject != p.subject() || slices.ContainsFunc(p.secrets, func(o *modelled) bool { return o.code == code }) || !p.mayTry(s) {
		return
	}
	err := p.call(func(ctx context.Context) error {
		_, err := p.m.VerifyOTP(ctx, s.subject, code, browsers[s.browser])
		return err
	})
	if err == nil {
		p.tally.t.Errorf("a wrong code verified")
	}
}

func (p *person) undo() {
	if p.used == nil {
		return
	}
	err := p.call(p.proof.Undo)
	if !errors.Is(err, onetime.ErrDenied) { // a failover may forget it
		p.used.ended, p.used.doubtful = false, true
	}
	p.used = nil
}

// end makes a call that ends some of the secrets.
func (p *person) end(call func(ctx context.Context) error, of func(s *modelled) bool) {
	err := p.call(call)
	for _, s := range p.secrets {
		if of(s) {
			s.ended = s.ended || err == nil
			s.doubtful = s.doubtful || err != nil
		}
	}
	if err == nil && p.used != nil && of(p.used) {
		p.used = nil // its Undo finds nothing
	}
}

// forget keeps what may still be used, and so what is known of its subjects.
func (p *person) forget() {
	if len(p.secrets) <= 40 {
		return
	}
	p.secrets = p.secrets[20:]
	maps.DeleteFunc(p.wrong, func(subject string, _ *charges) bool {
		return subject != p.subject() && !slices.ContainsFunc(p.secrets, func(s *modelled) bool { return s.subject == subject })
	})
}

// TestFault_MinuteOfRandomFaults lets persons issue, use, undo and revoke while a Sentinel's primary and replica suffer
// faults drawn at random. -load.seed repeats the draws, but not what the machine makes of them.
func TestFault_MinuteOfRandomFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: takes a minute")
	}
	t.Parallel() // most of it is waiting
	seed := *loadSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed: -load.seed=%d", seed)
	set := rig.NewSentinel(t)
	proxies := []*rig.Proxy{rig.NewProxy(t, set.Primary.Addr), rig.NewProxy(t, set.Replica.Addr)}
	client := set.Client(redis.FailoverOptions{Dialer: rig.Dialer(proxies...)})
	defer client.Close()
	m, err := onetime.New(client, onetimetest.Key, onetime.WithReplicaAck(1, 200*time.Millisecond), onetime.WithLinkBase("https://example.com/in"),
		onetime.WithSendLimits(), onetime.WithCodeLength(12), // a code that was replaced must not equal the new one by chance
		onetime.WithGuessLimits(onetime.Limit{Burst: loadGuesses + 1, Per: 24 * time.Hour}), onetime.WithMaxAttempts(loadAttempts+1))
	require.NoError(t, err)

	c := newTally(t)
	var forgets atomic.Int64
	forgets.Store(1)
	var epoch atomic.Value // of the last failover that was asked for
	epoch.Store(set.Epoch(context.Background()))
	failed := func() bool {
		now := set.Epoch(context.Background())
		if now != epoch.Load() {
			t.Logf("a failover that nobody asked for: epoch %s instead of %s", now, epoch.Load())
		}
		return now != epoch.Load()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	stop := func() { cancel(); group.Wait() }
	defer stop()
	for i := range 8 {
		p := &person{m: m, tally: c, forgets: &forgets, failed: failed, random: rand.New(rand.NewPCG(seed, uint64(i))),
			name: fmt.Sprintf("person-%d", i), wrong: map[string]*charges{}}
		group.Go(func() {
			for ctx.Err() == nil && !t.Failed() {
				p.step()
				p.forget()
			}
		})
	}
	more := func(what string, count func() int, n int) {
		t.Helper()
		goal := count() + n
		rig.Eventually(t, func(context.Context) error {
			if t.Failed() {
				t.FailNow()
			}
			if count() < goal {
				return fmt.Errorf("not yet %d more %s", n, what)
			}
			return nil
		})
	}
	flows := func() { t.Helper(); more("successes", c.succeeded, 200) }
	fails := func() { t.Helper(); more("calls without an answer", c.unanswered, 5) }

	faults := []struct {
		name string
		do   func()
	}{
		{"primary killed", func() {
			set.Primary.Kill()
			set.AwaitFailover(t)
			set.Rejoin(t)
		}},
		{"replica cut off and primary killed", func() {
			set.CutOff(t)
			more("calls", c.total, 40)
			set.Primary.Kill()
			set.AwaitFailover(t)
			set.Rejoin(t)
		}},
		{"failover ordered", func() {
			before := set.Epoch(t.Context())
			rig.Eventually(t, func(ctx context.Context) error { // Sentinel may not have seen yet that the replica is back
				return set.Sentinel.Do(ctx, "SENTINEL", "FAILOVER", rig.SentinelName).Err()
			})
			rig.Eventually(t, func(ctx context.Context) error {
				if set.Epoch(ctx) == before {
					return errors.New("no failover yet")
				}
				return nil
			})
		}},
		{"primary stopped", func() { // Sentinel may or may not see it
			require.NoError(t, set.Primary.Pause())
			fails()
			require.NoError(t, set.Primary.Resume())
		}},
		{"replica stopped", func() {
			require.NoError(t, set.Replica.Pause())
			fails()
			require.NoError(t, set.Replica.Resume())
		}},
		{"replica restarted", func() {
			set.Replica.Kill()
			fails()
			set.Rejoin(t)
		}},
		{"out of memory", func() {
			set.Primary.Must(t, "CONFIG", "SET", "maxmemory", "1")
			fails()
			set.Primary.Must(t, "CONFIG", "SET", "maxmemory", "0")
		}},
		{"writes refused", func() {
			set.Primary.Must(t, "CONFIG", "SET", "min-replicas-to-write", "2")
			fails()
			set.Primary.Must(t, "CONFIG", "SET", "min-replicas-to-write", "0")
		}},
		{"scripts flushed", func() { set.Primary.Must(t, "SCRIPT", "FLUSH") }},
		{"connections cut", func() { set.Primary.Must(t, "CLIENT", "KILL", "TYPE", "normal") }},
		{"replies lost", func() {
			for _, p := range proxies {
				p.LoseNext(20, nil)
			}
		}},
	}
	flows()
	random := rand.New(rand.NewPCG(seed, 1<<32))
	drawn := map[string]int{}
	for end := time.Now().Add(*loadTime); time.Now().Before(end); {
		fault := faults[random.IntN(len(faults))]
		drawn[fault.name]++
		t.Log(time.Now().Format(time.StampMilli), fault.name)
		forgets.Add(1)
		set.Settle(t) // after a failover that nobody asked for
		fault.do()
		set.Settle(t)
		epoch.Store(set.Epoch(context.Background()))
		forgets.Add(1)
		flows()
	}
	stop()
	t.Log("faults: ", drawn)
	require.NoError(t, rig.VerifyOTP(t, m, rig.MustOTP(t, m).Code))
}
