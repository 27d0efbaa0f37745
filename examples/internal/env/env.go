// Package env opens what the examples run on: a Redis and a key, yours where the environment names them.
package env

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Open returns a client and a key: the Redis of REDIS_URL and the key of ONETIME_KEY where they are set, else an
// embedded Redis and a random key. It says which. end closes what it opened.
func Open(w io.Writer) (rdb *redis.Client, key []byte, end func(), err error) {
	key, err = Key(w)
	if err != nil {
		return nil, nil, nil, err
	}
	rdb, end, err = openRedis(w)
	return rdb, key, end, err
}

func openRedis(w io.Writer) (rdb *redis.Client, end func(), err error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		options, err := redis.ParseURL(url)
		if err != nil {
			return nil, nil, errors.New("REDIS_URL: want redis://user:password@host:port/db") // err may hold the password
		}
		options.ContextTimeoutEnabled = true // or go-redis ignores deadlines
		fmt.Fprintln(w, "Redis: the one of REDIS_URL.")
		client := redis.NewClient(options)
		return client, func() { client.Close() }, nil
	}
	server, err := miniredis.Run()
	if err != nil {
		return nil, nil, err
	}
	server.ClockTTL(true) // keys expire as time goes by; else only tests let them
	fmt.Fprintln(w, "Redis: an embedded one, gone when this ends. REDIS_URL=redis://localhost:6379 takes a real one.")
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true})
	return client, func() { client.Close(); server.Close() }, nil
}

// Key returns the key of ONETIME_KEY, else a random one, and says which.
func Key(w io.Writer) ([]byte, error) { return KeyOf(w, "ONETIME_KEY", "Key") }

// KeyOf returns the key of a variable, else a random one, and says which, under a title.
func KeyOf(w io.Writer, variable, title string) ([]byte, error) {
	text := os.Getenv(variable)
	if text == "" {
		key := make([]byte, 32)
		rand.Read(key)
		fmt.Fprintf(w, "%s: random, for this run only. %s takes yours: 32 random bytes or more, in hex or base64.\n", title, variable)
		return key, nil
	}
	fmt.Fprintf(w, "%s: the one of %s.\n", title, variable)
	if key, err := hex.DecodeString(text); err == nil {
		return key, nil
	}
	if key, err := base64.StdEncoding.DecodeString(text); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s: want hex or base64", variable)
}
