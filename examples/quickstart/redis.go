package main

import (
	"io"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/examples/internal/env"
)

// open returns a client and a key: the Redis of REDIS_URL and the key of ONETIME_KEY where they are set, else an
// embedded Redis and a random key. It says which. end closes what it opened.
func open(w io.Writer) (rdb *redis.Client, key []byte, end func(), err error) { return env.Open(w) }
