/*
Command onetimed serves one-time codes, links and tokens to programs in any language, over HTTP.

	onetimed                      runs for development: embedded Redis, random keys, messages to the console
	onetimed --config=FILE        runs with the settings of a file of YAML, TOML or JSON
	onetimed check --config=FILE  reports all that is wrong with the settings, the secrets and Redis, and runs nothing
	onetimed keys new [caller]    draws a key for keys/naming and keys/current, or one of a caller with its digest
	onetimed keys wrap REFERENCE  encrypts the key on standard input under a key-encryption key (RFC 3394)

Settings are also taken from the environment (ONETIMED_REDIS__URL) and from flags (--redis/url=…). docs/server.md has all of
them.
*/
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/server"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		for _, line := range config.Lines(err) {
			fmt.Fprintln(os.Stderr, "onetimed:", line)
		}
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out, log io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	command := ""
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	switch command {
	case "":
		return serve(ctx, args, out, log)
	case "check":
		return check(ctx, args, out, log)
	case "keys":
		return keys(ctx, args, in, out)
	}
	return fmt.Errorf("there is no command of this name: want check, keys new, keys wrap, or none to serve")
}

func serve(ctx context.Context, args []string, out, log io.Writer) error {
	c, err := config.Load(args, os.Environ())
	if err != nil {
		return err
	}
	s, err := server.Open(ctx, c, server.Environment{Out: out, Log: log})
	if err != nil {
		return err
	}
	server.LogRedis(s.Log())
	s.Banner()
	return s.Run(ctx, hangups(ctx))
}

// hangups tells of each SIGHUP.
func hangups(ctx context.Context) <-chan struct{} {
	signals, told := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-ctx.Done():
				signal.Stop(signals)
				return
			case <-signals:
			}
			select {
			case told <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return told
}

func check(ctx context.Context, args []string, out, log io.Writer) error {
	c, err := config.Load(args, os.Environ())
	if err != nil {
		return err
	}
	if err := server.Check(ctx, c, server.Environment{Out: out, Log: log}); err != nil {
		return err
	}
	fmt.Fprintln(out, "onetimed: the settings are good, and Redis answers")
	return nil
}
