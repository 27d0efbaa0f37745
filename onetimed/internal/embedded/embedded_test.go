package embedded

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/stretchr/testify/require"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func TestOpen_IsReachedWithoutAPort(t *testing.T) {
	r := Open()
	defer r.Close()
	require.Nil(t, r.server.Server(), "a server that was told to listen")
	require.NoError(t, r.Client.Ping(t.Context()).Err())
	m, err := onetime.New(r.Client, key)
	require.NoError(t, err)
	otp, err := m.IssueOTP(t.Context(), "ann@example.com")
	require.NoError(t, err)
	_, err = m.VerifyOTP(t.Context(), "ann@example.com", otp.Code)
	require.NoError(t, err)
}

func TestOpen_KeysExpireAsTimeGoesBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Open()
		defer r.Close()
		ctx := t.Context()
		require.NoError(t, r.Client.Set(ctx, "short", "x", time.Minute).Err())
		require.NoError(t, r.Client.Set(ctx, "long", "x", time.Hour).Err())
		before := r.Client.Time(ctx).Val()
		time.Sleep(time.Minute + 2*tick)
		synctest.Wait()
		require.Zero(t, r.Client.Exists(ctx, "short").Val())
		require.EqualValues(t, 1, r.Client.Exists(ctx, "long").Val())
		require.GreaterOrEqual(t, r.Client.Time(ctx).Val().Sub(before), time.Minute)
		r.Close() // the connections of the client end inside the bubble
	})
}

func TestClose_MayBeCalledAgain(t *testing.T) {
	r := Open()
	r.Close()
	r.Close()
	require.Error(t, r.Client.Ping(t.Context()).Err())
}

// What a sweep at each command would drop is still there: no command walks all keys.
func TestOpen_NoCommandWalksAllKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Open()
		defer r.Close()
		require.NoError(t, r.Client.Set(t.Context(), "short", "x", time.Second).Err())
		time.Sleep(tick / 2)
		require.NoError(t, r.Client.Ping(t.Context()).Err())
		require.True(t, r.server.Exists("short"))
		r.Close()
	})
}

// BenchmarkVerify shows what a call takes with few and with many records: about the same. With a walk of all keys before
// each command, 50,000 of them make it a hundred times slower.
func BenchmarkVerify(b *testing.B) {
	for _, records := range []int{100, 50_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			r := Open()
			defer r.Close()
			m, err := onetime.New(r.Client, key, onetime.WithSendLimits())
			require.NoError(b, err)
			for i := range records { // as long and as many as those of people, and soon made
				r.server.HSet(fmt.Sprintf("onetime:v1:login:{%022d}", i), "1", fmt.Sprintf("%064d", i), "s30", fmt.Sprintf("%013d", i))
				r.server.SetTTL(fmt.Sprintf("onetime:v1:login:{%022d}", i), time.Hour)
			}
			b.ReportAllocs()
			for b.Loop() {
				otp, err := m.IssueOTP(b.Context(), "ann")
				require.NoError(b, err)
				_, err = m.VerifyOTP(b.Context(), "ann", otp.Code)
				require.NoError(b, err)
			}
		})
	}
}
