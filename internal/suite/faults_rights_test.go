package suite_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// documentedRights returns the rights of each ACL line in the documents, by where it stands first.
func documentedRights(t *testing.T) map[string][]string {
	t.Helper()
	lines, found := map[string]bool{}, map[string][]string{}
	for _, document := range []string{"README.md", "docs/operations.md"} {
		if testing.Short() && document != "README.md" {
			continue
		}
		for i, line := range regexp.MustCompile(`(?m)^ACL SETUSER onetime on >PASSWORD (.*)$`).FindAllStringSubmatch(rig.Text(t, document), -1) {
			if !lines[line[1]] {
				lines[line[1]] = true
				found[fmt.Sprintf("line %d of %s", i+1, filepath.Base(document))] = strings.Fields(line[1])
			}
		}
	}
	require.NotEmpty(t, found)
	return found
}

// allow gives the user "limited" these rights and takes all others away.
func allow(t *testing.T, b *rig.Backend, rights []string) {
	t.Helper()
	args := []any{"ACL", "SETUSER", "limited", "reset", "on", ">password"}
	for _, right := range rights {
		args = append(args, right)
	}
	require.NoError(t, b.Raw.Do(t.Context(), args...).Err())
}

// asUser returns a client of a user with the rights of an ACL line.
func asUser(t *testing.T, b *rig.Backend, rights string) redis.UniversalClient {
	t.Helper()
	allow(t, b, strings.Fields(rights))
	t.Cleanup(func() { require.NoError(t, b.Raw.Do(context.Background(), "ACL", "DELUSER", "limited").Err()) })
	return limitedClient(t, b, strings.Fields(rights))
}

// limitedClient returns a client of the user "limited", of the kind that the rights are for.
func limitedClient(t *testing.T, b *rig.Backend, rights []string) redis.UniversalClient {
	t.Helper()
	var client redis.UniversalClient
	if slices.Contains(rights, "+cluster|slots") {
		client = redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{b.Raw.Options().Addr}, Username: "limited", Password: "password", ReadTimeout: unhurried, ContextTimeoutEnabled: true,
		})
	} else {
		client = redis.NewClient(&redis.Options{Addr: b.Raw.Options().Addr, Username: "limited", Password: "password", ReadTimeout: unhurried, ContextTimeoutEnabled: true})
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// onRights runs a test for each ACL line of the documents, with what its rights are for: a server, a cluster, a replica.
func onRights(t *testing.T, test func(t *testing.T, b *rig.Backend, rights []string, options []onetime.Option)) {
	t.Helper()
	rig.Needs(t, rig.Redis)
	documented := documentedRights(t)
	for _, where := range slices.Sorted(maps.Keys(documented)) {
		rights := documented[where]
		t.Run(where, func(t *testing.T) {
			start, options := rig.SharedRedis, fullOptions
			if slices.Contains(rights, "+cluster|slots") {
				start = rig.SharedCluster
			}
			s, err := start()
			require.NoError(t, err)
			if slices.Contains(rights, "+wait") {
				newReplica(t, s)
				options = acked(10 * time.Second)
			}
			b := onServer(t, s, rig.NewClient(s.Addr))
			b.Client = asUser(t, b, strings.Join(rights, " "))
			test(t, b, rights, options)
		})
	}
}

func TestFault_RightsOfTheDocumentsSuffice(t *testing.T) {
	onRights(t, func(t *testing.T, b *rig.Backend, _ []string, options []onetime.Option) {
		c := newTally(t)
		require.NoError(t, b.Raw.ScriptFlush(t.Context()).Err())
		normal(t, c, b, b.Manager(t, options...))
	})
}

func TestFault_RightTakenAway(t *testing.T) {
	onRights(t, func(t *testing.T, b *rig.Backend, rights []string, options []onetime.Option) {
		c := newTally(t)
		f := newFull(t, b, b.Manager(t, options...), rig.Alice)
		for i, right := range rights {
			rest := slices.Delete(slices.Clone(rights), i, i+1)
			allow(t, b, rest)
			missed := false
			for _, o := range f.operations {
				before := f.restore(t, nil)
				if right == "+eval" {
					require.NoError(t, b.Raw.ScriptFlush(t.Context()).Err())
				}
				err := c.call(unhurried, o.call)
				snapshot(t, b)
				if errors.Is(err, o.reason) {
					o.answered(t, err)
					continue
				}
				missed = true
				rig.Undecided(t, err)
				switch after := b.Record(t, f.key); {
				case maps.Equal(before, after):
				case !strings.HasPrefix(o.name, "Issue"):
					require.NoError(t, o.done(), "%s without %s: what is not undone is done", o.name, right)
				default:
					// Missed only after the first write, which cannot be taken back. It is made good once the right is there.
					require.Contains(t, []string{"+hdel", "+pexpireat"}, right, o.name)
					allow(t, b, rights)
					o.answered(t, c.call(unhurried, o.call))
					allow(t, b, rest)
				}
			}
			if !strings.HasPrefix(right, "+c") && right != "+asking" { // a client asks these when it is new, or redirected
				require.Equal(t, right != "+info", missed, "%s is not needed", right) // Check does without
			}

			// A new client, and a new person.
			fresh := (&rig.Backend{Client: limitedClient(t, b, rights)}).Manager(t, options...)
			f.restore(t, nil)
			verify := func(ctx context.Context) error { _, err := fresh.VerifyToken(ctx, f.link.Token); return err }
			if err := c.call(unhurried, verify); err != nil {
				rig.Undecided(t, err)
			} else {
				rig.Refused(t, c.call(unhurried, verify), onetime.ErrUsed)
			}
			err := c.call(unhurried, func(ctx context.Context) error { _, err := fresh.IssueToken(ctx, "somebody new"); return err })
			if err != nil {
				rig.Undecided(t, err)
			}
			require.Equal(t, err == nil, len(snapshot(t, b)) == 2, "a new key if it was issued")
			require.NoError(t, b.Raw.FlushAll(t.Context()).Err())
		}
		allow(t, b, rights)
		normal(t, c, b, b.Manager(t, options...))
	})
}
