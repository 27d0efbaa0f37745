package script_test

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/script"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// A denied is the error of a refusal.
type denied struct {
	reason       error
	attemptsLeft int
	retryAfter   time.Duration
}

func (d denied) Error() string { return d.reason.Error() }

// run runs a script that is answered with the values, behind the id of the call.
func run(t *testing.T, values ...any) (script.Reply, error) {
	t.Helper()
	r := script.Runner{
		Client: rig.Teller{Answer: func(args []any) (any, error) { return append([]any{args[0]}, values...), nil }},
		Denied: func(reason error, attemptsLeft int, retryAfter time.Duration) error {
			return denied{reason, attemptsLeft, retryAfter}
		},
	}
	return r.Run(t.Context(), script.Call{Op: "Verify", Script: redis.NewScript("return 1"), Key: "key", Args: []any{"id"}})
}

func TestRun_RefusalSaysWhatComesWithItsStatus(t *testing.T) {
	for _, status := range fault.Statuses {
		if status.Number == 0 {
			continue
		}
		want, values := denied{reason: status.Err}, []any{status.Number}
		if status.Attempts {
			want.attemptsLeft, values = 3, append(values, int64(3))
		}
		if status.Wait {
			want.retryAfter, values = 1500*time.Millisecond, append(values, int64(1500))
		}
		_, err := run(t, values...)
		require.Equal(t, want, err, status.Name)
		_, err = run(t, append(values, int64(0))...)
		require.EqualError(t, err, "onetime: Verify: undecided: reply of the wrong shape", status.Name)
		if len(values) > 1 {
			_, err = run(t, values[:len(values)-1]...)
			require.EqualError(t, err, "onetime: Verify: undecided: reply of the wrong shape", status.Name)
		}
	}
}

func TestRun_UnknownStatusIsUndecided(t *testing.T) {
	for number, want := range map[any]string{
		int64(0): "unknown status 0", int64(10): "unknown status 10", int64(-1): "unknown status -1", "1": "unknown status 0", nil: "unknown status 0",
	} {
		_, err := run(t, number)
		require.EqualError(t, err, "onetime: Verify: undecided: "+want)
	}
	_, err := run(t)
	require.EqualError(t, err, "onetime: Verify: undecided: reply of the wrong shape")
}

func TestRun_ClocksThatDifferAreUndecided(t *testing.T) {
	_, err := run(t, int64(fault.Clock))
	require.EqualError(t, err, "onetime: Verify: undecided: the clock of this computer is more than 90 s from that of Redis")
	require.ErrorIs(t, err, fault.ErrClock)
}

func TestRun_AsksNothingWithoutAContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := script.Runner{Client: rig.Teller{Answer: func([]any) (any, error) { panic("asked") }}}
	_, err := r.Run(ctx, script.Call{Op: "Verify", Script: redis.NewScript("return 1"), Key: "key", Args: []any{"id"}})
	require.EqualError(t, err, "onetime: Verify: undecided: context canceled")
}

func TestReply_IsReadFromLeftToRight(t *testing.T) {
	r, err := run(t, int64(1), int64(7), int64(1), int64(0), int64(1500), int64(1700000000000), "", "twelve bytes")
	require.NoError(t, err)
	require.True(t, r.More())
	require.Equal(t, int64(7), r.Number())
	require.True(t, r.Flag())
	require.False(t, r.Flag())
	require.Equal(t, 1500*time.Millisecond, r.Duration())
	require.Equal(t, time.UnixMilli(1700000000000), r.Time())
	require.Empty(t, r.Text())
	require.Equal(t, "twelve bytes", r.ID())
	require.False(t, r.More())
	require.NoError(t, r.End("Verify"))
}

func TestReply_OfTheWrongShapeNeverEndsWell(t *testing.T) {
	number := func(r *script.Reply) { r.Number() }
	flag := func(r *script.Reply) { r.Flag() }
	text := func(r *script.Reply) { r.Text() }
	id := func(r *script.Reply) { r.ID() }
	for name, c := range map[string]struct {
		read  func(r *script.Reply)
		value any
		right bool
	}{
		"0":             {number, int64(0), true},
		"below 0":       {number, int64(-1), false},
		"no number":     {number, "1", false},
		"nothing":       {number, nil, false},
		"a flag":        {flag, int64(1), true},
		"a flag of 2":   {flag, int64(2), false},
		"a flag below":  {flag, int64(-1), false},
		"a text":        {text, "text", true},
		"no text":       {text, int64(1), false},
		"an error":      {text, errors.New("text"), false},
		"an id":         {id, "twelve bytes", true},
		"an id of 11":   {id, "eleven byte", false},
		"an id of 13":   {id, "thirteen byte", false},
		"what is there": {func(*script.Reply) {}, int64(1), false},
		"what is right": {func(r *script.Reply) { r.Number(); r.Fail() }, int64(1), false},
		"one too many":  {func(r *script.Reply) { r.Number(); r.Number() }, int64(1), false},
	} {
		r, err := run(t, int64(1), c.value)
		require.NoError(t, err, name)
		c.read(&r)
		if c.right {
			require.NoError(t, r.End("Verify"), name)
			continue
		}
		require.EqualError(t, r.End("Verify"), "onetime: Verify: undecided: reply of the wrong shape", name)
	}
	r, err := run(t, int64(1), "x", int64(1))
	require.NoError(t, err)
	r.Number()
	require.False(t, r.More(), "nobody loops over what is wrong")
}

func TestCheckAck_TimeoutIsShorterThanThatOfTheClient(t *testing.T) {
	node := func(timeout time.Duration) redis.Scripter {
		client := redis.NewClient(&redis.Options{ReadTimeout: timeout})
		t.Cleanup(func() { client.Close() })
		return client
	}
	cluster := func(timeout time.Duration) redis.Scripter {
		client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ReadTimeout: timeout})
		t.Cleanup(func() { client.Close() })
		return client
	}
	for name, c := range map[string]struct {
		client   redis.Scripter
		replicas int
		want     string
		timeout  time.Duration // of WithReplicaAck, a second where it is 0
	}{
		"longer":                         {client: node(time.Second + 1), replicas: 1},
		"the same":                       {client: node(time.Second), replicas: 1, want: "onetime: WithReplicaAck: timeout 1s: want less than the client's ReadTimeout of 1s"},
		"switched off":                   {client: node(time.Second), replicas: 0},
		"no end":                         {client: node(-1), replicas: 1},
		"longer, cluster":                {client: cluster(time.Second + 1), replicas: 2},
		"the same, cluster":              {client: cluster(time.Second), replicas: 2, want: "onetime: WithReplicaAck: timeout 1s: want less than the client's ReadTimeout of 1s"},
		"the default":                    {client: cluster(0), replicas: 1},
		"another client":                 {client: rig.Teller{}, replicas: 1, want: "onetime: WithReplicaAck: the client is a rig.Teller: want a *redis.Client or a *redis.ClusterClient"},
		"another, switched off":          {client: rig.Teller{}, replicas: 0},
		"below the default of a cluster": {client: cluster(0), replicas: 1, timeout: 5*time.Second - 1},
		"the default of a cluster": {client: cluster(0), replicas: 1, timeout: 5 * time.Second,
			want: "onetime: WithReplicaAck: timeout 5s: want less than the client's ReadTimeout of 5s"},
	} {
		r := script.Runner{Client: c.client, Replicas: c.replicas, AckTimeout: cmp.Or(c.timeout, time.Second)}
		err := r.CheckAck()
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, c.want, name)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
}
