package suite_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// What docs/operations.md says, and the code it shows.

func operationsDoc(t testing.TB) string {
	t.Helper()
	return rig.Text(t, "docs/operations.md")
}

func TestOperations_CodeOfTheDocIsCompiled(t *testing.T) {
	source := rig.Text(t, "internal/suite/operations_test.go") + rig.Text(t, "example_test.go")
	blocks := regexp.MustCompile("(?s)\n```go\n(.*?)\n```\n").FindAllStringSubmatch(operationsDoc(t), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		require.Contains(t, source, "\n"+block[1]+"\n")
	}
}

// newRedis returns a client of a single node.
func newRedis(addr, password string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:                  addr,
		Username:              "onetime",
		Password:              password,
		ContextTimeoutEnabled: true,                   // or the deadlines of contexts are ignored
		DialTimeout:           500 * time.Millisecond, // 5 s by default
		ReadTimeout:           time.Second,            // 5 s by default; more than the timeout of WithReplicaAck
		PoolSize:              64,                     // connections, 10 for each CPU by default
	})
}

// signIn is a call with a deadline: an answer that comes later is of no use to the person.
func signIn(ctx context.Context, m *onetime.Manager, subject, typed string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := m.VerifyOTP(ctx, subject, typed)
	return err
}

// withRights is a Redis that knows a user with the rights of the doc.
func withRights(t *testing.T, password string, args ...string) *rig.Server {
	t.Helper()
	s := rig.NewServer(t, args...)
	line := regexp.MustCompile(`(?m)^(ACL SETUSER onetime on >)PASSWORD (.*)$`).FindStringSubmatch(operationsDoc(t))
	require.NotNil(t, line)
	command := []any{}
	for _, word := range strings.Fields(line[1] + password + " " + line[2]) {
		command = append(command, word)
	}
	s.Must(t, command...)
	return s
}

func TestOperations_SettingsOfTheDocWork(t *testing.T) {
	t.Parallel() // most of it is waiting
	s := withRights(t, "secret")
	tally := newTally(t)
	client := newRedis(s.Addr, "secret")
	defer client.Close()
	m, err := onetime.New(client, onetimetest.Key)
	require.NoError(t, err)
	require.NoError(t, tally.call(unhurried, m.Check))
	otp, err := m.IssueOTP(t.Context(), rig.Alice)
	require.NoError(t, err)
	require.NoError(t, s.Pause())
	rig.Undecided(t, tally.call(time.Minute, func(ctx context.Context) error { // but signIn has a deadline of its own
		start := time.Now()
		err := signIn(ctx, m, rig.Alice, otp.Code)
		assert.Less(t, time.Since(start), 2*time.Second+overrun)
		return err
	}))
	require.NoError(t, s.Resume())
	// What was undecided may have taken effect.
	if err := answer(t, tally, func(ctx context.Context) error { return signIn(ctx, m, rig.Alice, otp.Code) }); err != nil {
		rig.Refused(t, err, onetime.ErrUsed)
	}
}

func TestOperations_ACommandIsSentFourTimesAtMost(t *testing.T) {
	t.Parallel() // most of it is waiting
	s := rig.NewServer(t)
	p := rig.NewProxy(t, s.Addr)
	for _, c := range []struct{ retries, copies int }{{0, 4}, {1, 2}, {-1, 1}} {
		tally := newTally(t)
		client := redis.NewClient(&redis.Options{Addr: s.Addr, Dialer: rig.Dialer(p), MaxRetries: c.retries, ContextTimeoutEnabled: true})
		m, err := onetime.New(client, onetimetest.Key)
		require.NoError(t, err)
		subject := fmt.Sprint("person ", c.retries)
		issue := func(ctx context.Context) error { _, err := m.IssueOTP(ctx, subject); return err }
		status := func(ctx context.Context) error { _, err := m.Status(ctx, subject); return err }
		require.NoError(t, tally.call(unhurried, status))

		before := p.Losses()
		p.LoseNext(c.copies-1, nil)
		require.NoError(t, tally.call(unhurried, issue))
		require.Equal(t, c.copies-1, p.Losses()-before)
		rig.Refused(t, tally.call(unhurried, issue), onetime.ErrThrottled)

		p.LoseNext(c.copies, nil)
		rig.Undecided(t, tally.call(unhurried, status))
		require.Equal(t, 2*c.copies-1, p.Losses()-before)
		client.Close()
	}
}

