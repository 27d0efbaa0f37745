package once_test

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestMain(m *testing.M) { rig.Main(m, rig.Redis) }

const period = 30 * time.Second

// A scene is a Redis and a person whose codes it judges.
type scene struct {
	*rig.Backend
	inside *core.Core
	who    keyring.Challenge
}

func newScene(t *testing.T, b *rig.Backend, opts ...onetime.Option) *scene {
	t.Helper()
	m := b.Manager(t, opts...)
	return &scene{b, core.Of(m), rig.Challenge(m, rig.Alice, "")}
}

// onMini runs a test on miniredis, whose clock can be moved.
func onMini(t *testing.T, opts ...onetime.Option) *scene {
	t.Helper()
	return newScene(t, rig.NewMini(t, time.Now().Truncate(time.Millisecond)), opts...)
}

// now is the time of Redis.
func (s *scene) now(t *testing.T) time.Time {
	t.Helper()
	if s.Mini != nil {
		return s.Now
	}
	now, err := s.Raw.Time(t.Context()).Result()
	require.NoError(t, err)
	return now
}

// step is so many time steps from that of Redis.
func (s *scene) step(t *testing.T, beside int64, used ...int64) once.Number {
	n := once.Number{Kind: once.Step, Secret: "a secret", Number: s.now(t).Unix()/30 + beside, Period: period, Back: 2, Ahead: 2}
	for _, used := range used {
		n.Used = used
	}
	return n
}

func counter(used, number int64) once.Number {
	return once.Number{Kind: once.Counter, Secret: "a secret", Used: used, Number: number}
}

func index(used, number int64) once.Number {
	return once.Number{Kind: once.Index, Secret: "a secret", Used: used, Number: number}
}

func (s *scene) call(t *testing.T, numbers ...once.Number) once.Call {
	return once.Call{Op: "Verify", Mode: once.Verify, Challenge: s.who, Local: s.now(t), Numbers: numbers}
}

func (s *scene) run(t *testing.T, c once.Call) (once.Use, error) {
	t.Helper()
	return once.Run(t.Context(), s.inside, c)
}

// takes requires that a number is taken.
func (s *scene) takes(t *testing.T, numbers ...once.Number) once.Use {
	t.Helper()
	use, err := s.run(t, s.call(t, numbers...))
	require.NoError(t, err)
	return use
}

func (s *scene) refuses(t *testing.T, reason error, numbers ...once.Number) *onetime.DeniedError {
	t.Helper()
	_, err := s.run(t, s.call(t, numbers...))
	return rig.Refused(t, err, reason)
}

func (s *scene) undo(t *testing.T, u once.Use) error {
	t.Helper()
	return once.Undo(t.Context(), s.inside, "Undo", s.ticket(u))
}

func (s *scene) ticket(u once.Use) once.Ticket {
	return once.Ticket{Challenge: s.who, Kind: u.Number.Kind, Secret: u.Number.Secret, Call: u.Call}
}

// A tape remembers the last command, so that a copy of it can run late.
type tape struct {
	redis.Scripter
	last func(ctx context.Context) *redis.Cmd
}

func (r *tape) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	r.last = func(ctx context.Context) *redis.Cmd { return r.Scripter.EvalSha(ctx, sha, keys, args...) }
	return r.Scripter.EvalSha(ctx, sha, keys, args...)
}

// taped is newScene with a tape of its commands.
func taped(t *testing.T, b *rig.Backend) (*scene, *tape) {
	t.Helper()
	r := &tape{Scripter: b.Client}
	copied := *b
	copied.Client = r
	s := newScene(t, &copied, rig.ManyGuesses)
	return s, r
}

// ranLate runs a copy of a command and returns its answer behind the id of the call.
func ranLate(t *testing.T, command func(ctx context.Context) *redis.Cmd) []any {
	t.Helper()
	values, err := command(t.Context()).Slice()
	require.NoError(t, err)
	return values[1:]
}

func hexOf(text string) string { return hex.EncodeToString([]byte(text)) }
