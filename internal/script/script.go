// Package script runs one Lua script on one key and reads what it answers. It is the only package that talks to Redis.
package script

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// A Runner runs scripts with one client. It is immutable.
type Runner struct {
	Client redis.Scripter
	// Prefix leads all Redis keys.
	Prefix string
	// Replicas and AckTimeout are those of WithReplicaAck; 0 replicas switch it off.
	Replicas   int
	AckTimeout time.Duration
	// Denied makes the error of a refusal.
	Denied func(reason error, attemptsLeft int, retryAfter time.Duration) error
}

// A Call is one run of a script.
type Call struct {
	Op     string // the method, for errors
	Script *redis.Script
	Key    string
	Args   []any // the first is the id of the call
	Ack    bool  // what it writes must be acknowledged, if WithReplicaAck is set
}

// Run sends one EVALSHA with one key, and an EVAL if the server does not know the script. Anything but OK is an error: a
// refusal, or undecided.
func (r *Runner) Run(ctx context.Context, c Call) (Reply, error) {
	if err := ctx.Err(); err != nil {
		return Reply{}, fault.Undecided(c.Op, err)
	}
	var values []any
	var acked int64
	var err error
	ack := c.Ack && r.Replicas > 0
	if ack {
		values, acked, err = r.acknowledged(ctx, c.Script, c.Key, c.Args)
	} else {
		values, err = c.Script.Run(ctx, r.Client, []string{c.Key}, c.Args...).Slice()
	}
	switch {
	case err != nil:
		r.lookAgain(ctx, err)
		return Reply{}, fault.Undecided(c.Op, err)
	case len(values) < 2:
		return Reply{}, fault.Undecided(c.Op, errReply)
	case values[0] != c.Args[0]: // connections have been mixed up before
		return Reply{}, fault.Undecided(c.Op, errors.New("reply to another call"))
	}
	reply := Reply{rest: values[1:]}
	number := reply.Number()
	if number == fault.Clock {
		return Reply{}, fault.Undecided(c.Op, fault.ErrClock)
	}
	status, refused := fault.StatusOfNumber(number)
	if !refused && number != fault.OK {
		return Reply{}, fault.Undecided(c.Op, fmt.Errorf("unknown status %d", number))
	}
	// Other refusals wrote nothing that could be lost.
	if ack && acked < int64(r.Replicas) && (!refused || status.Wrote) {
		return Reply{}, fault.Undecided(c.Op, fmt.Errorf("%d of %d replicas acknowledged within %s; what was used stays used",
			acked, r.Replicas, r.AckTimeout))
	}
	if !refused {
		return reply, nil
	}
	var attemptsLeft int
	var retryAfter time.Duration
	if status.Attempts {
		attemptsLeft = int(reply.Number())
	}
	if status.Wait {
		retryAfter = reply.Duration()
	}
	if err := reply.End(c.Op); err != nil {
		return Reply{}, err
	}
	return Reply{}, r.Denied(status.Err, attemptsLeft, retryAfter)
}

// RunStatusOnly runs a script that is answered with no more than its status.
func (r *Runner) RunStatusOnly(ctx context.Context, c Call) error {
	reply, err := r.Run(ctx, c)
	if err != nil {
		return err
	}
	return reply.End(c.Op)
}

// lookAgain makes the client of a cluster ask for the primaries, in the background and once for many callers. By itself it
// does when a node redirects it, and each minute: not when a node is gone, and another has taken over.
func (r *Runner) lookAgain(ctx context.Context, err error) {
	var answered redis.Error
	if cluster, ok := r.Client.(*redis.ClusterClient); ok && !errors.As(err, &answered) {
		cluster.ReloadState(ctx)
	}
}