func TestOperations_ThePipelinerIgnoresDeadlines(t *testing.T) {
	t.Parallel() // most of it is waiting
	s := rig.NewServer(t)
	const patience, longer = time.Second, time.Minute // the pipeliner waits for the one, and the client would for the other
	client := redis.NewClient(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true, ReadTimeout: longer, MaxRetries: -1})
	defer client.Close()
	pipelined := redis.NewClient(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true, ReadTimeout: patience, MaxRetries: -1})
	defer pipelined.Close()
	pipeliner, err := pipelined.AutoPipeline()
	require.NoError(t, err)
	defer pipeliner.Close()
	for name, rdb := range map[string]redis.Scripter{"client": client, "pipeliner": pipeliner} {
		tally := newTally(t)
		m, err := onetime.New(rdb, onetimetest.Key)
		require.NoError(t, err)
		require.NoError(t, tally.call(unhurried, m.Check))
		require.NoError(t, s.Pause())
		ctx, cancel := context.WithTimeout(t.Context(), patience/10)
		start := time.Now()
		_, err = m.IssueOTP(ctx, rig.Alice)
		took := time.Since(start)
		<-ctx.Done()
		cancel()
		require.NoError(t, s.Resume())
		rig.Undecided(t, err)
		if name == "pipeliner" {
			require.GreaterOrEqual(t, took, patience)
		} else {
			require.Less(t, took, longer)
		}
	}
}

func TestOperations_DefaultsOfTheClient(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	options := client.Options()
	require.False(t, options.ContextTimeoutEnabled)
	require.Equal(t, 5*time.Second, options.DialTimeout)
	require.Equal(t, 5*time.Second, options.ReadTimeout)
	require.Equal(t, 6*time.Second, options.PoolTimeout)
	require.Equal(t, 10*runtime.GOMAXPROCS(0), options.PoolSize)
	require.Equal(t, 3, options.MaxRetries)
	require.Equal(t, 10*time.Millisecond, options.MinRetryBackoff)
	cluster := redis.NewClusterClient(&redis.ClusterOptions{})
	defer cluster.Close()
	require.Equal(t, -1, cluster.Options().MaxRetries)
	require.Equal(t, 3, cluster.Options().MaxRedirects)
}

func TestOperations_WaitingForReplicasTakesAConnection(t *testing.T) {
	t.Parallel()          // most of it is waiting
	s := rig.NewServer(t) // it has no replica, so each use waits as long as it may
	tally := newTally(t)
	const patience = 10 * time.Second
	client := redis.NewClient(&redis.Options{Addr: s.Addr, PoolSize: 1, MaxRetries: -1, ReadTimeout: 2 * patience, ContextTimeoutEnabled: true})
	defer client.Close()
	m, err := onetime.New(client, onetimetest.Key, onetime.WithReplicaAck(1, patience))
	require.NoError(t, err)
	otp := rig.MustOTP(t, m)
	done := make(chan error, 1)
	go func() {
		done <- tally.call(time.Minute, func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, otp.Code); return err })
	}()
	rig.Eventually(t, func(ctx context.Context) error {
		if s.Info(ctx, "blocked_clients") != "1" {
			return errors.New("nobody waits yet")
		}
		return nil
	})
	require.NoError(t, tally.call(unhurried, func(ctx context.Context) error { _, err := m.Status(ctx, rig.Alice); return err }))
	require.Equal(t, "1", s.Info(t.Context(), "blocked_clients"), "pipelines have a pool of their own: it still waits")
	s.Must(t, "CLIENT", "KILL", "TYPE", "normal")
	rig.Undecided(t, <-done)
	require.NoError(t, tally.call(time.Minute, func(ctx context.Context) error { _, err := m.Status(ctx, rig.Alice); return err }))
}

// rotation calls New as each deployment of a key rotation does.
func rotation(deployment int, rdb redis.Scripter, oldKey, newKey, namingKey []byte) (*onetime.Manager, error) {
	switch deployment {
	case 1: // the new key verifies everywhere, the old one still issues
		return onetime.New(rdb, oldKey, onetime.WithNamingKey(namingKey), onetime.WithPreviousKeys(newKey))
	case 2: // the new key issues, the old one verifies what it issued
		return onetime.New(rdb, newKey, onetime.WithNamingKey(namingKey), onetime.WithPreviousKeys(oldKey))
	case 3: // the old key is gone
		return onetime.New(rdb, newKey, onetime.WithNamingKey(namingKey))
	}
	return onetime.New(rdb, oldKey) // as it was: the first key also named the records, so namingKey is that key
}

