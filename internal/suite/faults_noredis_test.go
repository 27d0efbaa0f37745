package suite_test

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// listen starts what says it is a Redis on a port of its own.
func listen(t *testing.T, serve func(conn net.Conn)) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// says serves a fixed reply to each command, once it has refused the greeting.
func says(reply string) func(conn net.Conn) {
	return func(conn net.Conn) {
		buffer := make([]byte, 1<<16)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			text := reply
			if bytes.Contains(bytes.ToLower(buffer[:n]), []byte("hello")) {
				text = "-ERR unknown command\r\n"
			}
			if _, err := conn.Write([]byte(text)); err != nil {
				return
			}
		}
	}
}

// A moved client is one of which it can be chosen where it leads.
type moved struct{ redis.Scripter }

func TestFault_WhatAnswersIsNoRedis(t *testing.T) {
	rig.Needs(t, rig.Redis)
	s, err := rig.SharedRedis()
	require.NoError(t, err)
	b := onServer(t, s, rig.NewClient(s.Addr))
	client := &moved{b.Client}
	b.Client = client
	m := b.Manager(t, fullOptions...)
	operations := newOperations(t, b, m, "person")
	operations = operations[:len(operations)-1] // Check, the last, sees through this client to nothing
	before := snapshot(t, b)

	addrs := map[string]string{
		"nobody listens":    "127.0.0.1:1",
		"closes at once":    listen(t, func(net.Conn) {}),
		"closes when asked": listen(t, func(conn net.Conn) { conn.Read(make([]byte, 1)) }),
		"says nothing":      listen(t, func(conn net.Conn) { io.Copy(io.Discard, conn) }),
		"SSH": listen(t, func(conn net.Conn) {
			io.WriteString(conn, "SSH-2.0-OpenSSH_9.6\r\n")
			io.Copy(io.Discard, conn)
		}),
	}
	for name, reply := range map[string]string{
		"HTTP":             "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"TLS":              "\x15\x03\x01\x00\x02\x02\x16",
		"zeros":            strings.Repeat("\x00", 100),
		"empty lines":      "\r\n\r\n\r\n",
		"OK":               "+OK\r\n",
		"one":              ":1\r\n",
		"true":             "#t\r\n",
		"float":            ",1.5\r\n",
		"big number":       "(123456789012345678901234567890\r\n",
		"null":             "_\r\n",
		"nil string":       "$-1\r\n",
		"nil array":        "*-1\r\n",
		"empty array":      "*0\r\n",
		"negative size":    "*-2\r\n$-2\r\n",
		"size of words":    "*two\r\n",
		"map":              "%1\r\n+id\r\n:1\r\n",
		"set":              "~2\r\n+id\r\n:1\r\n",
		"push":             ">2\r\n+invalidate\r\n:1\r\n",
		"OK to another":    "*2\r\n$12\r\ntwelve bytes\r\n:1\r\n",
		"other call":       "*5\r\n$12\r\ntwelve bytes\r\n:1\r\n:1\r\n:0\r\n$0\r\n\r\n",
		"array of errors":  "*2\r\n-ERR one\r\n-ERR two\r\n",
		"array in arrays":  strings.Repeat("*1\r\n", 50) + ":1\r\n",
		"half a string":    "*2\r\n$12\r\ntwelve",
		"half an array":    "*5\r\n$12\r\ntwelve bytes\r\n:1\r\n",
		"string too long":  "*2\r\n$4\r\ntwelve bytes\r\n:1\r\n",
		"NOSCRIPT":         "-NOSCRIPT No matching script.\r\n",
		"moved":            "-MOVED 1 127.0.0.1:1\r\n",
		"loading":          "-LOADING Redis is loading the dataset in memory\r\n",
		"error of nothing": "-\r\n",
		"denied":           "-onetime: denied\r\n",
	} {
		addrs[name] = listen(t, says(reply))
	}
	for name, addr := range addrs {
		t.Run(name, func(t *testing.T) {
			c := newTally(t)
			rdb := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 100, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true})
			defer rdb.Close()
			client.Scripter = rdb
			direct, err := onetime.New(rdb, onetimetest.Key)
			require.NoError(t, err)
			calls := append(slices.Clone(operations), operation{name: "Check", call: direct.Check})
			for i, err := range atOnce(c, hurried/3, calls) {
				require.Error(t, err, calls[i].name)
				rig.Undecided(t, err)
			}
		})
	}
	t.Run("and then a Redis again", func(t *testing.T) {
		c := newTally(t)
		require.Equal(t, before, snapshot(t, b))
		rdb := rig.NewClient(s.Addr)
		defer rdb.Close()
		client.Scripter = rdb
		normal(t, c, b, m, operations...)
	})
}
