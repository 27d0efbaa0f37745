package model_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

var sharedRedis = sync.OnceValues(func() (*rig.Server, error) {
	server, err := rig.StartServer(rig.Redis)
	if err != nil {
		return nil, err
	}
	return server, loadScripts(server)
})

// loadScripts has Redis know all scripts, so that it runs each command that it gets.
func loadScripts(server *rig.Server) error {
	client := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true})
	defer client.Close()
	m, err := onetime.New(client, onetimetest.Key)
	if err != nil {
		return err
	}
	ctx := context.Background()
	otp, err := m.IssueOTP(ctx, "nobody")
	if err != nil {
		return err
	}
	v, err := m.VerifyOTP(ctx, "nobody", otp.Code)
	if err != nil {
		return err
	}
	_, err = m.Status(ctx, "nobody")
	err = errors.Join(err, client.ScriptLoad(ctx, core.WholeScript("once")).Err(), client.ScriptLoad(ctx, core.WholeScript("onceundo")).Err())
	return errors.Join(err, v.Undo(ctx), m.Revoke(ctx, "nobody"), m.Unlock(ctx, "nobody"))
}

// A crew are the callers of a workload, and their connections.
type crew struct {
	work    *workload
	seed    uint64
	rounds  int
	callers []*caller
}

func newCrew(t testing.TB, work workload, seed uint64) *crew {
	t.Helper()
	rig.Needs(t, rig.Redis)
	server, err := sharedRedis()
	require.NoError(t, err)
	w := &crew{work: &work, seed: seed}
	for i := range work.callers {
		c := &caller{number: i, work: w.work}
		options := &redis.Options{
			Addr: server.Addr, ContextTimeoutEnabled: true, ReadTimeout: 30 * time.Second, Dialer: c.dial(rig.Dialer()),
			MaxRetries: work.retries, MinRetryBackoff: 100 * time.Microsecond, MaxRetryBackoff: time.Millisecond,
		}
		if work.faults {
			c.proxy = rig.NewProxy(t, server.Addr)
			options.Dialer = c.dial(rig.Dialer(c.proxy))
		}
		client := redis.NewClient(options)
		t.Cleanup(func() { client.Close() })
		c.client = client
		if work.broken != nil {
			c.client = work.broken(client)
		}
		if work.flaw != (flaw{}) {
			c.client = work.flaw.client(t, server.Addr, client)
		}
		w.callers = append(w.callers, c)
	}
	return w
}

// A history is what callers did to one record.
type history struct {
	policy     onetime.Policy
	operations []porcupine.Operation
}

// round lets all callers loose on a new record.
func (w *crew) round(t testing.TB) history {
	t.Helper()
	return w.play(t, func() {
		require.NoError(t, w.callers[0].guess())
		errs := make(chan error, len(w.callers))
		for _, c := range w.callers {
			go func() { errs <- c.run() }()
		}
		for range w.callers {
			require.NoError(t, <-errs)
		}
	})
}

// play returns what the callers do in a scene, with a new record. The model does not know that the sendings of a group are
// one only for a minute: a scene that took so long is played again.
func (w *crew) play(t testing.TB, scene func()) history {
	t.Helper()
	for {
		if h, took := w.playOnce(t, scene); took < 50*time.Second {
			return h
		}
		t.Log("too slow, once more")
	}
}

func (w *crew) playOnce(t testing.TB, scene func()) (h history, took time.Duration) {
	t.Helper()
	w.rounds++
	draw := rand.New(rand.NewPCG(w.seed, uint64(w.rounds)))
	policy, network, known := w.work.policy(draw), newNetwork(), &known{
		names: map[string]name{}, payloads: map[name]string{}, acted: map[counted]map[string]bool{},
	}
	m, err := onetime.New(exchange{}, onetimetest.Key, onetime.WithLinkBase("https://example.com/in"), onetime.WithCodeLength(12),
		onetime.WithKeep(policy.Keep), onetime.WithMaxAttempts(policy.MaxAttempts),
		onetime.WithSendLimits(policy.SendLimits...), onetime.WithGuessLimits(policy.GuessLimits...))
	require.NoError(t, err)
	for i, c := range w.callers {
		c.manager, c.network, c.known, c.entries = m, network, known, nil
		c.draw = rand.New(rand.NewPCG(draw.Uint64(), uint64(i)))
		c.subject = fmt.Sprintf("person %d of %d", w.rounds, w.seed)
	}
	scene()
	network.settle()
	h.policy = policy
	for _, c := range w.callers {
		for _, e := range c.entries {
			h.operations = append(h.operations, c.operations(e)...)
		}
	}
	return h, time.Duration(network.now())
}

/*
operations returns one operation for each copy of a command, since Redis runs each: the answer that the caller got is that
of the copy sent last, which ran between its sending and the return. Of each other copy, and of all copies of an undecided
call, nobody saw the answer; such a one ran at some time after it was sent, and that may be long after the call returned.
Where the connection it was left on has shown when Redis had run it, it ran before that; else it is pending until the end
of the history, where an effect that comes last is as good as none.

So the model has to say what a second run of the same command does, and when: it is known for a repeat as long as its
memory reaches, and judged as new after that.
*/
func (c *caller) operations(e entry) (operations []porcupine.Operation) {
	for i, s := range e.sendings {
		o := porcupine.Operation{ClientId: c.number, Input: e.call, Output: (*answer)(nil), Call: s.at, Return: s.ran}
		switch {
		case i == len(e.sendings)-1 && e.answer != nil:
			o.Output, o.Return = e.answer, e.returned
		case o.Return == 0:
			o.Return = math.MaxInt64
		}
		if i < len(e.sendings)-1 || e.answer == nil {
			o.ClientId += c.work.callers // on a line of its own in a picture
		}
		operations = append(operations, o)
	}
	return operations
}
