package suite_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// Rule 6 over the wire: Redis has run a command, the reply is lost, and go-redis sends the command again by itself.

// A wire is a client that reaches Redis through a proxy that loses replies. Its raw client does not.
type wire struct {
	*rig.Backend
	proxy *rig.Proxy
	tally *tally
	opts  []onetime.Option // of its Managers
}

// wires runs a test with every kind of client; with two kinds if the run is to be short.
func wires(t *testing.T, test func(t *testing.T, w *wire)) {
	t.Helper()
	type dial = func(ctx context.Context, network, addr string) (net.Conn, error)
	const least, most = time.Millisecond, 2 * time.Millisecond // before go-redis sends again, which it does as often as by default
	toServer := func(addr string, dial dial) redis.UniversalClient {
		return redis.NewClient(&redis.Options{
			Addr: addr, Dialer: dial, MinRetryBackoff: least, MaxRetryBackoff: most, ReadTimeout: patience, ContextTimeoutEnabled: true,
		})
	}
	toCluster := func(addr string, dial dial) redis.UniversalClient {
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{addr}, Dialer: dial, MinRetryBackoff: least, MaxRetryBackoff: most, ReadTimeout: patience, ContextTimeoutEnabled: true,
		})
	}
	toSentinel := func(_ string, dial dial) redis.UniversalClient {
		set, _ := rig.SharedSentinel()
		return set.Client(redis.FailoverOptions{Dialer: dial, MinRetryBackoff: least, MaxRetryBackoff: most, ReadTimeout: patience})
	}
	sentinelPrimary := func() (*rig.Server, error) {
		set, err := rig.SharedSentinel()
		if err != nil {
			return nil, err
		}
		return set.Primary, nil
	}
	for _, client := range []struct {
		name             string
		start            func() (*rig.Server, error)
		connect          func(addr string, dial dial) redis.UniversalClient
		automatic, acked bool
		long             bool // left out of a short run
	}{
		{name: "redis", start: rig.SharedRedis, connect: toServer},
		{name: "redis AutoPipeline", start: rig.SharedRedis, connect: toServer, automatic: true, long: true},
		{name: "redis WithReplicaAck", start: rig.SharedRedis, connect: toServer, acked: true, long: true},
		{name: "redis sentinel", start: sentinelPrimary, connect: toSentinel, long: true},
		{name: "redis cluster", start: rig.SharedCluster, connect: toCluster, long: true},
		{name: "redis cluster AutoPipeline", start: rig.SharedCluster, connect: toCluster, automatic: true},
		{name: "redis cluster WithReplicaAck", start: rig.SharedCluster, connect: toCluster, acked: true, long: true},
	} {
		t.Run(client.name, func(t *testing.T) {
			if client.long && testing.Short() {
				t.Skip("left out of a short run")
			}
			rig.Needs(t, rig.Redis)
			if client.name == "redis sentinel" {
				rig.Needs(t, rig.Sentinel)
			}
			s, err := client.start()
			require.NoError(t, err)
			w := &wire{proxy: rig.NewProxy(t, s.Addr), tally: newTally(t)}
			if client.acked {
				// One that is no node of the cluster does for that, too.
				host, port := s.HostPort()
				replica := rig.NewServer(t, "--replicaof", host+" "+port)
				rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, s) })
				w.opts = []onetime.Option{onetime.WithReplicaAck(1, 10*time.Second)} // far more than it takes
			}
			w.Backend = &rig.Backend{}
			w.Run(t, s.Addr, client.connect(s.Addr, rig.Dialer(w.proxy)), client.automatic, func(t *testing.T, b *rig.Backend) {
				// Or the first reply to be lost would be that the script is not known.
				for _, name := range []string{"issue", "verify", "undo", "revoke", "unlock", "status", "once", "onceundo"} {
					require.NoError(t, b.Raw.ScriptLoad(t.Context(), core.WholeScript(name)).Err())
				}
				test(t, w)
			})
		})
	}
}

// A known is what is known of an issue.
type known struct {
	id, code, token string
	resendIn        time.Duration
}

// A scene is one call whose reply is lost, on a Redis that was empty before. What it does between runs in a goroutine of
// the proxy, so its methods assert, and require nothing.
type scene struct {
	*wire
	t        *testing.T
	m, other *onetime.Manager // m loses replies, other does not
	ours     known            // what the call is about
	theirs   known            // what another caller issued since
	status   onetime.Status   // what the call was answered with, if it is Status
	err      error            // the call's

	mu    sync.Mutex
	used  onetime.Verification // by the last use
	undos int
}

