// Package mailer delivers the mails of the examples by SMTP.
package mailer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/seed-3f7b73d1/onetime/examples/internal/inbox"
	"github.com/seed-3f7b73d1/onetime/internal/host"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A Mailer sends mails.
type Mailer struct {
	client *mail.Client
	from   string
}

// Open returns what sends mails: to the server of SMTP_URL where it is set, else to an embedded one, whose inbox it
// returns, too. It says which. The inbox shows everybody's codes, so there is none unless the pages are private.
func Open(w io.Writer, private bool) (m *Mailer, box *inbox.Inbox, end func(), err error) {
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
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	return m, box, end, nil
}

// New takes the address of a mail server as SMTP_URL has it.
func New(address, from string) (*Mailer, error) {
	wrong := errors.New("SMTP_URL: want smtp://user:password@host:port or smtps://user:password@host:port") // without what it says: the password
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return nil, wrong
	}
	// One delivery takes at most about twice this, less than the 30 s after which the Flow gives up.
	opts := []mail.Option{mail.WithTimeout(10 * time.Second)}
	port, login := "587", mail.SMTPAuthAutoDiscover
	switch u.Scheme {
	case "smtp":
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory)) // STARTTLS
		if host.Loopback(u.Hostname()) {
			opts = append(opts, mail.WithTLSPolicy(mail.TLSOpportunistic))
			login = mail.SMTPAuthPlain // which go-mail does without TLS on this computer only
		}
	case "smtps":
		port, opts = "465", append(opts, mail.WithSSL())
	default:
		return nil, wrong
	}
	number, err := strconv.Atoi(cmp.Or(u.Port(), port))
	if err != nil {
		return nil, wrong
	}
	opts = append(opts, mail.WithPort(number))
	if u.User != nil {
		password, _ := u.User.Password()
		opts = append(opts, mail.WithSMTPAuth(login), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(u.Hostname(), opts...)
	if err != nil {
		return nil, fmt.Errorf("SMTP_URL: %w", err)
	}
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fmt.Errorf("MAIL_FROM: %w", err)
	}
	return &Mailer{client, from}, nil
}

// Send is the Sender of onetimehttp.
func (m *Mailer) Send(ctx context.Context, deliverTo string, message onetimehttp.Message) error {
	html, err := message.HTML()
	if err != nil {
		return err
	}
	return m.deliver(ctx, deliverTo, message.Subject(), message.Text(), html)
}

// Write sends a mail of plain text.
func (m *Mailer) Write(ctx context.Context, to, subject, text string) error {
	return m.deliver(ctx, to, subject, text, "")
}

func (m *Mailer) deliver(ctx context.Context, to, subject, text, html string) error {
	letter := mail.NewMsg()
	// Addresses are parsed, and a subject that is not plain is encoded: none of them can add a header or a recipient.
	if err := errors.Join(letter.From(m.from), letter.To(to)); err != nil {
		return err
	}
	letter.Subject(subject)
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: absence notes do not answer
	letter.SetBodyString(mail.TypeTextPlain, text)
	if html != "" {
		letter.AddAlternativeString(mail.TypeTextHTML, html)
	}
	err := m.client.DialAndSendWithContext(ctx, letter)
	if letter.IsDelivered() {
		return nil // what failed afterwards, such as QUIT, must not cancel a code that is in the inbox
	}
	return err
}
