package onetimesmtp_test

import (
	"fmt"
	"os"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimesmtp"
)

func ExampleSender() {
	send, err := onetimesmtp.Sender(onetimesmtp.Config{
		URL: "smtps://user:" + os.Getenv("SMTP_PASSWORD") + "@smtp.example.com", From: "Example <sign-in@example.com>",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	queue, err := onetimesend.NewQueue(send)
	fmt.Println(queue != nil, err)
	// Output: true <nil>
}
