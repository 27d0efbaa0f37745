package stateless_test

import (
	"context"
	"fmt"
	"log"
	"net/url"
	"time"

	"github.com/seed-3f7b73d1/onetime/stateless"
)

func ExampleManager_Link() {
	m, err := stateless.New([]byte("32 random bytes from your secrets"))
	if err != nil {
		log.Fatal(err)
	}
	link, err := m.Link("https://example.com/confirm", "newsletter", "Alice@example.com", 48*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	// Deliver link. What the form of the page posts:
	u, err := url.Parse(link)
	if err != nil {
		log.Fatal(err)
	}
	proof, err := m.OpenLink("newsletter", u.Query().Get("token"))
	fmt.Println(err, proof.Subject)
	// Output: <nil> alice@example.com
}

func ExampleWithDigits() {
	guard, err := stateless.NewGuard(10) // for one process
	if err != nil {
		log.Fatal(err)
	}
	m, err := stateless.New([]byte("32 random bytes from your secrets"), stateless.WithDigits(8, guard))
	if err != nil {
		log.Fatal(err)
	}
	code, err := m.Code("sign-in", "alice@example.com", "a secret of the session")
	if err != nil {
		log.Fatal(err)
	}
	// Deliver code.Code, keep code.Handle in the session.
	proof, err := m.Verify(context.Background(), "sign-in", "alice@example.com", "a secret of the session", code.Code, stateless.WithHandle(code.Handle))
	fmt.Println(err, proof.Subject)
	_, err = m.Verify(context.Background(), "sign-in", "alice@example.com", "a secret of the session", code.Code, stateless.WithHandle(code.Handle))
	fmt.Println(err)
	// Output:
	// <nil> alice@example.com
	// onetime: already used
}