// rotate returns the Manager of a deployment of the first rotation, and from 4 on of a second one.
func rotate(t *testing.T, rdb redis.Scripter, deployment int) *onetime.Manager {
	t.Helper()
	first, second, third := rig.Key('1', 32), rig.Key('2', 32), rig.Key('3', 32)
	m, err := rotation(deployment, rdb, first, second, first)
	if deployment > 3 {
		m, err = rotation(deployment-3, rdb, second, third, first)
	}
	require.NoError(t, err)
	m, err = m.Purpose("login", onetime.WithLinkBase("https://example.com/"), onetime.WithGuessLimits(onetime.Limit{Burst: 3, Per: time.Hour}))
	require.NoError(t, err)
	return m
}

func TestOperations_KeyRotationAsWritten(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		// Instances of two deployments run side by side, whichever of them is asked.
		for step := range 6 {
			before, after := rotate(t, b.Client, step), rotate(t, b.Client, step+1)
			for i, pair := range [][2]*onetime.Manager{{before, after}, {after, before}, {before, before}, {after, after}} {
				t.Run(fmt.Sprintf("deployment %d pair %d", step+1, i), func(t *testing.T) {
					sharedByInstances(t, pair[0], pair[1], fmt.Sprintf("person-%d-%d@example.com", step, i))
				})
			}
		}
	})
}

// sharedByInstances requires that two Managers are as good as one.
func sharedByInstances(t *testing.T, one, two *onetime.Manager, subject string) {
	t.Helper()
	tally := newTally(t)
	call := func(do func(ctx context.Context) error) error { return tally.call(unhurried, do) }
	again := func() {
		require.NoError(t, call(func(ctx context.Context) error { return two.Unlock(ctx, subject) }))
	}
	var otp onetime.OTP
	issue := func(m *onetime.Manager) func(ctx context.Context) error {
		return func(ctx context.Context) (err error) {
			otp, err = m.IssueOTP(ctx, subject, onetime.WithPayload([]byte("payload")))
			return err
		}
	}
	guess := func(m *onetime.Manager, code string) error {
		return call(func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, subject, code); return err })
	}

	// Codes, payloads and send limits.
	require.NoError(t, call(issue(one)))
	code := otp
	rig.Refused(t, call(issue(two)), onetime.ErrThrottled)
	require.NoError(t, tally.use(code.ID, unhurried, func(ctx context.Context) error {
		v, err := two.VerifyOTP(ctx, subject, code.Code)
		assert.Equal(t, "payload", string(v.Payload))
		return err
	}))
	rig.Refused(t, guess(one, code.Code), onetime.ErrUsed)

	// Tokens, bindings and Undo.
	again()
	ctx := t.Context()
	link, err := one.IssueLink(ctx, subject, onetime.WithBinding("cookie"))
	require.NoError(t, err)
	_, err = two.InspectToken(ctx, link.Token, onetime.WithBinding("cookie"))
	require.NoError(t, err)
	_, err = two.VerifyToken(ctx, link.Token, onetime.WithBinding("another"))
	rig.Refused(t, err, onetime.ErrBinding)
	v, err := two.VerifyToken(ctx, link.Token, onetime.WithBinding("cookie"))
	require.NoError(t, err)
	require.Equal(t, subject, v.Subject)
	require.NoError(t, v.Undo(ctx))
	_, err = one.VerifyToken(ctx, link.Token, onetime.WithBinding("cookie"))
	require.NoError(t, err)

	// Wrong codes, failures and guess limits.
	again()
	require.NoError(t, call(issue(one)))
	codes := rig.WrongCodes(otp.Code, 3)
	for i, m := range []*onetime.Manager{one, two, two, one} { // each twice: it is charged once
		require.Equal(t, 4-i/2, rig.Refused(t, guess(m, codes[i/2]), onetime.ErrMismatch).AttemptsLeft)
	}
	require.Positive(t, rig.Refused(t, guess(two, codes[2]), onetime.ErrMismatch).RetryAfter)
	for _, m := range []*onetime.Manager{one, two} {
		rig.Refused(t, guess(m, otp.Code), onetime.ErrLocked)
		require.Equal(t, 3, func() int { s, _ := m.Status(ctx, subject); return s.Failures }())
	}
	again()
	require.NoError(t, guess(one, otp.Code))

	// Cancel and Revoke.
	for _, end := range []func() error{
		func() error { return two.Cancel(ctx, subject, otp.ID) },
		func() error { return two.Revoke(ctx, subject) },
	} {
		again()
		require.NoError(t, call(issue(one)))
		require.NoError(t, end())
		rig.Refused(t, guess(one, otp.Code), onetime.ErrNotFound)
	}
}

