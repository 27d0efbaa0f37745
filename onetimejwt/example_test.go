package onetimejwt_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// A person signs in by code, and gets a token that another service takes.
func Example() {
	server, err := miniredis.Run() // your Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	m, err := onetime.New(redis.NewClient(&redis.Options{Addr: server.Addr()}), []byte("32 random bytes from your secrets"))
	if err != nil {
		log.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // yours: see ParseKey
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := onetimejwt.NewIssuer("https://id.example.com", []crypto.Signer{key})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	otp, err := m.IssueOTP(ctx, "alice@example.com")
	if err != nil {
		log.Fatal(err)
	}
	v, err := m.VerifyOTP(ctx, "alice@example.com", otp.Code)
	if err != nil {
		log.Fatal(err)
	}
	token, err := issuer.Sign("account-1", "https://api.example.com", []onetime.Verification{v})
	if err != nil {
		log.Fatal(err)
	}

	// In the other service, which would have Remote("https://id.example.com/.well-known/jwks.json").
	verifier, err := onetimejwt.NewVerifier("https://id.example.com", "https://api.example.com", onetimejwt.Keys(key.Public()))
	if err != nil {
		log.Fatal(err)
	}
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := onetimejwt.ClaimsFrom(r.Context())
		fmt.Fprintf(w, "orders of %s, who showed %v", claims.Account, claims.Methods)
	})
	request := httptest.NewRequest(http.MethodGet, "/orders", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	verifier.Bearer(orders).ServeHTTP(answer, request)
	fmt.Println(answer.Code, answer.Body)
	// Output: 200 orders of account-1, who showed [otp]
}