// patience is how long a call may take.
const patience = rig.Patience

// scene empties Redis. Codes are long: none equals another by chance.
func (w *wire) scene(t *testing.T, opts ...onetime.Option) *scene {
	t.Helper()
	require.NoError(t, w.Raw.FlushAll(t.Context()).Err())
	w.Started = time.Now()
	opts = append([]onetime.Option{onetime.WithCodeLength(12)}, opts...)
	other := (&rig.Backend{Client: w.Raw}).Manager(t, opts...)
	return &scene{wire: w, t: t, m: w.Manager(t, append(opts, w.opts...)...), other: other}
}

// lose makes the call, of which n replies are lost, or fewer if go-redis gives up before. between happens when Redis has
// run the command for the first time. It returns how many were lost. It is for the test's goroutine.
func (s *scene) lose(n int, between func(), call func(s *scene) error) int {
	s.t.Helper()
	before := s.proxy.Losses()
	ran := make(chan struct{})
	s.proxy.LoseNext(n, func() { defer close(ran); between() })
	s.err = call(s)
	s.proxy.LoseNext(0, nil)
	lost := s.proxy.Losses() - before
	require.Positive(s.t, lost)
	<-ran
	return lost
}

// answered holds the answer to a call against the one that is wanted, and returns the refusal, if it is one.
func (s *scene) answered(want, err error) *onetime.DeniedError {
	s.t.Helper()
	denied := &onetime.DeniedError{}
	if want == nil {
		assert.NoError(s.t, err)
	} else {
		assert.ErrorIs(s.t, err, want)
		errors.As(err, &denied)
	}
	return denied
}

const (
	byCode  = "code"
	byToken = "token"
	byLink  = "link with code"
)

func (s *scene) issue(m *onetime.Manager, kind string) (made known, err error) {
	payload := onetime.WithPayload([]byte("payload"))
	err = s.tally.call(patience, func(ctx context.Context) error {
		switch kind {
		case byCode:
			otp, err := m.IssueOTP(ctx, rig.Alice, payload)
			made = known{otp.ID, otp.Code, "", otp.ResendIn}
			return err
		case byToken:
			token, err := m.IssueToken(ctx, rig.Alice, payload)
			made = known{token.ID, "", token.Value, token.ResendIn}
			return err
		}
		link, err := m.IssueLink(ctx, rig.Alice, payload, onetime.WithCode())
		made = known{link.ID, link.Code, link.Token, link.ResendIn}
		return err
	})
	return made, err
}

// use verifies a secret. It may succeed once between two undos.
func (s *scene) use(m *onetime.Manager, of known, kind string) error {
	s.mu.Lock()
	name := fmt.Sprintf("%s after %d undos", of.id, s.undos)
	s.mu.Unlock()
	return s.tally.use(name, patience, func(ctx context.Context) (err error) {
		var v onetime.Verification
		if kind == byCode {
			v, err = m.VerifyOTP(ctx, rig.Alice, of.code)
		} else {
			v, err = m.VerifyToken(ctx, of.token)
		}
		if err == nil {
			s.proves(v, of)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.used = v
		}
		return err
	})
}

func (s *scene) proves(v onetime.Verification, of known) {
	assert.Equal(s.t, of.id, v.ID)
	assert.Equal(s.t, rig.Alice, v.Subject)
	assert.Equal(s.t, "payload", string(v.Payload))
}

func (s *scene) inspect() error {
	return s.tally.call(patience, func(ctx context.Context) error {
		v, err := s.m.InspectToken(ctx, s.ours.token)
		if err == nil {
			s.proves(v, s.ours)
		}
		return err
	})
}

// guess verifies the i-th wrong code.
func (s *scene) guess(m *onetime.Manager, i int) error {
	return s.tally.call(patience, func(ctx context.Context) error {
		_, err := m.VerifyOTP(ctx, rig.Alice, rig.WrongCodes(s.ours.code, i+1)[i])
		return err
	})
}

// undo gives the last use back.
func (s *scene) undo() error {
	s.mu.Lock()
	used := s.used
	s.undos++
	s.mu.Unlock()
	return s.tally.call(patience, used.Undo)
}

func (s *scene) cancel(m *onetime.Manager, id string) error {
	return s.tally.call(patience, func(ctx context.Context) error { return m.Cancel(ctx, rig.Alice, id) })
}

