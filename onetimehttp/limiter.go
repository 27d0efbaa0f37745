package onetimehttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/limit"
)

// A Limiter bounds how many requests a client address may make. It is safe for concurrent use.
type Limiter struct {
	burst int
	per   time.Duration
	key   func(*http.Request) string
	take  func(ctx context.Context, key string) (wait time.Duration, err error)
}

const (
	maxLimiterBurst = 1_000_000
	maxLimiterPer   = 24 * time.Hour
	// maxLimiterKeys is how many addresses a Limiter of one process knows at a time: some 10 MB.
	maxLimiterKeys = 100_000
)

// NewLimiter returns a Limiter in the memory of this process: burst requests at once, 1 to 1,000,000, refilled evenly over per, a
// second to 24 hours. Where several processes serve, each counts for itself: see [NewRedisLimiter]. It knows 100,000 addresses
// and forgets any when there are more. address returns the client's address, as [ClientAddress] does; nil stands for it.
func NewLimiter(burst int, per time.Duration, address func(*http.Request) string) (*Limiter, error) {
	l, err := newLimiter(burst, per, address)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	full := map[string]time.Time{} // when each is refilled
	l.take = func(_ context.Context, key string) (time.Duration, error) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if _, known := full[key]; !known && len(full) >= maxLimiterKeys {
			for other := range full { // any: whoever fills it pays with requests
				delete(full, other)
				break
			}
		}
		interval := per / time.Duration(burst)
		at := full[key]
		if at.Before(now) {
			at = now
		}
		if wait := at.Add(interval).Sub(now) - per; wait > 0 {
			return wait, nil
		}
		full[key] = at.Add(interval)
		return 0, nil
	}
	return l, nil
}

// NewRedisLimiter returns a Limiter that several processes share. Its keys begin with name, 1 to 100 bytes, and hold the client
// address in clear text for as long as per.
func NewRedisLimiter(rdb redis.Scripter, name string, burst int, per time.Duration, address func(*http.Request) string) (*Limiter, error) {
	l, err := newLimiter(burst, per, address)
	if err != nil {
		return nil, err
	}
	if rdb == nil || name == "" || len(name) > 100 {
		return nil, errors.New("onetimehttp: NewRedisLimiter: want a client, and a name of 1 to 100 bytes")
	}
	caps, charge := limit.New(rdb, time.Second), []limit.Charge{{Cap: limit.Cap{Name: "r", Burst: int64(burst), Per: per}, Units: 1}}
	l.take = func(ctx context.Context, key string) (time.Duration, error) {
		err := caps.Take(ctx, name+":{"+key+"}", rand.Text(), charge)
		var refused *limit.RefusedError
		if errors.As(err, &refused) {
			return refused.RetryAfter, nil
		}
		return 0, err
	}
	return l, nil
}

func newLimiter(burst int, per time.Duration, address func(*http.Request) string) (*Limiter, error) {
	if burst < 1 || burst > maxLimiterBurst {
		return nil, fmt.Errorf("onetimehttp: NewLimiter: burst %d: want 1 to %d", burst, maxLimiterBurst)
	}
	if per < time.Second || per > maxLimiterPer {
		return nil, fmt.Errorf("onetimehttp: NewLimiter: per %s: want %s to %s", per, time.Second, maxLimiterPer)
	}
	if address == nil {
		address = ClientAddress
	}
	return &Limiter{burst: burst, per: per, key: address}, nil
}

// Limit charges a request. It is for Config.Limiter and Config.VerifyLimiter, and tells how long the client has to wait; 0 lets
// the request pass. An error is undecided.
func (l *Limiter) Limit(r *http.Request) (wait time.Duration, err error) {
	return l.take(r.Context(), l.key(r))
}

// ClientAddress returns the address that a request came from, an IPv6 network of 64 bits for one address, since a household has
// that. Behind a proxy it is that of the proxy: take the address from the header that your proxy sets, and only if it overwrites
// what clients send in it, and give it to [Network].
func ClientAddress(r *http.Request) string {
	name, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		name = r.RemoteAddr
	}
	return Network(name)
}

// Network returns an IPv4 address as it is, and of an IPv6 address its network of 64 bits. What is neither is returned as it is.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	network, _ := ip.Prefix(64) // of IPv6, which has 128
	return network.Masked().String()
}
