package env

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOpen_EmbeddedRedisGoesWithTime(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	t.Setenv("ONETIME_KEY", "")
	rdb, key, end, err := Open(io.Discard)
	require.NoError(t, err)
	defer end()
	require.Len(t, key, 32)
	require.True(t, rdb.Options().ContextTimeoutEnabled)

	ctx := context.Background()
	require.NoError(t, rdb.Set(ctx, "short", "x", 20*time.Millisecond).Err())
	require.NoError(t, rdb.Set(ctx, "long", "x", time.Hour).Err())
	now, err := rdb.Time(ctx).Result()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), now, time.Minute)
	for deadline := time.Now().Add(2 * time.Minute); rdb.Exists(ctx, "short").Val() != 0; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "it never expired")
	}
	require.Equal(t, int64(1), rdb.Exists(ctx, "long").Val())
	later, err := rdb.Time(ctx).Result()
	require.NoError(t, err)
	require.True(t, later.After(now))
}