func (s *scene) revoke(m *onetime.Manager) error {
	return s.tally.call(patience, func(ctx context.Context) error { return m.Revoke(ctx, rig.Alice) })
}

func (s *scene) unlock(m *onetime.Manager) error {
	return s.tally.call(patience, func(ctx context.Context) error { return m.Unlock(ctx, rig.Alice) })
}

func (s *scene) look(m *onetime.Manager) (status onetime.Status, err error) {
	err = s.tally.call(patience, func(ctx context.Context) error {
		status, err = m.Status(ctx, rig.Alice)
		return err
	})
	return status, err
}

// losses are how many replies of a call are lost. go-redis sends again three times, acknowledged calls to a cluster four times: of
// ten losses it tells the caller.
func losses() []int {
	if testing.Short() {
		return []int{3, 10}
	}
	return []int{1, 2, 3, 10}
}

// asIfSentOnce makes a call of which n replies are lost, and demands that it is answered and leaves the record as if it was sent
// once, or else is undecided, however often Redis ran its script.
func (s *scene) asIfSentOnce(n int, call func(*scene) error, want error) {
	s.t.Helper()
	var once map[string]string // the record that one call leaves
	var end time.Duration
	require.NoError(s.t, s.Raw.ConfigResetStat(s.t.Context()).Err())
	lost := s.lose(n, func() { once, end = s.snapshot() }, call)

	sent := n + 1
	if n > 3 {
		rig.Undecided(s.t, s.err)
		require.GreaterOrEqual(s.t, lost, 4)
		sent = lost
	} else {
		s.answered(want, s.err)
		require.Equal(s.t, n, lost)
	}
	stats := s.Raw.Info(s.t.Context(), "commandstats").Val()
	require.Contains(s.t, stats, fmt.Sprintf("cmdstat_evalsha:calls=%d,", sent), "Redis ran the script that often")
	require.NotContains(s.t, stats, "cmdstat_eval:")
	now, nowEnd := s.snapshot()
	require.Equal(s.t, once, now)
	require.Equal(s.t, end, nowEnd)
}

// snapshot returns the one record, and when it ends.
func (s *scene) snapshot() (fields map[string]string, end time.Duration) {
	ctx := context.Background()
	keys, err := s.Raw.Keys(ctx, "*").Result()
	assert.NoError(s.t, err)
	if assert.Len(s.t, keys, 1) {
		fields, err = s.Raw.HGetAll(ctx, keys[0]).Result()
		assert.NoError(s.t, err)
		end, err = s.Raw.PExpireTime(ctx, keys[0]).Result()
		assert.NoError(s.t, err)
	}
	return fields, end
}

// A step is part of a scene.
type step func(s *scene)

// issued issues a link with a code, or what else the call is to be about.
func issued(kind string) step {
	return func(s *scene) {
		var err error
		s.ours, err = s.issue(s.other, kind)
		s.answered(nil, err)
	}
}

// taken uses it, by a caller whose later replies may be lost.
func taken(s *scene) { s.answered(nil, s.use(s.m, s.ours, byCode)) }

// guessed is wrong codes from the i-th on, each of which is charged.
func guessed(i int, left ...int) step {
	return func(s *scene) {
		for n, left := range left {
			assert.Equal(s.t, left, s.answered(onetime.ErrMismatch, s.guess(s.other, i+n)).AttemptsLeft)
		}
	}
}

// counted looks at what is charged for wrong codes.
func counted(failures, left int) step {
	return func(s *scene) {
		status, err := s.look(s.other)
		s.answered(nil, err)
		assert.Equal(s.t, failures, status.Failures)
		if assert.NotEmpty(s.t, status.Pending) {
			assert.Equal(s.t, left, status.Pending[0].AttemptsLeft)
		}
	}
}

// left is the attempts left of which the refusal of a wrong code speaks.
func left(attempts int) step {
	return func(s *scene) {
		assert.Equal(s.t, attempts, s.answered(onetime.ErrMismatch, s.err).AttemptsLeft)
	}
}

// pending looks at how many issues are live.
func pending(n int) step {
	return func(s *scene) {
		status, err := s.look(s.other)
		s.answered(nil, err)
		assert.Len(s.t, status.Pending, n)
	}
}

