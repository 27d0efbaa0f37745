// Package mails is how the examples reach people: by mail, and by SMS that are printed.
package mails

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/seed-3f7b73d1/onetime/examples/internal/inbox"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimesmtp"
)

// Mails reach people.
type Mails struct {
	// Send is the Sender of onetimehttp.
	Send onetimesend.Sender
	// Write sends a mail of plain text, without a secret.
	Write func(ctx context.Context, to, subject, text string) error
}

// Open returns what sends mails: to the server of SMTP_URL where it is set, else to an embedded one, whose inbox it
// returns, too. It says which. The inbox shows everybody's codes, so there is none unless the pages are private.
func Open(w io.Writer, private bool) (m *Mails, box *inbox.Inbox, end func(), err error) {
	address := os.Getenv("SMTP_URL")
	switch {
	case address != "":
		fmt.Fprintln(w, "Mail: the server of SMTP_URL.")
		end = func() {}
	case !private:
		return nil, nil, nil, errors.New("SMTP_URL: want one where ORIGIN is set: the inbox of this example shows every mail to whoever can reach it")
	default:
		fmt.Fprintln(w, "Mail: an embedded server, whose inbox is the page /inbox. SMTP_URL=smtp://user:password@host:587 takes a real one.")
		if box, address, end, err = inbox.Open(); err != nil {
			return nil, nil, nil, err
		}
	}
	m, err = New(address, cmp.Or(os.Getenv("MAIL_FROM"), "Example <sign-in@example.com>"))
	if err == nil {
		err = m.openSMS(w)
	}
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	return m, box, end, nil
}

// openSMS adds SMS where the environment wants them. A service takes onetimesend.SMS, with a budget.
func (m *Mails) openSMS(w io.Writer) error {
	switch os.Getenv("SMS") {
	case "":
		return nil
	case "console":
		fmt.Fprintln(w, "SMS: printed here, in place of being sent.")
		m.Send = onetimesend.ByChannel(map[onetimesend.Channel]onetimesend.Sender{
			onetimesend.ChannelMail: m.Send, onetimesend.ChannelSMS: onetimesend.Console(w),
		})
		return nil
	}
	return errors.New("SMS: want console, or nothing")
}

// New takes the address of a mail server as SMTP_URL has it, and who mails are from as MAIL_FROM.
func New(address, from string) (*Mails, error) {
	c := onetimesmtp.Config{URL: address, From: from, Timeout: 10 * time.Second}
	send, err := onetimesmtp.Sender(c)
	if err != nil {
		return nil, fmt.Errorf("SMTP_URL, MAIL_FROM: %w", err)
	}
	write, err := onetimesmtp.Notices(c)
	return &Mails{send, write}, err
}