func TestOperations_KeyRotationWithADeploymentLeftOut(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		for name, c := range map[string]struct{ issuer, verifier int }{
			"the first left out: issued by the second":       {2, 0},
			"the second left out: issued before the third":   {1, 3},
			"all left out, a leaked key: issued before":      {0, 3},
			"all left out, a leaked key: verified by before": {3, 0},
		} {
			issuer, verifier := rotate(t, b.Client, c.issuer), rotate(t, b.Client, c.verifier)
			otp, err := issuer.IssueOTP(ctx, name+"code")
			require.NoError(t, err)
			_, err = verifier.VerifyOTP(ctx, name+"code", otp.Code)
			require.Equal(t, 4, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft, "a right code looks wrong, and is charged")
			_, err = verifier.IssueOTP(ctx, name+"code")
			rig.Refused(t, err, onetime.ErrThrottled)
			require.Equal(t, 1, rig.MustStatus(t, verifier, name+"code").Failures)
			_, err = issuer.VerifyOTP(ctx, name+"code", otp.Code)
			require.NoError(t, err, "it is not spoilt")

			token, err := issuer.IssueToken(ctx, name+"token")
			require.NoError(t, err)
			_, err = verifier.VerifyToken(ctx, token.Value)
			rig.Refused(t, err, onetime.ErrMismatch)
			require.Zero(t, rig.MustStatus(t, verifier, name+"token").Failures, "a token is not charged")
		}
	})
}

func TestOperations_AnotherNamingKeyLosesSightOfEverything(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		old, err := onetime.New(b.Client, rig.Key('1', 32))
		require.NoError(t, err)
		other, err := onetime.New(b.Client, rig.Key('1', 32), onetime.WithNamingKey(rig.Key('2', 32)))
		require.NoError(t, err)
		token, err := old.IssueToken(ctx, "bob@example.com")
		require.NoError(t, err)
		_, err = other.VerifyToken(ctx, token.Value)
		rig.Undecided(t, err)

		code := rig.MustOTP(t, old)
		rig.Refused(t, rig.VerifyOTP(t, old, rig.WrongCodes(code.Code, 1)[0]), onetime.ErrMismatch)
		rig.Refused(t, rig.VerifyOTP(t, other, code.Code), onetime.ErrNotFound)
		require.Equal(t, onetime.Status{}, rig.MustStatus(t, other, rig.Alice))
		rig.MustOTP(t, other) // the send limit is not known either
	})
}

func TestOperations_WhatARestartForgets(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		again error // when a code that was used before the crash is shown again; nil: it verifies
		send  error // when a send that was charged before the crash is asked for again
	}{
		"nothing kept":         {nil, onetime.ErrNotFound, nil},
		"a snapshot of before": {[]string{"--save", "3600 1000000"}, nil, onetime.ErrThrottled},
		"appendfsync everysec": {[]string{"--appendonly", "yes", "--appendfsync", "everysec"}, onetime.ErrUsed, onetime.ErrThrottled},
		"appendfsync always":   {[]string{"--appendonly", "yes", "--appendfsync", "always"}, onetime.ErrUsed, onetime.ErrThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			s := rig.NewServer(t, c.args...)
			require.Contains(t, operationsDoc(t), "| "+name+" |")
			tally := newTally(t)
			client := rig.NewClient(s.Addr)
			defer client.Close()
			m, err := onetime.New(client, onetimetest.Key)
			require.NoError(t, err)
			otp := rig.MustOTP(t, m)
			if name == "a snapshot of before" {
				s.Must(t, "SAVE")
			}
			use := func(ctx context.Context) error { _, err := m.VerifyOTP(ctx, rig.Alice, otp.Code); return err }
			require.NoError(t, tally.call(unhurried, use))
			rig.Eventually(t, func(ctx context.Context) error { // everysec answers while a sync is under way, and writes after it
				if waiting := s.Info(ctx, "aof_buffer_length"); waiting != "" && waiting != "0" {
					return errors.New("not yet written: " + waiting)
				}
				return nil
			})
			s.Kill()
			require.NoError(t, s.Start())
			err = tally.call(unhurried, use)
			require.Equal(t, c.again == nil, err == nil, err)
			require.ErrorIs(t, err, c.again)
			err = tally.call(unhurried, func(ctx context.Context) error { _, err := m.IssueOTP(ctx, rig.Alice); return err })
			require.Equal(t, c.send == nil, err == nil, err)
			require.ErrorIs(t, err, c.send)
		})
	}
}

