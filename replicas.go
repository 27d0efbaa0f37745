package onetime

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// checkAck holds WithReplicaAck against the client: WAIT speaks of the writes of its own connection, so the script and
// WAIT must share one, and its reply must be waited for.
func (c *config) checkAck(rdb redis.Scripter) error {
	if c.replicas == 0 {
		return nil
	}
	var patience time.Duration
	switch client := rdb.(type) {
	case *redis.Client:
		patience = client.Options().ReadTimeout
	case *redis.ClusterClient:
		patience = client.Options().ReadTimeout
	default:
		return invalid("WithReplicaAck: the client is a %T: want a *redis.Client or a *redis.ClusterClient", rdb)
	}
	if patience > 0 && patience <= c.ackTimeout {
		return invalid("WithReplicaAck: timeout %s: want less than the client's ReadTimeout of %s", c.ackTimeout, patience)
	}
	return nil
}

// acknowledged sends a script and WAIT in one pipeline, so one connection and one round trip, and returns the script's
// reply and how many replicas have what it wrote. Nodes of a cluster are asked by their own clients, which follow no
// redirection: that is done here.
func (m *Manager) acknowledged(ctx context.Context, script *redis.Script, key string, args []any) ([]any, int64, error) {
	node, _ := m.rdb.(*redis.Client)
	cluster, _ := m.rdb.(*redis.ClusterClient)
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
			acked = p.Do(ctx, "WAIT", m.config.replicas, m.config.ackTimeout.Milliseconds())
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
			addr, moved := redis.IsMovedError(err)
			if !moved {
				addr, ask = redis.IsAskError(err)
			}
			if !moved && !ask {
				backOff(ctx, cluster.Options(), attempt)
			}
			if node, err = primary(ctx, cluster, addr, key); err != nil {
				return nil, 0, err
			}
		}
	}
}

// passing tells errors that a cluster gives while it changes, and those of a connection, from those that stay.
func passing(err error) bool {
	var answered redis.Error
	if !errors.As(err, &answered) {
		return true
	}
	for _, prefix := range []string{"MOVED ", "ASK ", "READONLY ", "CLUSTERDOWN ", "MASTERDOWN ", "LOADING ", "TRYAGAIN "} {
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

// primary returns the client of the primary at addr, or of that which has the key, by a new look at the cluster.
func primary(ctx context.Context, cluster *redis.ClusterClient, addr, key string) (*redis.Client, error) {
	var found atomic.Pointer[redis.Client]
	err := cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		if node.Options().Addr == addr {
			found.Store(node)
		}
		return nil
	})
	if node := found.Load(); node != nil || err != nil {
		return node, err
	}
	return cluster.MasterForKey(ctx, key)
}
