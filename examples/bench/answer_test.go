package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimesmtp"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// BenchmarkTimeAfterTheAnswer asks for a code for somebody who has an account and for somebody who has none, 400 times each
// in random order, and loads a page right after each answer, while server, Redis' client, mail server and whoever measures
// share one thread. It prints the area under the curve of one such time as a test for an account: 0.5 is a coin, 1 is
// certainty. Without the random delay of the queue, the mail is under way while the page loads.
func BenchmarkTimeAfterTheAnswer(b *testing.B) {
	for name, delay := range map[string][]onetimesend.QueueOption{"delayed": nil, "at once": {onetimesend.WithDelay(0)}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(areaAfterTheAnswer(b, delay), "area")
			}
		})
	}
}

func areaAfterTheAnswer(b *testing.B, queue []onetimesend.QueueOption) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const pairs = 400
	options, end, err := open(b.Context())
	require.NoError(b, err)
	defer end()
	rdb := redis.NewClient(options)
	defer rdb.Close()
	m, err := onetime.New(rdb, onetimetest.Key, onetime.WithSendLimits())
	require.NoError(b, err)
	send, err := onetimesmtp.Sender(onetimesmtp.Config{URL: "smtp://" + mailtest.Receive(b).Addr, From: "codes@example.com"})
	require.NoError(b, err)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	origin := "http://" + listener.Addr().String()
	var flow *onetimehttp.Flow
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { flow.Start().ServeHTTP(w, r) })}
	go server.Serve(listener)
	b.Cleanup(func() { server.Close() })

	times := map[bool][]time.Duration{}
	for range 2 * pairs {
		known := rand.IntN(2) == 0 && len(times[true]) < pairs || len(times[false]) == pairs
		address := map[bool]string{true: "ann@example.com", false: "abe@example.com"}[known]
		flow, err = onetimehttp.New(m, onetimehttp.Config{
			Origin: origin, Name: "Example", Secrets: onetimehttp.CodeOnly, Sender: send,
			Lookup: func(_ context.Context, typed string) (string, string, bool, error) {
				return typed, typed, typed == "ann@example.com", nil
			},
			OnVerified: func(http.ResponseWriter, *http.Request, onetime.Verification) error { return nil },
		}, onetimehttp.WithDangerouslyNoLimiter(), onetimehttp.WithQueue(queue...))
		require.NoError(b, err)

		res, err := http.PostForm(origin+"/sign-in", url.Values{"address": {address}})
		require.NoError(b, err)
		read(b, res)
		start := time.Now()
		res, err = http.Get(origin + "/sign-in")
		require.NoError(b, err)
		read(b, res)
		times[known] = append(times[known], time.Since(start))
		require.NoError(b, flow.Shutdown(context.Background())) // what was sent now must not slow the next
	}
	return area(times[true], times[false])
}

func read(b *testing.B, res *http.Response) {
	_, err := io.Copy(io.Discard, res.Body)
	require.NoError(b, err)
	require.NoError(b, res.Body.Close())
	require.Equal(b, http.StatusOK, res.StatusCode)
}

// area is how often one of a is above one of b, or below it if that is more.
func area(a, b []time.Duration) float64 {
	above := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				above++
			case x == y:
				above += 0.5
			}
		}
	}
	above /= float64(len(a) * len(b))
	return max(above, 1-above)
}