func TestOperations_CheckDoesNotWrite(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		b.Client = asUser(t, b, "~* +evalsha +eval +time +hmget +hkeys")
		m := b.Manager(t)
		require.NoError(t, m.Check(t.Context()), "nor may this user ask for INFO")
		_, err := m.IssueOTP(t.Context(), rig.Alice)
		rig.Undecided(t, err)
	})
	s := rig.NewServer(t)
	client := rig.NewClient(s.Addr)
	defer client.Close()
	m, err := onetime.New(client, onetimetest.Key)
	require.NoError(t, err)
	otp := rig.MustOTP(t, m)
	s.Must(t, "CONFIG", "SET", "maxmemory", "1")
	require.NoError(t, m.Check(t.Context()), "full, and noeviction")
	rig.Undecided(t, rig.VerifyOTP(t, m, otp.Code))
	require.NoError(t, m.Unlock(t.Context(), rig.Alice))
	primary := rig.NewServer(t)
	host, port := primary.HostPort()
	s.Must(t, "REPLICAOF", host, port)
	rig.Eventually(t, func(ctx context.Context) error { return s.Follows(ctx, primary) })
	require.ErrorContains(t, m.Check(t.Context()), "the server is a replica")
}

func TestOperations_InfoHasWhatTheDocWatches(t *testing.T) {
	t.Parallel() // most of it is waiting
	primary := rig.NewServer(t)
	host, port := primary.HostPort()
	replica := rig.NewServer(t, "--replicaof", host+" "+port)
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	_, table, found := strings.Cut(operationsDoc(t), "\n| field of INFO |")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range strings.Split(table, "\n| ")[1:] {
		fields, _, _ := strings.Cut(row, " |")
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(fields, -1) {
			require.NotEmpty(t, primary.Info(t.Context(), name[1])+replica.Info(t.Context(), name[1]), name[1])
		}
	}
}

func TestOperations_RecordsLiveAsLongAsTheTableSays(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		doc := operationsDoc(t)
		lives := func(row string, want time.Duration) {
			t.Helper()
			require.Contains(t, doc, "| "+row+" |")
			b.Left(t, want.Seconds(), b.Raw.PTTL(t.Context(), b.Only(t)).Val(), row)
		}
		const guess = 30 * 24 * time.Hour / 50
		m := b.Manager(t)
		otp := rig.MustOTP(t, m)
		lives("one send | 72 minutes", 72*time.Minute)
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
		lives("one send and its right code | 72 minutes", 72*time.Minute)
		b.Advance(t, 30*time.Second)
		otp = rig.MustOTP(t, m)
		lives("n sends, one soon after the other | n × 72 minutes, 24 hours at most", 2*72*time.Minute-30*time.Second)
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]), onetime.ErrMismatch)
		lives("one wrong code | 14.4 hours", guess)
		rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 2)[1]), onetime.ErrMismatch)
		lives("n wrong codes | n × 14.4 hours, 30 days at most", 2*guess)

		require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
		m = b.Manager(t, onetime.WithTokenTTL(30*24*time.Hour))
		token := rig.MustToken(t, m)
		lives("a token or link | the lifetime of the token, if that is longer, so 30 days at most", 30*24*time.Hour)
		require.NoError(t, m.Revoke(t.Context(), rig.Alice))
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		require.Error(t, rig.VerifyToken(t, m, token.Value))
		lives("Revoke, Cancel, Unlock, Undo | as long as without", 30*24*time.Hour)

		require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
		m = b.Manager(t, rig.ManyGuesses, onetime.WithSendLimits())
		for i := range 85 {
			otp = rig.MustOTP(t, m)
			rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(otp.Code, 1)[0]), onetime.ErrMismatch)
			if i == 83 {
				b.Advance(t, time.Second)
			}
		}
		lives("85 wrong codes of strangers, or 15 of known browsers, without a success | 400 days", 400*24*time.Hour)
	})
}

