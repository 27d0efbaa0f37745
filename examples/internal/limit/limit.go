package main

import (
	"net"
	"net/http"
	"time"

	"github.com/go-chi/httprate"
)

// perAddress allows so many requests of a client address in any time so long, roughly. httprate is a small library with
// one dependency, forgets old addresses by itself and takes an IPv6 network of 64 bits, which one household has, for one
// address; golang.org/x/time/rate would leave both to us. It counts in this process only: where several serve, give it a
// counter that they share.
//
// Behind a proxy RemoteAddr is that of the proxy. Take the address from the header that your proxy sets, and only if it
// overwrites what clients send in it.
func perAddress(requests int, per time.Duration) func(*http.Request) bool {
	limit := httprate.NewRateLimiter(requests, per, httprate.WithResponseHeaders(httprate.ResponseHeaders{}))
	return func(r *http.Request) bool {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		return !limit.OnLimit(nil, r, httprate.CanonicalizeIP(host)) // writes no answer: its headers have no names
	}
}
