package factor_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
)

// exampleFactors are Factors on an embedded Redis. Real ones have a client of your Redis and random keys of their own.
func exampleFactors() (*factor.Factors, func()) {
	server, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true})
	m, err := onetime.New(client, []byte("32 random bytes, from your secrets"))
	if err != nil {
		panic(err)
	}
	keys, err := factor.NewKeys([]byte("32 other random bytes, for the blobs"))
	if err != nil {
		panic(err)
	}
	f, err := factor.New(m, keys, "Example")
	if err != nil {
		panic(err)
	}
	return f, func() { client.Close(); server.Close() }
}

// A new authenticator app: show the QR code, confirm with a code of it, and store the blob. From then on VerifyIn does all.
func Example() {
	f, done := exampleFactors()
	defer done()
	ctx, store := context.Background(), newTable("user-1")

	enrollment, err := f.EnrollTOTP("user-1", "alice@example.com")
	if err != nil {
		panic(err)
	}
	key, _ := factor.DecodeSecret(enrollment.Secret)         // the app has scanned enrollment.URI,
	shown := hotp(factor.SHA1, key, 6, time.Now().Unix()/30) // and the person types what it shows
	proof, err := f.Confirm(ctx, "user-1", enrollment.Blob, shown)
	if err != nil {
		panic(err)
	}
	store.rows["user-1"] = [][]byte{proof.Blob}

	_, err = f.VerifyIn(ctx, store, "user-1", shown)
	fmt.Println("the code that confirmed:", err)
	proof, err = f.VerifyIn(ctx, store, "user-1", hotp(factor.SHA1, key, 6, time.Now().Unix()/30+1))
	fmt.Println("the next:", proof.Used(), err)
	// Output:
	// the code that confirmed: onetime: already used
	// the next: true <nil>
}

func ExampleFactors_RecoveryCodes() {
	f, done := exampleFactors()
	defer done()
	ctx, store := context.Background(), newTable("user-1")

	codes, err := f.RecoveryCodes("user-1", 10) // show codes.Codes once
	if err != nil {
		panic(err)
	}
	store.rows["user-1"] = [][]byte{codes.Blob}
	proof, err := f.VerifyRecoveryIn(ctx, store, "user-1", codes.Codes[3])
	fmt.Println(proof.Left, "left,", err)
	_, err = f.VerifyRecoveryIn(ctx, store, "user-1", codes.Codes[3])
	fmt.Println(errors.Is(err, onetime.ErrUsed))
	// Output:
	// 9 left, <nil>
	// true
}

func ExampleFactors_ImportURI() {
	f, done := exampleFactors()
	defer done()
	imported, err := f.ImportURI("user-1", "otpauth://totp/Example:alice?secret=gezdgnbvgy3tqojq&issuer=Example")
	fmt.Println(len(imported.Blob) > 0, imported.Weak, err)
	// Output: true true <nil>
}

func ExampleFactors_Odds() {
	f, done := exampleFactors()
	defer done()
	fmt.Printf("%.4f %% a day, %.3f %% a year\n", 100*f.Odds(24*time.Hour), 100*f.Odds(365*24*time.Hour))
	// Output: 0.0153 % a day, 0.197 % a year
}
