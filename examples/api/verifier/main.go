/*
Command verifier is a service that takes the proofs of examples/api. It has no Redis and no secret: the issuer's public keys,
which it fetches, are enough.

	ISSUER=http://localhost:8080 go run ./examples/api/verifier
*/
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/seed-3f7b73d1/onetime/examples/internal/site"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer) error {
	issuer := cmp.Or(os.Getenv("ISSUER"), "http://localhost:8080")
	keys := onetimejwt.Remote(strings.TrimSuffix(issuer, "/") + onetimejwt.JWKSPath)
	verifier, err := onetimejwt.NewVerifier(issuer, "orders", keys, onetimejwt.ForPurpose("default"))
	if err != nil {
		return err
	}
	listener, origin, _, err := site.Listen(cmp.Or(os.Getenv("ADDR"), "localhost:8090"), os.Getenv("ORIGIN"))
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Fprintf(w, "Proofs of %s count here. Try:\n  curl -H \"Authorization: Bearer TOKEN\" %s/reports\n", issuer, origin)
	mux := http.NewServeMux()
	mux.Handle("GET /reports", verifier.Bearer(http.HandlerFunc(reports)))
	s := &site.Site{Listener: listener, Origin: origin, Out: w}
	return s.Serve(ctx, mux)
}

func reports(w http.ResponseWriter, r *http.Request) {
	claims, _ := onetimejwt.ClaimsFrom(r.Context())
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"account": claims.Account, "proved_by": claims.Methods})
}
