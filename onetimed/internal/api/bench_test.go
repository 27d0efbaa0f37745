package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// BenchmarkStartAndCheck is a pair of calls, start with the channel none and check, without a network but that to Redis. GETDEL
// is what is compared with: a SET and a GETDEL by the same client.
func BenchmarkStartAndCheck(b *testing.B) {
	b.Run("pair", func(b *testing.B) {
		f := newRealFixture(b, func(c *Config) { c.Logger, c.ObserveCall = nil, nil })
		ask := func(path, body string) (status int, answer []byte) {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header = http.Header{"Authorization": {"Bearer " + keys["vault"]}, "Content-Type": {"application/json"}}
			w := httptest.NewRecorder()
			f.api.ServeHTTP(w, r)
			return w.Code, w.Body.Bytes()
		}
		var people atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, answer := ask("/v1/services/bare/verifications", `{"channel":"none","subject":"`+person(&people)+`@example.com"}`)
				var started StartOut
				if err := json.Unmarshal(answer, &started); err != nil || started.Code == "" {
					b.Error(err, string(answer))
					return
				}
				if status, answer := ask("/v1/verifications/"+started.ID+"/check", `{"code":"`+started.Code+`"}`); status != http.StatusOK {
					b.Error(string(answer))
					return
				}
			}
		})
	})
	b.Run("GETDEL", func(b *testing.B) {
		rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: startRedis(b), ContextTimeoutEnabled: true})
		defer rdb.Close()
		var people atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				key := person(&people)
				rdb.Set(b.Context(), key, "123456", 0)
				rdb.GetDel(b.Context(), key)
			}
		})
	})
}

// person returns a name that nobody had.
func person(people *atomic.Int64) string {
	return "person-" + strconv.FormatInt(people.Add(1), 10)
}
