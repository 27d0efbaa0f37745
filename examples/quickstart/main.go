// Command quickstart issues a code, a token and a link, and shows what verifies and what is refused.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal("quickstart: ", err)
	}
}

// run prints secrets so that you can see them. Your program delivers them and never logs them.
func run(w io.Writer) error {
	rdb, key, end, err := open(w) // in redis.go: a client with ContextTimeoutEnabled, and 32 random bytes
	if err != nil {
		return err
	}
	defer end()
	login, err := onetime.New(rdb, key, onetime.WithLinkBase("https://example.com/sign-in"))
	if err != nil {
		return err
	}
	reset, err := login.Purpose("password-reset")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	person := strings.ToLower(rand.Text()[:8]) // new in each run: send limits last for hours
	ann, bob := "ann-"+person+"@example.com", "bob-"+person+"@example.com"

	fmt.Fprintf(w, "\n1. A code, for %s to type\n", ann)
	otp, err := login.IssueOTP(ctx, ann)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "   issued: %s, good for %s\n", otp.Code, otp.ExpiresIn)
	_, err = login.VerifyOTP(ctx, ann, otp.Code[:5]+string('0'+(otp.Code[5]-'0'+1)%10))
	fmt.Fprintln(w, "   a wrong code?", answer(err))
	_, err = login.VerifyOTP(ctx, ann, otp.Code)
	fmt.Fprintln(w, "   the right code?", answer(err))
	_, err = login.VerifyOTP(ctx, ann, otp.Code)
	fmt.Fprintln(w, "   the same code again?", answer(err))

	fmt.Fprintf(w, "\n2. A token, for %s to set a new password\n", ann)
	token, err := reset.IssueToken(ctx, ann, onetime.WithPayload([]byte("request 17")))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "   issued: %s..., good for %s\n", token.Value[:16], token.ExpiresIn)
	_, err = login.VerifyToken(ctx, token.Value)
	fmt.Fprintln(w, "   used to sign in, another purpose?", answer(err))
	proof, err := reset.VerifyToken(ctx, token.Value)
	fmt.Fprintf(w, "   used for the new password? %s, and its payload is back: %q\n", answer(err), proof.Payload)

	fmt.Fprintf(w, "\n3. A link for %s, with a code beside it: one use uses up both\n", bob)
	link, err := login.IssueLink(ctx, bob, onetime.WithCode())
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "   issued: %.44s..., or %s\n", link.URL, link.Code)
	_, err = login.InspectToken(ctx, link.Token) // mail scanners open links, too: looking uses nothing up
	fmt.Fprintln(w, "   the page is opened, which only inspects?", answer(err))
	_, err = login.VerifyToken(ctx, link.Token)
	fmt.Fprintln(w, "   the button on the page is pressed?", answer(err))
	_, err = login.VerifyOTP(ctx, bob, link.Code)
	fmt.Fprintln(w, "   the code beside it?", answer(err))
	return nil
}

// answer says what an error means: nil is yes, a DeniedError is no, anything else is no answer and never a yes.
func answer(err error) string {
	var denied *onetime.DeniedError
	switch {
	case err == nil:
		return "yes"
	case errors.As(err, &denied):
		denied.RetryAfter = denied.RetryAfter.Round(time.Second)
		return "no: " + strings.TrimPrefix(denied.Error(), "onetime: ")
	}
	return "no answer: " + err.Error()
}