// alive uses every secret of an issue: the first of them succeeds, and none again.
func (s *scene) alive(of known) {
	var want error
	for _, kind := range []string{byCode, byToken, byCode, byToken} {
		if kind == byCode && of.code != "" || kind == byToken && of.token != "" {
			s.answered(want, s.use(s.other, of, kind))
			want = onetime.ErrUsed
		}
	}
	s.answered(onetime.ErrUsed, want) // there was one to use
}

// dead tries every secret of an issue: all are refused.
func (s *scene) dead(of known) {
	if of.code != "" {
		s.answered(onetime.ErrDenied, s.use(s.other, of, byCode))
	}
	if of.token != "" {
		s.answered(onetime.ErrDenied, s.use(s.other, of, byToken))
	}
}

func oursAlive(s *scene)   { s.alive(s.ours) }
func oursDead(s *scene)    { s.dead(s.ours) }
func theirsAlive(s *scene) { s.alive(s.theirs) }
func theirsDead(s *scene)  { s.dead(s.theirs) }

// Calls whose replies are lost.

func issueLost(kind string) func(s *scene) error {
	return func(s *scene) (err error) {
		s.ours, err = s.issue(s.m, kind)
		return err
	}
}

func useLost(kind string) func(s *scene) error {
	return func(s *scene) error { return s.use(s.m, s.ours, kind) }
}

func guessLost(s *scene) error  { return s.guess(s.m, 0) }
func cancelLost(s *scene) error { return s.cancel(s.m, s.ours.id) }
func revokeLost(s *scene) error { return s.revoke(s.m) }
func unlockLost(s *scene) error { return s.unlock(s.m) }

func statusLost(s *scene) (err error) {
	s.status, err = s.look(s.m)
	return err
}

func TestLostReply_AnsweredAsIfSentOnce(t *testing.T) {
	resendIn := func(s *scene) { s.Left(s.t, 30, s.ours.resendIn, "one send") }
	hour := onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour})
	operations := []struct {
		name   string
		opts   []onetime.Option
		before []step
		call   func(s *scene) error
		want   error // of the call
		after  []step
		again  error // of the same call by a person who got no answer
	}{
		{name: "IssueOTP", call: issueLost(byCode),
			after: []step{resendIn, pending(1), oursAlive}, again: onetime.ErrThrottled},
		{name: "IssueToken", call: issueLost(byToken),
			after: []step{resendIn, pending(1), oursAlive}, again: onetime.ErrThrottled},
		{name: "IssueLink", call: issueLost(byLink),
			after: []step{resendIn, pending(1), oursAlive}, again: onetime.ErrThrottled},
		{name: "IssueOTP throttled", before: []step{issued(byCode)}, call: func(s *scene) error { _, err := s.issue(s.m, byCode); return err },
			want: onetime.ErrThrottled, again: onetime.ErrThrottled, after: []step{func(s *scene) {
				s.Left(s.t, 30, s.answered(onetime.ErrThrottled, s.err).RetryAfter)
			}, oursAlive}},
		{name: "VerifyOTP right", before: []step{issued(byLink)}, call: useLost(byCode),
			after: []step{counted(0, 5), oursDead}, again: onetime.ErrUsed},
		{name: "VerifyOTP right after wrong ones", before: []step{issued(byLink), guessed(0, 4, 3, 2, 1)}, call: useLost(byCode),
			after: []step{counted(0, 1), oursDead}, again: onetime.ErrUsed},
		{name: "VerifyOTP wrong", before: []step{issued(byLink)}, call: guessLost,
			want: onetime.ErrMismatch, again: onetime.ErrMismatch, after: []step{left(4), func(s *scene) {
				assert.Zero(s.t, s.answered(onetime.ErrMismatch, s.err).RetryAfter)
			}, counted(1, 4), oursAlive}},
		{name: "VerifyOTP wrong, the last attempt", opts: []onetime.Option{onetime.WithMaxAttempts(1)}, before: []step{issued(byLink)}, call: guessLost,
			want: onetime.ErrMismatch, again: onetime.ErrMismatch, after: []step{left(0), counted(1, 0), func(s *scene) {
				s.answered(onetime.ErrExhausted, s.use(s.other, s.ours, byCode))
			}}},
		{name: "VerifyOTP wrong, the last guess", opts: []onetime.Option{hour}, before: []step{issued(byLink)}, call: guessLost,
			want: onetime.ErrMismatch, again: onetime.ErrMismatch, after: []step{left(4), func(s *scene) {
				s.Left(s.t, 3600, s.answered(onetime.ErrMismatch, s.err).RetryAfter)
				s.answered(onetime.ErrLocked, s.use(s.other, s.ours, byCode))
			}, counted(1, 4)}},
		{name: "InspectToken", before: []step{issued(byToken)}, call: (*scene).inspect, after: []step{oursAlive}},
		{name: "VerifyToken of a token", before: []step{issued(byToken)}, call: useLost(byToken),
			after: []step{oursDead}, again: onetime.ErrUsed},
		{name: "VerifyToken of a link", before: []step{issued(byLink)}, call: useLost(byToken),
			after: []step{counted(0, 5), oursDead}, again: onetime.ErrUsed},
		{name: "Undo", before: []step{issued(byLink), guessed(0, 4), taken}, call: (*scene).undo,
			after: []step{counted(0, 4), oursAlive}},
		{name: "Cancel", before: []step{issued(byLink)}, call: cancelLost, after: []step{pending(0), oursDead}},
		{name: "Revoke", before: []step{issued(byLink)}, call: revokeLost, after: []step{pending(0), oursDead}},
		{name: "Unlock", before: []step{issued(byLink), guessed(0, 4)}, call: unlockLost, after: []step{counted(0, 4), func(s *scene) {
			status, err := s.look(s.other)
			s.answered(nil, err)
			assert.Zero(s.t, status.SendIn)
		}, oursAlive}},
		{name: "Status", before: []step{issued(byLink), guessed(0, 4)}, call: statusLost, after: []step{func(s *scene) {
			status, err := s.look(s.other)
			s.answered(nil, err)
			s.Left(s.t, status.SendIn.Seconds(), s.status.SendIn)
			assert.Equal(s.t, status.Failures, s.status.Failures)
			if assert.Len(s.t, s.status.Pending, 1) {
				s.status.Pending[0].ExpiresIn = status.Pending[0].ExpiresIn
				assert.Equal(s.t, status.Pending, s.status.Pending)
			}
		}, oursAlive}},
	}
	wires(t, func(t *testing.T, w *wire) {
		for _, o := range operations {
			t.Run(o.name, func(t *testing.T) {
				for _, n := range losses() {
					s := w.scene(t, o.opts...)
					for _, step := range o.before {
						step(s)
					}
					s.asIfSentOnce(n, o.call, o.want)

					if n > 3 {
						s.err = o.call(s)
						s.answered(o.again, s.err)
						if o.again != o.want {
							pending(1)(s)
							continue
						}
					}
					for _, step := range o.after {
						step(s)
					}
				}
			})
		}
	})
}

