package main

import (
	"context"
	"encoding/base32"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
)

var (
	secret = []byte("12345678901234567890")
	text   = base32.StdEncoding.EncodeToString(secret)
)

// shown is what an app shows now. It is made once in a while, so that a benchmark measures verifications.
func shown(b *testing.B) func() string {
	b.Helper()
	var code atomic.Value
	renew := func() {
		made, err := totp.GenerateCode(text, time.Now())
		if err != nil {
			panic(err)
		}
		code.Store(made)
	}
	renew()
	ticker := time.NewTicker(time.Second)
	done := make(chan struct{})
	b.Cleanup(func() { ticker.Stop(); close(done) })
	go func() {
		for {
			select {
			case <-ticker.C:
				renew()
			case <-done:
				return
			}
		}
	}()
	return func() string { return code.Load().(string) }
}

// BenchmarkTOTP prints verifications of an app's codes a second by 50 callers: pquerna/otp's bare Validate, which remembers
// nothing and so takes a code again; an EVALSHA that does nothing, the ceiling of what asks Redis once; and ours.
func BenchmarkTOTP(b *testing.B) {
	code := shown(b)
	parallel := func(b *testing.B, verify func(i int) error) {
		b.Helper()
		var next atomic.Int64
		b.SetParallelism(25) // times GOMAXPROCS
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := verify(int(next.Add(1) - 1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "verifications/s")
	}
	b.Run("pquerna Validate", func(b *testing.B) {
		parallel(b, func(int) error {
			if !totp.Validate(code(), text) {
				return onetime.ErrMismatch
			}
			return nil
		})
	})

	options, end, err := open(b.Context())
	require.NoError(b, err)
	defer end()
	options.PoolSize = 50
	client := redis.NewClient(options)
	defer client.Close()
	pipeliner, err := client.AutoPipeline()
	require.NoError(b, err)
	defer pipeliner.Close()
	for _, by := range []struct {
		name string
		rdb  redis.Scripter
	}{{"plain", client}, {"AutoPipeline", pipeliner}} {
		b.Run("ceiling "+by.name, func(b *testing.B) {
			script := redis.NewScript("return {ARGV[1], 1, 1}")
			require.NoError(b, script.Load(b.Context(), client).Err())
			arg := make([]byte, 100) // about what a verification sends
			parallel(b, func(i int) error {
				return script.EvalSha(context.Background(), by.rdb, []string{fmt.Sprint("onetime:", i)}, arg).Err()
			})
		})
		b.Run("onetime "+by.name, func(b *testing.B) {
			require.NoError(b, client.FlushDB(b.Context()).Err())
			m, err := onetime.New(by.rdb, benchKey)
			require.NoError(b, err)
			keys, err := factor.NewKeys(benchKey)
			require.NoError(b, err)
			f, err := factor.New(m, keys, "Example")
			require.NoError(b, err)
			blobs := make([][][]byte, b.N)
			for i := range blobs {
				imported, err := f.ImportKey(fmt.Sprint("user-", i), secret)
				require.NoError(b, err)
				blobs[i] = [][]byte{imported.Blob}
			}
			parallel(b, func(i int) error {
				_, err := f.Verify(context.Background(), fmt.Sprint("user-", i), code(), blobs[i])
				return err
			})
		})
	}
}

var benchKey = []byte("a key for benchmarks and for nothing else")
