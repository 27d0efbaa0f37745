package suite_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// Without the replica the use of a factor is undecided, and the number stays used; so is the second call about it, which has
// written again; and so is a wrong code, which is charged.
func TestReplicaAck_OfAFactorTooFewIsUndecidedAndTheNumberStaysUsed(t *testing.T) {
	t.Parallel() // most of it is waiting
	primary, replica, m := replicated(t)
	c := newTally(t)
	f := rig.NewFactors(t, m, rig.Alice)
	code := f.Shown(f.Step())
	app := func(ctx context.Context) error { _, err := f.Verify(ctx, rig.Alice, code, [][]byte{f.App}); return err }
	token := func(ctx context.Context) error {
		_, err := f.Verify(ctx, rig.Alice, f.Pressed(0), [][]byte{f.Token})
		return err
	}
	wrong := func(ctx context.Context) error {
		_, err := f.Verify(ctx, rig.Alice, f.Wrong(0), [][]byte{f.App})
		return err
	}
	recovery := func(ctx context.Context) error {
		_, err := f.VerifyRecovery(ctx, rig.Alice, f.Recovery.Codes[0], f.Recovery.Blob)
		return err
	}
	require.NoError(t, c.call(unhurried, func(ctx context.Context) error { // loads the script
		_, err := f.VerifyRecovery(ctx, rig.Alice, f.Recovery.Codes[1], f.Recovery.Blob)
		return err
	}))

	require.NoError(t, replica.Pause())
	for _, call := range []func(ctx context.Context) error{wrong, recovery, token, app, wrong} {
		start := time.Now()
		err := c.call(unhurried, call)
		rig.Undecided(t, err)
		require.ErrorContains(t, err, "0 of 1 replicas acknowledged within 200ms; what was used stays used")
		require.GreaterOrEqual(t, time.Since(start), 200*time.Millisecond, "WAIT was waited for")
	}
	for name, call := range map[string]func(ctx context.Context) error{"app": app, "token": token, "recovery": recovery} {
		rig.Refused(t, c.use(name, unhurried, call), onetime.ErrUsed) // wrote nothing that could be lost
	}
	require.Equal(t, 1, rig.MustStatus(t, f.Manager(), rig.Alice).Failures, "the wrong code since the successes is charged")

	require.NoError(t, replica.Resume())
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	for name, call := range map[string]func(ctx context.Context) error{"app": app, "token": token, "recovery": recovery} {
		rig.Refused(t, c.use(name, unhurried, call), onetime.ErrUsed)
	}
}

// The repeat of a use whose reply was lost comes on another connection: it writes again, or WAIT would not cover it.
func TestReplicaAck_RepeatedUseOfAFactorWaitsForTheReplica(t *testing.T) {
	t.Parallel() // most of it is waiting
	primary, replica, direct := replicated(t)
	c := newTally(t)
	proxy := rig.NewProxy(t, primary.Addr)
	lossy := func(timeout time.Duration) *rig.Factors {
		client := redis.NewClient(&redis.Options{Addr: primary.Addr, Dialer: rig.Dialer(proxy), ContextTimeoutEnabled: true})
		return rig.NewFactors(t, acknowledgedIn(t, client, timeout), rig.Alice)
	}
	f, long := lossy(200*time.Millisecond), lossy(4*time.Second)
	use := func(f *rig.Factors, i int) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, err := f.VerifyRecovery(ctx, rig.Alice, f.Recovery.Codes[i], f.Recovery.Blob)
			return err
		}
	}
	long.Recovery = f.Recovery
	require.NoError(t, c.use("0", unhurried, use(f, 0)))

	require.NoError(t, replica.Pause())
	before := proxy.Losses()
	proxy.LoseNext(1, nil)
	rig.Undecided(t, c.use("1", unhurried, use(f, 1)))
	require.Equal(t, before+1, proxy.Losses())
	require.NoError(t, replica.Resume())
	rig.Eventually(t, func(ctx context.Context) error { return replica.Follows(ctx, primary) })
	plain := rig.NewFactors(t, direct, rig.Alice)
	plain.Recovery = f.Recovery
	rig.Refused(t, c.use("1", unhurried, use(plain, 1)), onetime.ErrUsed)

	// With the replica back a repeat is a success.
	require.NoError(t, c.use("2", unhurried, use(long, 2)))
	proxy.LoseNext(1, nil)
	require.NoError(t, c.use("3", unhurried, use(long, 3)))
	require.Equal(t, before+2, proxy.Losses())
}