// A keyed is a client that remembers which key the last call was about.
type keyed struct {
	redis.Scripter
	key string
}

func (k *keyed) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	k.key = keys[0]
	return k.Scripter.EvalSha(ctx, sha, keys, args...)
}

// erase deletes all that Redis holds of a subject and purpose, limits and failures too. Keys and options are those of
// the program, without WithReplicaAck.
func erase(ctx context.Context, rdb redis.UniversalClient, purpose, subject string, key []byte, opts ...onetime.Option) error {
	client := &keyed{Scripter: rdb}
	m, err := onetime.New(client, key, opts...)
	if err != nil {
		return err
	}
	if m, err = m.Purpose(purpose); err != nil {
		return err
	}
	if _, err = m.Status(ctx, subject); err != nil {
		return err
	}
	return rdb.Del(ctx, client.key).Err()
}

func TestOperations_EraseDeletesOneRecord(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		ctx := t.Context()
		login, err := b.Manager(t).Purpose("login")
		require.NoError(t, err)
		otp := rig.MustOTP(t, login)
		_, err = login.IssueOTP(ctx, "bob@example.com")
		require.NoError(t, err)
		require.NoError(t, erase(ctx, b.Client.(redis.UniversalClient), "login", "Alice@example.com ", onetimetest.Key))
		require.Len(t, b.Records(t), 1)
		rig.Refused(t, rig.VerifyOTP(t, login, otp.Code), onetime.ErrNotFound)
		require.Equal(t, onetime.Status{}, rig.MustStatus(t, login, rig.Alice))
	})
}

func TestOperations_PersonsSpreadOverTheSlots(t *testing.T) {
	rig.Needs(t, rig.Redis)
	s, err := rig.SharedCluster()
	require.NoError(t, err)
	const persons, nodes = 6000, 3
	rec := &rig.Recorder{}
	m, err := onetime.New(rec, onetimetest.Key)
	require.NoError(t, err)
	client := rig.NewClient(s.Addr)
	defer client.Close()
	cmds, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range persons {
			_, err := m.Status(t.Context(), address(i))
			rig.Undecided(t, err)
			p.ClusterKeySlot(t.Context(), rec.Key)
		}
		return nil
	})
	require.NoError(t, err)
	var held [nodes]int
	for _, cmd := range cmds {
		held[cmd.(*redis.IntCmd).Val()*nodes/16384]++
	}
	for _, n := range held {
		require.InDelta(t, persons/nodes, n, 200, held) // more than five standard deviations
	}
}

