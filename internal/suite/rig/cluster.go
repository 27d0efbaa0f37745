package rig

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// ClusterNode are the arguments with which a node of a cluster starts. It takes no busy machine for a dead node (see
// ExpectTakeover), and no replica for too old to take over.
var ClusterNode = []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "30000", "--cluster-require-full-coverage", "no",
	"--cluster-replica-validity-factor", "0"}

// ExpectTakeover lets nodes be taken for dead after a second without an answer, until done is called.
func ExpectTakeover(t testing.TB, nodes []*Server) (done func()) {
	t.Helper()
	set := func(timeout int) {
		for _, node := range nodes {
			node.Must(t, "CONFIG", "SET", "cluster-node-timeout", timeout)
		}
	}
	set(1000)
	return func() { t.Helper(); set(30000) }
}

// NewCluster starts three primaries and three replicas for one test; the primaries come first.
func NewCluster(t testing.TB) []*Server {
	t.Helper()
	nodes := make([]*Server, 6)
	ids := make([]string, len(nodes))
	for i := range nodes {
		nodes[i] = NewServer(t, ClusterNode...)
		ids[i], _ = nodes[i].Must(t, "CLUSTER", "MYID").(string)
		if i < 3 {
			nodes[i].Must(t, "CLUSTER", "ADDSLOTSRANGE", i*16384/3, (i+1)*16384/3-1)
			nodes[i].Must(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		}
		host, port := nodes[0].HostPort()
		nodes[i].Must(t, "CLUSTER", "MEET", host, port)
	}
	knows := func(i int, what string) {
		Eventually(t, func(ctx context.Context) error {
			if text, err := nodes[i].Do(ctx, "CLUSTER", "NODES").Text(); err != nil || strings.Count(text, what) != len(nodes)/2 {
				return fmt.Errorf("node %d: %s%w", i, text, err)
			}
			return nil
		})
	}
	for i := range nodes {
		Eventually(t, func(ctx context.Context) error {
			text, err := nodes[i].Do(ctx, "CLUSTER", "NODES").Text()
			for _, id := range ids {
				if !strings.Contains(text, id) {
					return fmt.Errorf("node %d does not know all: %s%w", i, text, err)
				}
			}
			return nil
		})
	}
	for i := 3; i < len(nodes); i++ {
		nodes[i].Must(t, "CLUSTER", "REPLICATE", ids[i-3])
		Eventually(t, func(ctx context.Context) error { return nodes[i].Follows(ctx, nodes[i-3]) })
	}
	for i := range nodes {
		knows(i, "slave ")
		Eventually(t, nodes[i].ClusterOK)
	}
	return nodes
}
