// Package embedded is a Redis in the memory of this process, for development: it has no port, and ends with the process.
package embedded

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// tick is how often what has expired is dropped. Miniredis can also do that before each command, which walks all keys
// each time: with 50,000 records a call then takes a hundred times as long. What is dropped late verifies no longer
// all the same, since the scripts go by the time that TIME tells.
const tick = 10 * time.Second

// A Redis is an embedded server and its client.
type Redis struct {
	Client *redis.Client

	server *miniredis.Miniredis
	stop   chan struct{}
	end    sync.WaitGroup
	once   sync.Once
}

// Open starts a Redis. Nothing outside the process can reach it.
func Open() *Redis {
	r := &Redis{server: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	r.Client = redis.NewClient(&redis.Options{
		Addr:                  "embedded",
		Dialer:                func(context.Context, string, string) (net.Conn, error) { return r.server.Dial() },
		ContextTimeoutEnabled: true,
	})
	r.end.Go(r.keepTime)
	return r
}

// keepTime lets keys expire as time goes by.
func (r *Redis) keepTime() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-r.stop:
			return
		case <-ticker.C:
		}
		now := time.Now()
		r.server.FastForward(now.Sub(last))
		last = now
	}
}

// Close ends the client and the server, and forgets everything. It may be called again.
func (r *Redis) Close() {
	r.once.Do(func() {
		close(r.stop)
		r.end.Wait()
		r.Client.Close()
		r.server.Close()
	})
}