// BenchmarkOperations prints what a session costs a Redis that keeps an append-only file: bytes of memory for each
// record, CPU time of the whole server and within scripts, bytes of the file and of the network.
func BenchmarkOperations(b *testing.B) {
	type session struct {
		name string
		run  func(ctx context.Context, m *onetime.Manager, subject string) error
	}
	sessions := []session{
		{"send", func(ctx context.Context, m *onetime.Manager, subject string) error {
			_, err := m.IssueOTP(ctx, subject)
			return err
		}},
		{"send, right code", func(ctx context.Context, m *onetime.Manager, subject string) error {
			otp, err := m.IssueOTP(ctx, subject)
			if err == nil {
				_, err = m.VerifyOTP(ctx, subject, otp.Code)
			}
			return err
		}},
		{"send, wrong code", func(ctx context.Context, m *onetime.Manager, subject string) error {
			otp, err := m.IssueOTP(ctx, subject)
			if err == nil {
				if _, err = m.VerifyOTP(ctx, subject, rig.WrongCodes(otp.Code, 1)[0]); errors.Is(err, onetime.ErrMismatch) {
					err = nil
				}
			}
			return err
		}},
		{"link with code, inspected, used", func(ctx context.Context, m *onetime.Manager, subject string) error {
			link, err := m.IssueLink(ctx, subject, onetime.WithCode())
			if err == nil {
				_, err = m.InspectToken(ctx, link.Token)
			}
			if err == nil {
				_, err = m.VerifyToken(ctx, link.Token)
			}
			return err
		}},
	}
	for _, size := range []int{277, 287} { // of payload: what is sealed has 316 and 326 bytes, and 320 is the most that is stored in pieces
		sessions = append(sessions, session{fmt.Sprintf("send, payload of %d bytes", size), func(ctx context.Context, m *onetime.Manager, subject string) error {
			_, err := m.IssueOTP(ctx, subject, onetime.WithPayload(make([]byte, size)))
			return err
		}})
	}
	for _, session := range sessions {
		for _, automatic := range []bool{false, true} {
			name := session.name
			if automatic {
				name += " AutoPipeline"
			}
			b.Run(name, func(b *testing.B) {
				const n = 100_000
				for b.Loop() {
					s := rig.NewServer(b, "--appendonly", "yes")
					number := func(name string) float64 {
						value, err := strconv.ParseFloat(s.Info(b.Context(), name), 64)
						require.NoError(b, err, name)
						return value
					}
					memory := func() float64 { return number("used_memory") - number("mem_aof_buffer") }
					empty := memory()
					m, client := benchManager(b, s, automatic)
					run := func(from, to int) {
						together(from, to, func(i int) {
							if err := session.run(b.Context(), m, address(i)); err != nil {
								b.Error(err)
							}
						})
					}
					run(n, n+32) // loads scripts and opens connections
					require.NoError(b, client.ConfigResetStat(b.Context()).Err())
					spent := map[string]func() float64{
						"cpu-µs/session":   func() float64 { return 1e6 * (number("used_cpu_user") + number("used_cpu_sys")) },
						"aof-B/session":    func() float64 { return number("aof_current_size") },
						"net-in-B/session": func() float64 { return number("total_net_input_bytes") },
					}
					before := map[string]float64{}
					for name, metric := range spent {
						before[name] = metric()
					}
					run(0, n)
					for name, metric := range spent {
						b.ReportMetric((metric()-before[name])/n, name)
					}
					usec := regexp.MustCompile(`cmdstat_evalsha:calls=\d+,usec=(\d+)`).FindStringSubmatch(client.Info(b.Context(), "commandstats").Val())
					require.NotNil(b, usec)
					total, err := strconv.ParseFloat(usec[1], 64)
					require.NoError(b, err)
					b.ReportMetric(total/n, "script-µs/session")
					require.EqualValues(b, n+32, client.DBSize(b.Context()).Val())
					require.NoError(b, client.Close())
					b.ReportMetric((memory()-empty)/(n+32), "B/record")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func benchManager(b *testing.B, s *rig.Server, automatic bool) (*onetime.Manager, *redis.Client) {
	b.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Addr, PoolSize: 32, ContextTimeoutEnabled: true})
	b.Cleanup(func() { client.Close() })
	var rdb redis.Scripter = client
	if automatic {
		pipeliner, err := client.AutoPipeline()
		require.NoError(b, err)
		b.Cleanup(func() { pipeliner.Close() })
		rdb = pipeliner
	}
	m, err := onetime.New(rdb, onetimetest.Key, onetime.WithLinkBase("https://example.com/in"))
	require.NoError(b, err)
	return m, client
}

// BenchmarkFlood prints what codes for 1,000 invented addresses a second hold after 72 minutes, when the first records
// end. It takes minutes, and more than 1 GB.
func BenchmarkFlood(b *testing.B) {
	const n = 1_000 * 72 * 60
	for b.Loop() {
		s := rig.NewServer(b)
		m, client := benchManager(b, s, true)
		together(0, n, func(i int) {
			if _, err := m.IssueOTP(b.Context(), address(i)); err != nil {
				b.Error(err)
			}
		})
		require.EqualValues(b, n, client.DBSize(b.Context()).Val())
		require.NoError(b, client.Close())
		used, err := strconv.ParseFloat(s.Info(b.Context(), "used_memory"), 64)
		require.NoError(b, err)
		b.ReportMetric(used/1e6, "MB")
		b.ReportMetric(used/n, "B/record")
	}
	b.ReportMetric(0, "ns/op")
}
