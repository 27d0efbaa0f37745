package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/child"
)

// open returns the options of a client of the Redis of REDIS_URL or, without it, of a redis-server that it starts.
func open(ctx context.Context) (options *redis.Options, end func(), err error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		options, err = redis.ParseURL(url)
		if err != nil {
			return nil, nil, errors.New("REDIS_URL: want redis://user:password@host:port/db") // err may hold the password
		}
		options.ContextTimeoutEnabled = true // or go-redis ignores deadlines
		return options, func() {}, nil
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, nil, errors.New("no redis-server on PATH: install one, or set REDIS_URL=redis://localhost:6379")
	}
	dir, err := os.MkdirTemp("", "onetime-bench")
	if err != nil {
		return nil, nil, err
	}
	for range 5 { // somebody may take the port between the question and the start
		var addr string
		var kill func()
		if addr, kill, err = start(ctx, program, dir); err == nil {
			return &redis.Options{Addr: addr, ContextTimeoutEnabled: true}, func() { kill(); os.RemoveAll(dir) }, nil
		}
	}
	os.RemoveAll(dir)
	return nil, nil, err
}

// start starts a server on a free port, one that keeps nothing, and waits until it answers.
func start(ctx context.Context, program, dir string) (addr string, kill func(), err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = free.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	free.Close()
	logfile := filepath.Join(dir, "log")
	server := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--logfile", logfile, "--save", "", "--appendonly", "no")
	child.Bind(server)
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	exited := make(chan struct{})
	go func() { server.Wait(); close(exited) }()
	kill = func() { server.Process.Kill(); <-exited }

	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true})
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		// Who answers may be another process, that took the port first.
		if infoOf(client.Info(ctx, "server").Val())["process_id"] == strconv.Itoa(server.Process.Pid) {
			return addr, kill, nil
		}
		select {
		case <-exited:
			text, _ := os.ReadFile(logfile)
			return "", nil, fmt.Errorf("redis-server ended: %s", text)
		case <-ctx.Done():
			kill()
			return "", nil, fmt.Errorf("redis-server does not answer: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