func TestLostReply_WithAnotherCallInBetween(t *testing.T) {
	// What another caller does between.
	tries := func(kind string, want error) step {
		return func(s *scene) { s.answered(want, s.use(s.other, s.ours, kind)) }
	}
	issues := func(s *scene) {
		var err error
		s.theirs, err = s.issue(s.other, byLink)
		s.answered(nil, err)
	}
	throttled := func(s *scene) {
		_, err := s.issue(s.other, byCode)
		s.answered(onetime.ErrThrottled, err)
	}
	revokes := func(s *scene) { s.answered(nil, s.revoke(s.other)) }
	unlocks := func(s *scene) { s.answered(nil, s.unlock(s.other)) }
	cancels := func(s *scene) { // what is pending: the id of an issue whose reply was lost is not known otherwise
		status, err := s.look(s.other)
		s.answered(nil, err)
		for _, pending := range status.Pending {
			s.answered(nil, s.cancel(s.other, pending.ID))
		}
	}
	undoes := func(want error) step { return func(s *scene) { s.answered(want, s.undo()) } }

	noLimit := onetime.WithSendLimits()
	keep2 := onetime.WithKeep(2)
	type overtaken struct {
		name    string
		opts    []onetime.Option
		before  []step
		call    func(s *scene) error
		between step
		want    error // of the call
		after   []step
	}
	var scenes []overtaken
	add := func(call func(s *scene) error, before []step, more ...overtaken) {
		for _, o := range more {
			o.call, o.before = call, append(slices.Clip(before), o.before...)
			scenes = append(scenes, o)
		}
	}
	for _, kind := range []string{byCode, byToken} {
		replaced := onetime.ErrNotFound
		judged := counted(0, 5)
		if kind == byCode {
			replaced, judged = onetime.ErrMismatch, counted(1, 4) // a replaced code cannot be told from a wrong one
		}
		name := "use by " + kind + ", "
		add(useLost(kind), []step{issued(byLink)},
			overtaken{name: name + "the code by another", between: tries(byCode, onetime.ErrUsed), after: []step{counted(0, 5), oursDead}},
			overtaken{name: name + "the token by another", between: tries(byToken, onetime.ErrUsed), after: []step{counted(0, 5), oursDead}},
			overtaken{name: name + "a wrong code", between: func(s *scene) {
				s.answered(onetime.ErrUsed, s.guess(s.other, 0))
			}, after: []step{counted(0, 5), oursDead}},
			overtaken{name: name + "Unlock", between: unlocks, after: []step{oursDead}},
			overtaken{name: name + "an issue", opts: []onetime.Option{noLimit}, between: issues, want: replaced,
				after: []step{judged, theirsAlive, oursDead}},
			overtaken{name: name + "an issue that keeps", opts: []onetime.Option{noLimit, keep2}, between: issues, want: replaced,
				after: []step{judged, theirsAlive, oursDead}},
			overtaken{name: name + "Revoke", between: revokes, want: onetime.ErrNotFound, after: []step{oursDead}},
			overtaken{name: name + "Cancel", between: cancels, want: onetime.ErrNotFound, after: []step{oursDead}},
		)

		name = "issue of a " + kind + ", "
		add(issueLost(kind), nil,
			overtaken{name: name + "a throttled issue", between: throttled, after: []step{pending(1), oursAlive}},
			overtaken{name: name + "an issue", opts: []onetime.Option{noLimit}, between: issues, want: onetime.ErrNotFound, after: []step{pending(1), theirsAlive}},
			overtaken{name: name + "an issue that keeps", opts: []onetime.Option{noLimit, keep2}, between: issues,
				after: []step{pending(2), oursAlive, theirsDead}},
			overtaken{name: name + "the issue that empties the limit", between: issues, want: onetime.ErrNotFound,
				opts: []onetime.Option{onetime.WithSendLimits(onetime.Limit{Burst: 2, Per: time.Hour})}, after: []step{pending(1), theirsAlive}},
			overtaken{name: name + "Unlock", between: unlocks, after: []step{pending(1), oursAlive}},
			overtaken{name: name + "Revoke", between: revokes, want: onetime.ErrNotFound, after: []step{pending(0)}},
			overtaken{name: name + "Cancel", between: cancels, want: onetime.ErrNotFound, after: []step{pending(0)}},
		)
	}
	add(guessLost, []step{issued(byLink)},
		overtaken{name: "wrong code, the same by another", between: guessed(0, 4), want: onetime.ErrMismatch,
			after: []step{left(4), counted(1, 4), oursAlive}},
		overtaken{name: "wrong code, another one", between: guessed(1, 3), want: onetime.ErrMismatch,
			after: []step{left(3), counted(2, 3), oursAlive}},
		overtaken{name: "wrong code, the last attempts", between: guessed(1, 3, 2, 1, 0), want: onetime.ErrMismatch,
			after: []step{left(0), counted(5, 0)}},
		overtaken{name: "wrong code, the right one", between: tries(byCode, nil), want: onetime.ErrMismatch,
			after: []step{left(4), counted(0, 4), oursDead}},
		overtaken{name: "wrong code, Unlock", between: unlocks, want: onetime.ErrMismatch, after: []step{left(4), counted(0, 4), oursAlive}},
		overtaken{name: "wrong code, an issue", opts: []onetime.Option{noLimit}, between: issues, want: onetime.ErrMismatch,
			after: []step{left(4), counted(2, 4), theirsAlive}},
		overtaken{name: "wrong code, Revoke", between: revokes, want: onetime.ErrMismatch, after: []step{left(4), oursDead}},
	)
	add((*scene).undo, []step{issued(byLink), taken},
		overtaken{name: "Undo, a use", between: tries(byCode, nil), want: onetime.ErrUsed, after: []step{oursDead}},
		overtaken{name: "Undo, a use that is undone", between: func(s *scene) {
			tries(byToken, nil)(s)
			undoes(nil)(s)
		}, after: []step{counted(0, 5), oursAlive}},
		overtaken{name: "Undo, a wrong code", between: guessed(0, 4), after: []step{counted(1, 4), oursAlive}},
		overtaken{name: "Undo, an issue", opts: []onetime.Option{noLimit}, between: issues, want: onetime.ErrNotFound,
			after: []step{oursDead, theirsAlive}},
		overtaken{name: "Undo, an issue that keeps", opts: []onetime.Option{noLimit, keep2}, between: issues,
			after: []step{pending(2), oursAlive, theirsDead}},
		overtaken{name: "Undo, Unlock", between: unlocks, after: []step{oursAlive}},
		overtaken{name: "Undo, Revoke", between: revokes, want: onetime.ErrNotFound, after: []step{oursDead}},
		overtaken{name: "Undo, Cancel", between: cancels, want: onetime.ErrNotFound, after: []step{oursDead}},
	)
	for name, call := range map[string]func(*scene) error{"Revoke": revokeLost, "Cancel": cancelLost} {
		add(call, []step{issued(byLink)},
			overtaken{name: name + ", an issue", opts: []onetime.Option{noLimit}, between: issues, after: []step{oursDead, theirsAlive}},
			overtaken{name: name + ", an issue that keeps", opts: []onetime.Option{noLimit, keep2}, between: issues, after: []step{oursDead, theirsAlive}},
			overtaken{name: name + ", a use", between: tries(byToken, onetime.ErrNotFound), after: []step{oursDead}},
			overtaken{name: name + ", an Undo", before: []step{tries(byCode, nil)}, between: undoes(onetime.ErrNotFound), after: []step{oursDead}},
			overtaken{name: name + ", Unlock", between: unlocks, after: []step{oursDead}},
		)
	}
	add(unlockLost, []step{issued(byLink), guessed(0, 4)},
		overtaken{name: "Unlock, an issue", between: issues, after: []step{counted(0, 5), oursDead, theirsAlive}},
		overtaken{name: "Unlock, a wrong code", between: guessed(1, 3), after: []step{counted(0, 3), oursAlive}},
		overtaken{name: "Unlock, a use", between: tries(byCode, nil), after: []step{counted(0, 4), oursDead}},
	)
	add((*scene).inspect, []step{issued(byLink)},
		overtaken{name: "InspectToken, a use", between: tries(byCode, nil), want: onetime.ErrUsed, after: []step{oursDead}},
		overtaken{name: "InspectToken, an issue", opts: []onetime.Option{noLimit}, between: issues, want: onetime.ErrNotFound,
			after: []step{oursDead, theirsAlive}},
	)
	add(statusLost, []step{issued(byLink)},
		overtaken{name: "Status, an issue", opts: []onetime.Option{noLimit}, between: issues, after: []step{func(s *scene) {
			if assert.Len(s.t, s.status.Pending, 1) {
				assert.Equal(s.t, s.theirs.id, s.status.Pending[0].ID)
			}
		}, oursDead, theirsAlive}},
	)

	wires(t, func(t *testing.T, w *wire) {
		for _, o := range scenes {
			t.Run(o.name, func(t *testing.T) {
				s := w.scene(t, o.opts...)
				for _, step := range o.before {
					step(s)
				}
				require.Equal(t, 1, s.lose(1, func() { o.between(s) }, o.call))
				s.answered(o.want, s.err)
				for _, step := range o.after {
					step(s)
				}
			})
		}
	})
}

func TestLostReply_OfParallelCalls(t *testing.T) {
	wires(t, func(t *testing.T, w *wire) {
		for range 4 {
			s := w.scene(t, onetime.WithSendLimits(), rig.ManyGuesses)
			// All three may be of one call, which succeeds all the same.
			atOnce := func(call func(i int) error) int {
				issued(byLink)(s)
				lost := s.proxy.Losses()
				s.proxy.LoseNext(3, nil)
				successes := parallel(t, 24, onetime.ErrDenied, call)
				require.Equal(t, 3, s.proxy.Losses()-lost)
				return successes
			}
			require.Equal(t, 1, atOnce(func(i int) error { return s.use(s.m, s.ours, []string{byCode, byToken}[i%2]) }))
			require.Zero(t, atOnce(func(int) error { return s.guess(s.m, 0) }))
			counted(1, 4)(s)
			require.Zero(t, atOnce(func(i int) error { return s.guess(s.m, i%3) }))
			counted(4, 2)(s)
			require.Equal(t, 1, atOnce(func(i int) error {
				if i < 16 {
					return s.guess(s.m, i%4)
				}
				return s.use(s.m, s.ours, byCode)
			}))
		}
	})
}
