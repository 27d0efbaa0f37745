package script

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// CheckAck holds WithReplicaAck against the client: WAIT speaks of the writes of its own connection, so the script and
// WAIT must share one, and its reply must be waited for.
func (r *Runner) CheckAck() error {
	if r.Replicas == 0 {
		return nil
	}
	var patience time.Duration
	switch client := r.Client.(type) {
	case *redis.Client:
		patience = client.Options().ReadTimeout
	case *redis.ClusterClient:
		// None there is 5 s with its nodes, whose clients take 0 for the default.
		patience = cmp.Or(client.Options().ReadTimeout, 5*time.Second)
	default:
		return fault.Invalid("onetime: WithReplicaAck: the client is a %T: want a *redis.Client or a *redis.ClusterClient", r.Client)
	}
	if patience > 0 && patience <= r.AckTimeout {
		return fault.Invalid("onetime: WithReplicaAck: timeout %s: want less than the client's ReadTimeout of %s", r.AckTimeout, patience)
	}
	return nil
}

// acknowledged sends a script and WAIT in one pipeline, so one connection and one round trip, and returns the script's
// reply and how many replicas have what it wrote. Nodes of a cluster are asked by their own clients, which follow no
// redirection: that is done here.
func (r *Runner) acknowledged(ctx context.Context, script *redis.Script, key string, args []any) ([]any, int64, error) {
	node, _ := r.Client.(*redis.Client)
	cluster, _ := r.Client.(*redis.ClusterClient)
	retries := 0 // but those of go-redis
	if cluster != nil {
		var err error
		if node, err = cluster.MasterForKey(ctx, key); err != nil {
			return nil, 0, err
		}
		retries = cluster.Options().MaxRedirects
	}
	send, known, ask := script.EvalSha, true, false
	for attempt := 0; ; attempt++ {
		var answer, acked *redis.Cmd
		// Its error counts, not that of a command: where retries run out, commands keep what they had.
		_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
			if ask {
				p.Do(ctx, "ASKING")
			}
			answer = send(ctx, p, []string{key}, args...)
			acked = p.Do(ctx, "WAIT", r.Replicas, r.AckTimeout.Milliseconds())
			return nil
		})
		switch {
		case err == nil:
			values, errAnswer := answer.Slice()
			replicas, errAcked := acked.Int64()
			return values, replicas, errors.Join(errAnswer, errAcked)
		case known && redis.HasErrorPrefix(err, "NOSCRIPT"):
			send, known = script.Eval, false
			attempt--
		case attempt == retries || ctx.Err() != nil || !passing(err):
			return nil, 0, err
		default:
			var addr string
			if addr, ask = redis.IsAskError(err); !ask {
				addr, _ = redis.IsMovedError(err)
			}
			cluster.ReloadState(ctx)
			if addr != "" {
				node = redirected(cluster, node, addr)
				defer node.Close()
				continue
			}
			backOff(ctx, cluster.Options(), attempt)
			if node, err = cluster.MasterForKey(ctx, key); err != nil {
				return nil, 0, err
			}
		}
	}
}

// passing reports whether an error is one of a cluster that changes, or of a connection, and may be over soon. UNBLOCKED is
// WAIT's answer from a primary that becomes a replica, and forgets what it wrote last.
func passing(err error) bool {
	var answered redis.Error
	if !errors.As(err, &answered) {
		return true
	}
	for _, prefix := range []string{"MOVED ", "ASK ", "READONLY ", "CLUSTERDOWN ", "MASTERDOWN ", "LOADING ", "TRYAGAIN ", "UNBLOCKED "} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// backOff waits as long as go-redis does between its own retries.
func backOff(ctx context.Context, options *redis.ClusterOptions, attempt int) {
	select {
	case <-time.After(min(options.MinRetryBackoff<<attempt, options.MaxRetryBackoff)):
	case <-ctx.Done():
	}
}

// redirected returns a client, to be closed, of the node that another one named. The cluster's own client of it cannot be
// had: that would take a look at the cluster first, which hangs where any node does, and does not show a new node that
// imports its first slot. Redirections are few: of keys of a slot that is being moved, and until the cluster's client has
// looked again.
func redirected(cluster *redis.ClusterClient, from *redis.Client, addr string) *redis.Client {
	options := *from.Options()
	if i := strings.LastIndexByte(addr, ':'); strings.IndexByte(addr, ':') < i && addr[0] != '[' {
		addr = net.JoinHostPort(addr[:i], addr[i+1:]) // Redis writes ::1:6379
	}
	options.Addr, options.NodeAddress, options.MaxRetries, options.MinIdleConns = addr, "", -1, 0
	return cluster.Options().NewClient(&options)
}
