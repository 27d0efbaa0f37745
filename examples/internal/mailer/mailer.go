package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A mailer sends messages as mails.
type mailer struct {
	client *mail.Client
	from   string
}

// openMail returns what sends mails: to the server of SMTP_URL where it is set, else to an embedded one, whose inbox it
// returns, too. It says which. The inbox shows everybody's codes, so there is none unless the pages are private.
func openMail(w io.Writer, private bool) (m *mailer, box *inbox, end func(), err error) {
	address := os.Getenv("SMTP_URL")
	switch {
	case address != "":
		fmt.Fprintln(w, "Mail: the server of SMTP_URL.")
		end = func() {}
	case !private:
		return nil, nil, nil, errors.New("SMTP_URL: want one where ORIGIN is set: the inbox of this example shows every mail to whoever can reach it")
	default:
		fmt.Fprintln(w, "Mail: an embedded server, whose inbox is the page /inbox. SMTP_URL=smtp://user:password@host:587 takes a real one.")
		if box, address, end, err = openInbox(); err != nil {
			return nil, nil, nil, err
		}
	}
	m, err = newMailer(address, cmp.Or(os.Getenv("MAIL_FROM"), "Example <sign-in@example.com>"))
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	return m, box, end, nil
}

// newMailer takes the address of a mail server as SMTP_URL has it.
func newMailer(address, from string) (*mailer, error) {
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
		if isLocal(u.Hostname()) {
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
	return &mailer{client, from}, nil
}

func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// send is the Sender of onetimehttp.
func (m *mailer) send(ctx context.Context, deliverTo string, message onetimehttp.Message) error {
	html, err := message.HTML()
	if err != nil {
		return err
	}
	letter := mail.NewMsg()
	// Addresses are parsed, and a subject that is not plain is encoded: none of them can add a header or a recipient.
	if err := errors.Join(letter.From(m.from), letter.To(deliverTo)); err != nil {
		return err
	}
	letter.Subject(message.Subject())
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: absence notes do not answer
	letter.SetBodyString(mail.TypeTextPlain, message.Text())
	letter.AddAlternativeString(mail.TypeTextHTML, html)
	err = m.client.DialAndSendWithContext(ctx, letter)
	if letter.IsDelivered() {
		return nil // what failed afterwards, such as QUIT, must not cancel a code that is in the inbox
	}
	return err
}
