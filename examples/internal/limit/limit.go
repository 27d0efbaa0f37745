// Package limit keeps strangers from asking, or trying, without end.
package limit

import (
	"net/http"
	"time"

	"github.com/go-chi/httprate"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// PerKey allows so many events of a key in any time so long, roughly. httprate is a small library with one dependency and
// forgets old keys by itself; golang.org/x/time/rate would leave that to us. It counts in this process only: where several
// serve, give it a counter that they share.
func PerKey(events int, per time.Duration) func(key string) bool {
	limit := httprate.NewRateLimiter(events, per, httprate.WithResponseHeaders(httprate.ResponseHeaders{}))
	return func(key string) bool {
		return !limit.OnLimit(nil, new(http.Request), key) // writes no answer: its headers have no names
	}
}

// PerAddress allows so many requests of a client address at once, refilled over per, in this process: onetimehttp.NewLimiter.
// Where several processes serve, onetimehttp.NewRedisLimiter counts for all of them.
//
// Behind a proxy RemoteAddr is that of the proxy. Take the address from the header that your proxy sets, and only if it
// overwrites what clients send in it.
func PerAddress(requests int, per time.Duration) func(*http.Request) (time.Duration, error) {
	limiter, err := onetimehttp.NewLimiter(requests, per, onetimehttp.ClientAddress)
	if err != nil {
		return func(*http.Request) (time.Duration, error) { return 0, err }
	}
	return limiter.Limit
}

// Passes reports whether a request passes a limiter of PerAddress, for handlers that ask for nothing more.
func Passes(limiter func(*http.Request) (time.Duration, error), r *http.Request) bool {
	wait, err := limiter(r)
	return err == nil && wait == 0
}
