/*
Command newsletter has people confirm their subscription by a link that nothing remembers: no Redis, no table of tokens.

	go run ./examples/newsletter

needs nothing, prints links instead of mailing them, and says what to open or try with curl. newsletter.go is what to copy.
The environment may have ONETIME_KEY, ADDR and ORIGIN as examples/passwordless; with a key of your own links outlive a restart.
*/
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-3f7b73d1/onetime/examples/internal/env"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "newsletter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer) error {
	key, err := env.Key(w)
	if err != nil {
		return err
	}
	listener, origin, _, err := site.Listen(os.Getenv("ADDR"), os.Getenv("ORIGIN"))
	if err != nil {
		return err
	}
	defer listener.Close()
	n, err := newNewsletter(key, origin, time.Now, w)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `Or try, with the token that appears here:
  curl -d address=alice@example.com %[1]s/subscribe
  curl -d token=TOKEN %[1]s/confirm
`, origin)
	s := &site.Site{Listener: listener, Origin: origin, Out: w}
	return s.Serve(ctx, n.routes())
}
