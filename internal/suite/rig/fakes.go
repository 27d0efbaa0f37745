package rig

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// An Untouched is a Redis that fails the test as soon as it is asked anything.
type Untouched struct {
	redis.Scripter // nil: every other method panics
	// T is the test.
	T testing.TB
}

// EvalSha fails the test.
func (u Untouched) EvalSha(ctx context.Context, _ string, _ []string, args ...any) *redis.Cmd {
	return u.Eval(ctx, "", nil, args...)
}

// Eval fails the test.
func (u Untouched) Eval(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	u.T.Helper()
	u.T.Error("Redis was asked")
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(errors.New("asked Redis"))
	return cmd
}

// Offline returns a Manager that must not ask Redis.
func Offline(t testing.TB, opts ...onetime.Option) *onetime.Manager {
	t.Helper()
	m, err := onetime.New(Untouched{T: t}, onetimetest.Key, opts...)
	require.NoError(t, err)
	return m
}

// A Teller is a Redis that answers what it is told to.
type Teller struct {
	redis.Scripter
	// Answer returns what a script with these arguments answers.
	Answer func(args []any) (any, error)
}

// EvalSha calls Answer.
func (s Teller) EvalSha(ctx context.Context, _ string, _ []string, args ...any) *redis.Cmd {
	value, err := s.Answer(args)
	cmd := redis.NewCmd(ctx)
	cmd.SetVal(value)
	cmd.SetErr(err)
	return cmd
}

// A Recorder remembers the key and the arguments of the last script. A call without a Redis behind it fails.
type Recorder struct {
	redis.Scripter
	// Key and Args are those of the last script.
	Key  string
	Args []any
}

// EvalSha notes the call and passes it on.
func (r *Recorder) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	r.Key, r.Args = keys[0], args
	if r.Scripter == nil {
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(errors.New("no Redis behind the recorder"))
		return cmd
	}
	return r.Scripter.EvalSha(ctx, sha, keys, args...)
}

// A TokenRedis takes any token that is issued, or gives one back.
type TokenRedis struct {
	*Recorder
	// Verify is what follows the status when a token is verified, up to the call; nil where tokens are issued.
	Verify []any
}

// EvalSha notes the call and answers it.
func (a *TokenRedis) EvalSha(ctx context.Context, _ string, keys []string, args ...any) *redis.Cmd {
	a.Key, a.Args = keys[0], args
	cmd := redis.NewCmd(ctx)
	if a.Verify == nil {
		cmd.SetVal([]any{args[0], int64(1), int64(0), int64(0), args[0]})
	} else {
		cmd.SetVal(append(append([]any{args[0], int64(1)}, a.Verify...), args[0], int64(0)))
	}
	return cmd
}
