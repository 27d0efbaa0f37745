/*
Command api is a service for programs: people sign in by a code, get a signed proof, and show it where they want something.

	go run ./examples/api

needs nothing, prints codes instead of sending them, and says what to try with curl. api.go is what to copy. Another service
takes the same proofs by the issuer's keys alone: go run ./examples/api/verifier. nginx.conf has nginx ask this service about
each request.

The environment may have REDIS_URL, ONETIME_KEY, ADDR and ORIGIN as examples/passwordless, and SIGNING_KEY: a file with a
private key in PEM, as "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256" writes it.
*/
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-3f7b73d1/onetime/examples/internal/accounts"
	"github.com/seed-3f7b73d1/onetime/examples/internal/env"
	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer) error {
	rdb, key, end, err := env.Open(w)
	if err != nil {
		return err
	}
	defer end()
	listener, origin, _, err := site.Listen(os.Getenv("ADDR"), os.Getenv("ORIGIN"))
	if err != nil {
		return err
	}
	defer listener.Close()
	signer, err := openSigner(w, os.Getenv("SIGNING_KEY"))
	if err != nil {
		return err
	}
	a, err := newAPI(rdb, key, signer, origin, accounts.New(time.Now, "alice@example.com", "bob@example.com"), w)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `Try, with the code and the request that appear here:
  curl -d address=alice@example.com %[1]s/code
  curl -d address=alice@example.com -d request=REQUEST -d code=CODE %[1]s/proof
  curl -H "Authorization: Bearer TOKEN" %[1]s/orders
  curl %[1]s%[2]s
Keys for other services: ISSUER=%[1]s go run ./examples/api/verifier
`, origin, onetimejwt.JWKSPath)
	s := &site.Site{Listener: listener, Origin: origin, Out: w}
	return s.Serve(ctx, a.routes())
}

func openSigner(w io.Writer, file string) (crypto.Signer, error) {
	if file == "" {
		fmt.Fprintln(w, "Signing key: random, for this run only. SIGNING_KEY takes a file with yours.")
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("SIGNING_KEY: %w", err)
	}
	fmt.Fprintln(w, "Signing key: the one of SIGNING_KEY.")
	return onetimejwt.ParseKey(text)
}
