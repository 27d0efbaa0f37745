package model

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// A server is a Redis whose clock stands still until the test moves it, so that answers can be foretold to the
// millisecond. It is the client of the Managers, too.
type server struct {
	*redis.Client
	mini *miniredis.Miniredis // nil on a real server

	now    int64
	repeat bool // send each command twice and answer with the second reply, as a client does that lost the first
	last   *sent

	flaw   flaw
	hashes map[string]string // of what runs by that of a script: with the clock in front of it, or a flaw in it
}

// A flaw is a change to a script that breaks a rule. The zero value is none.
type flaw struct{ text, becomes string }

// A sent is a command as Redis got it, to be sent once more: at the time that it is then.
type sent struct {
	id  string // of the call
	run func() *redis.Cmd
}

// The clock starts where no real one is yet: a real server expires nothing by itself.
const start = 4102444800000 // 2100-01-01

/*
clock goes in front of a script on a real server, whose clock nobody can move. The script stays as it is: it finds a redis
that answers TIME with the last argument, which it does not see, and PTTL with what is left until the key's end by that.
The time has a part of a millisecond, which scripts have to drop.
*/
const clock = `
local server, now = redis, tonumber(table.remove(ARGV))
local redis = setmetatable({call = function(command, ...)
  if command == 'TIME' then
    return {string.format('%d', math.floor(now / 1000)), string.format('%d', now % 1000 * 1000 + 999)}
  elseif command == 'PTTL' then
    local at = server.call('PEXPIRETIME', ...)
    return at < 0 and at or at - now
  end
  return server.call(command, ...)
end}, {__index = server})
`

func newMiniredis(t *testing.T) *server {
	t.Helper()
	mini := miniredis.RunT(t)
	s := &server{Client: redis.NewClient(&redis.Options{Addr: mini.Addr()}), mini: mini, hashes: map[string]string{}}
	t.Cleanup(func() { s.Close() })
	return s
}

func newRedis(t *testing.T) *server {
	t.Helper()
	real := rig.NewServer(t)
	s := &server{Client: redis.NewClient(&redis.Options{Addr: real.Addr}), hashes: map[string]string{}}
	t.Cleanup(func() { s.Close() })
	return s
}

// empty forgets all records and sets the clock to its start.
func (s *server) empty(t require.TestingT) {
	require.NoError(t, s.FlushAll(context.Background()).Err())
	s.now = start
	if s.mini != nil {
		s.mini.SetTime(time.UnixMilli(s.now))
	}
}

// move moves the clock, back if d is negative, and lets go of what has expired.
func (s *server) move(t require.TestingT, d int64) {
	s.now += d
	if s.mini != nil {
		s.mini.SetTime(time.UnixMilli(s.now))
		s.mini.FastForward(ms(d))
		return
	}
	for key, end := range s.ends(t) {
		if end <= s.now {
			require.NoError(t, s.Del(context.Background(), key).Err())
		}
	}
}

// ends returns when Redis lets go of each key. A key without a TTL has -1.
func (s *server) ends(t require.TestingT) map[string]int64 {
	ctx := context.Background()
	keys, err := s.Keys(ctx, "*").Result()
	require.NoError(t, err)
	replies := make([]*redis.Cmd, len(keys))
	_, err = s.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			replies[i] = p.Do(ctx, "PEXPIRETIME", key)
		}
		return nil
	})
	require.NoError(t, err)
	ends := map[string]int64{}
	for i, key := range keys {
		ends[key], err = replies[i].Int64()
		require.NoError(t, err)
	}
	return ends
}

// endsOf sorts the ends of the records of a purpose.
func endsOf(purpose string, ends map[string]int64) (of []int64) {
	for key, end := range ends {
		if strings.HasPrefix(key, "onetime:v1:"+purpose+":{") {
			of = append(of, end-start)
		}
	}
	slices.Sort(of)
	return of
}

func (s *server) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	hash := redis.NewScript(script).Hash()
	script = strings.Replace(script, s.flaw.text, s.flaw.becomes, 1)
	if s.mini == nil {
		script = clock + script
	}
	s.hashes[hash] = redis.NewScript(script).Hash()
	return s.send(args, func(args ...any) *redis.Cmd { return s.Client.Eval(ctx, script, keys, args...) })
}

func (s *server) EvalSha(ctx context.Context, hash string, keys []string, args ...any) *redis.Cmd {
	if known, ok := s.hashes[hash]; ok {
		hash = known
	}
	return s.send(args, func(args ...any) *redis.Cmd { return s.Client.EvalSha(ctx, hash, keys, args...) })
}

func (s *server) send(args []any, to func(args ...any) *redis.Cmd) *redis.Cmd {
	args = slices.Clone(args)
	command := func() *redis.Cmd {
		if s.mini == nil {
			return to(append(slices.Clone(args), s.now)...)
		}
		return to(args...)
	}
	id, _ := args[0].(string)
	s.last = &sent{id, command}
	if s.repeat {
		if first := command(); first.Err() != nil {
			return first
		}
	}
	return command()
}
