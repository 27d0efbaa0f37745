//go:build unix

package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// BenchmarkPairs is pairs of calls over HTTP: start with the channel none, and check. Beside it stands a bare handler that does a
// SET and a GETDEL through a client with the same options, with the same HTTP server and the same client: what a program in Go
// would do that promises nothing. Both are measured in turns, in one run, on one Redis.
func BenchmarkPairs(b *testing.B) {
	server := startRedis(b)
	text, _ := onRedis(b, server.addr)
	opened, err := Open(b.Context(), settings(b, text), Environment{Out: io.Discard, Log: io.Discard})
	require.NoError(b, err)
	s := (&running{Server: opened}).run(b)
	bare := startBare(b, server.addr)
	rdb := server.client(b)
	var people atomic.Int64
	library := func(client *http.Client) error {
		subject := fmt.Sprintf("person-%d@example.com", people.Add(1))
		var started struct{ ID, Code string }
		err := post(client, s.Origin()+"/v1/services/login/verifications", `{"subject":"`+subject+`","channel":"none"}`, http.StatusCreated, &started)
		if err != nil {
			return err
		}
		return post(client, s.Origin()+"/v1/verifications/"+started.ID+"/check", `{"code":"`+started.Code+`"}`, http.StatusOK, nil)
	}
	plain := func(client *http.Client) error {
		body := fmt.Sprintf(`{"id":"person-%d@example.com","code":"123456"}`, people.Add(1))
		if err := post(client, bare+"/start", body, http.StatusCreated, nil); err != nil {
			return err
		}
		return post(client, bare+"/check", body, http.StatusOK, nil)
	}
	for _, callers := range []int{1, 50, 200} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			cpu := func() time.Duration { return processTime(b) + redisTime(b, rdb) }
			bare, onetimed := newLoad(callers, plain, cpu), newLoad(callers, library, cpu)
			defer bare.end()
			defer onetimed.end()
			for done := 0; done < b.N; done += turn { // in turns: what else the machine does hits both
				n := min(turn, b.N-done)
				require.NoError(b, bare.run(n))
				require.NoError(b, onetimed.run(n))
			}
			bare.report(b, "bare")
			onetimed.report(b, "onetimed")
			b.ReportMetric(bare.spent.Seconds()/onetimed.spent.Seconds(), "ratio")
			b.ReportMetric(bare.worked.Seconds()/onetimed.worked.Seconds(), "cpu-ratio")
		})
	}
}

// turn is how many pairs are done before the other has its turn.
const turn = 500

// A load is pairs by callers with a connection each.
type load struct {
	client  *http.Client
	callers int
	pair    func(*http.Client) error
	cpu     func() time.Duration
	spent   time.Duration
	worked  time.Duration // by the processors, which says more where other programs want them, too
	took    []time.Duration
}

func newLoad(callers int, pair func(*http.Client) error, cpu func() time.Duration) *load {
	transport := &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: callers}
	return &load{client: &http.Client{Transport: transport, Timeout: time.Minute}, callers: callers, pair: pair, cpu: cpu}
}

func (l *load) end() { l.client.CloseIdleConnections() }

// run does so many pairs.
func (l *load) run(n int) error {
	took := make([][]time.Duration, l.callers)
	failed := make([]error, l.callers)
	var left atomic.Int64
	left.Store(int64(n))
	var running sync.WaitGroup
	begin, worked := time.Now(), l.cpu()
	for caller := range l.callers {
		running.Go(func() {
			for left.Add(-1) >= 0 && failed[caller] == nil {
				begin := time.Now()
				failed[caller] = l.pair(l.client)
				took[caller] = append(took[caller], time.Since(begin))
			}
		})
	}
	running.Wait()
	l.spent += time.Since(begin)
	l.worked += l.cpu() - worked
	l.took = append(l.took, slices.Concat(took...)...)
	return errors.Join(failed...)
}

func (l *load) report(b *testing.B, name string) {
	slices.Sort(l.took)
	b.ReportMetric(float64(len(l.took))/l.spent.Seconds(), name+"-pairs/s")
	b.ReportMetric(float64(l.worked.Microseconds())/float64(len(l.took)), name+"-cpu-µs/pair")
	b.ReportMetric(float64(l.took[len(l.took)/2].Microseconds())/1000, name+"-p50-ms")
	b.ReportMetric(float64(l.took[len(l.took)*99/100].Microseconds())/1000, name+"-p99-ms")
}

// processTime is what this process, clients and servers, has used of the processors.
func processTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// redisTime is what the Redis has used.
func redisTime(b *testing.B, rdb *redis.Client) time.Duration {
	text, err := rdb.Info(b.Context(), "cpu").Result()
	require.NoError(b, err)
	var total float64
	for _, found := range regexp.MustCompile(`used_cpu_(?:user|sys):([0-9.]+)`).FindAllStringSubmatch(text, -1) {
		seconds, err := strconv.ParseFloat(found[1], 64)
		require.NoError(b, err)
		total += seconds
	}
	return time.Duration(total * float64(time.Second))
}

// post wants a status, and reads the answer into what is given.
func post(client *http.Client, url, body string, want int, into any) error {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+shopKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != want {
		return fmt.Errorf("%d: %s", response.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// startBare starts the handler to compare with, and returns its origin.
func startBare(b *testing.B, address string) string {
	rdb := redis.NewClient(&redis.Options{Addr: address, ContextTimeoutEnabled: true})
	b.Cleanup(func() { rdb.Close() })
	type body struct{ ID, Code string }
	handle := func(status int, ask func(context.Context, body) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var in body
			if json.NewDecoder(r.Body).Decode(&in) != nil {
				w.WriteHeader(http.StatusUnprocessableEntity)
				return
			}
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if ask(ctx, in) != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(map[string]any{"id": in.ID})
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /start", handle(http.StatusCreated, func(ctx context.Context, in body) error {
		return rdb.Set(ctx, "bare:"+in.ID, in.Code, 5*time.Minute).Err()
	}))
	mux.Handle("POST /check", handle(http.StatusOK, func(ctx context.Context, in body) error {
		return rdb.GetDel(ctx, "bare:"+in.ID).Err()
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	go server.Serve(l)
	b.Cleanup(func() { server.Close() })
	return "http://" + l.Addr().String()
}
