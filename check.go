package onetime

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// Check asks whether this Redis and this client can be relied on, at start-up or from a health probe. It is an error
// if scripts do not run, if the server is a replica or older than Redis 5, if it may evict records under memory pressure
// (maxmemory is set and maxmemory-policy is not noeviction), if it has fewer replicas than [WithReplicaAck] asks for, or
// if the client ignores the deadlines of contexts. What it cannot see, for want of a permission, say, it does not report.
func (m *Manager) Check(ctx context.Context) error {
	start := time.Now()
	// No subject is empty, so this record is nobody's.
	purpose := m.config.policy.Purpose
	_, err := m.runStatus(ctx, "Check", keyring.Challenge{Purpose: purpose, Tag: m.ring.Tag(purpose, ""), Binding: keyring.Unbound})
	err = errors.Join(err, m.checkServer(ctx), checkOptions(m.config.runner.Client))
	m.observe(ctx, Event{Op: "Check", Err: err}, start)
	return err
}

// checkServer reports what the server says of itself that cannot be right. That it may not be asked is no error.
func (m *Manager) checkServer(ctx context.Context) error {
	if cluster, ok := m.config.runner.Client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return m.checkInfo(node.Info(ctx).Val())
		})
	}
	if server, ok := m.config.runner.Client.(interface {
		Info(context.Context, ...string) *redis.StringCmd
	}); ok {
		return m.checkInfo(server.Info(ctx).Val())
	}
	return nil
}

func (m *Manager) checkInfo(info string) error {
	known := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		known[name] = value
	}
	var errs []error
	major, _, _ := strings.Cut(known["redis_version"], ".")
	if n, err := strconv.Atoi(major); err == nil && n < 5 {
		errs = append(errs, fmt.Errorf("onetime: Check: Redis %s: want 7, and no less than 5: older ones refuse scripts that ask for the time and write", known["redis_version"]))
	}
	if n, err := strconv.Atoi(known["connected_slaves"]); err == nil && n < m.config.runner.Replicas {
		errs = append(errs, fmt.Errorf("onetime: Check: %d replicas: want the %d of WithReplicaAck, or nothing verifies", n, m.config.runner.Replicas))
	}
	if known["role"] == "slave" {
		errs = append(errs, errors.New("onetime: Check: the server is a replica: want the primary"))
	}
	if policy := known["maxmemory_policy"]; known["maxmemory"] != "" && known["maxmemory"] != "0" && policy != "" && policy != "noeviction" {
		errs = append(errs, fmt.Errorf("onetime: Check: maxmemory-policy is %s: want noeviction, or used secrets and locks are forgotten", policy))
	}
	return errors.Join(errs...)
}

// checkOptions reports what is wrong with a client whose options can be seen.
func checkOptions(rdb redis.Scripter) error {
	honours := true
	switch client := rdb.(type) {
	case *redis.Client:
		honours = client.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		honours = client.Options().ContextTimeoutEnabled
	}
	if !honours {
		return errors.New("onetime: Check: the client ignores deadlines of contexts: want ContextTimeoutEnabled in its options")
	}
	return nil
}
