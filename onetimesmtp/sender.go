package onetimesmtp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// Sender returns a Sender for mail. It reports all that is wrong with the Config; each error is [onetimesend.ErrInvalid]. It
// does not connect: each mail has a connection of its own.
func Sender(c Config) (onetimesend.Sender, error) {
	s, err := c.check()
	if err != nil {
		return nil, err
	}
	return s.send, nil
}

func (s *server) send(ctx context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
	address, m, err := onetimesend.Prepare(onetimesend.ChannelMail, to, m)
	if err != nil {
		return onetimesend.Delivery{}, err
	}
	recipient, err := envelope(address.Value, true)
	if err != nil {
		return onetimesend.Delivery{}, permanent(err)
	}
	html, err := m.HTML()
	if err != nil {
		return onetimesend.Delivery{}, permanent(errors.New("the mail cannot be composed"))
	}
	return s.post(ctx, recipient, m.DeliveryID(address), text{m.Subject(), m.Text(), html})
}

// Notices returns a function that sends mails of plain text without a secret, such as "your password was changed", as Sender
// does. to is one address, subject is one line of 1 to 200 bytes. What its errors say of the mail is as of those of a Sender.
func Notices(c Config) (func(ctx context.Context, to, subject, body string) error, error) {
	s, err := c.check()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, to, subject, body string) error {
		if err := (onetimesend.Address{Channel: onetimesend.ChannelMail, Value: to}).Check(); err != nil {
			return permanent(err)
		}
		if subject == "" || len(subject) > 200 || !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl) {
			return permanent(invalid("Notices: want a subject of 1 to 200 bytes on one line"))
		}
		recipient, err := envelope(to, true)
		if err != nil {
			return permanent(err)
		}
		_, err = s.post(ctx, recipient, "", text{subject: subject, plain: body})
		return err
	}, nil
}

// A text is what a mail says; html may be empty.
type text struct{ subject, plain, html string }

// post sends one mail over a connection of its own. An id makes each attempt the same mail; without it each is another.
func (s *server) post(ctx context.Context, recipient, id string, says text) (onetimesend.Delivery, error) {
	id = cmp.Or(id, rand.Text()) + "@" + s.domain
	body, err := s.compose(recipient, id, says)
	if err != nil {
		return onetimesend.Delivery{}, permanent(errors.New("the mail cannot be composed"))
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	client, err := s.connect(ctx)
	if err != nil {
		return onetimesend.Delivery{}, failed("connect", err, false)
	}
	defer client.Close()
	if err := s.deliver(client, recipient, body); err != nil {
		return onetimesend.Delivery{}, err
	}
	client.Text.Cmd("QUIT") // and no waiting: what goes wrong now changes nothing
	return onetimesend.Delivery{Channel: onetimesend.ChannelMail, ID: "<" + id + ">"}, nil
}

func permanent(err error) error { return onetimesend.Permanent(fmt.Errorf("onetimesmtp: %w", err)) }

// compose writes a mail.
func (s *server) compose(recipient, id string, says text) ([]byte, error) {
	letter := mail.NewMsg(mail.WithEncoding(mail.EncodingB64), mail.WithNoDefaultUserAgent())
	if err := errors.Join(letter.FromFormat(s.from.Name, s.from.Address), letter.To(recipient)); err != nil {
		return nil, err
	}
	letter.Subject(says.subject)
	letter.SetMessageIDWithValue(id)
	letter.SetDate()
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: absence notes do not answer
	letter.SetBodyString(mail.TypeTextPlain, says.plain)
	if says.html != "" {
		letter.AddAlternativeString(mail.TypeTextHTML, says.html)
	}
	var body bytes.Buffer
	_, err := letter.WriteTo(&body)
	return body.Bytes(), err
}

// connect returns a client that may send: encrypted and logged in, as the Config wants it.
func (s *server) connect(ctx context.Context) (client *smtp.Client, err error) {
	plain, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	// The end of the context ends whatever waits for the server.
	stop := context.AfterFunc(ctx, func() { plain.SetDeadline(time.Unix(1, 0)) })
	var conn net.Conn = &connection{plain, stop}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	if s.implicit {
		conn = tls.Client(conn, s.tls)
	}
	client, err = smtp.NewClient(conn, s.host)
	if err != nil {
		return nil, err
	}
	if err := client.Hello(s.domain); err != nil {
		return nil, err
	}
	if !s.implicit && !s.local {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return nil, errors.New("the server offers no STARTTLS")
		}
		if err := client.StartTLS(s.tls); err != nil {
			return nil, err
		}
	}
	if !s.login {
		return client, nil
	}
	auth, err := s.auth(client)
	if err != nil {
		return nil, err
	}
	return client, client.Auth(auth)
}

// A connection that is closed is watched no more.
type connection struct {
	net.Conn
	stop func() bool
}

func (c *connection) Close() error {
	c.stop()
	return c.Conn.Close()
}

// auth chooses the best way to log in that the server offers.
func (s *server) auth(client *smtp.Client) (smtp.Auth, error) {
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	for _, way := range []struct {
		name string
		auth func() smtp.Auth
	}{
		{"SCRAM-SHA-256", func() smtp.Auth { return smtp.ScramSHA256Auth(s.user, s.password) }},
		{"PLAIN", func() smtp.Auth { return smtp.PlainAuth("", s.user, s.password, s.host, s.local) }},
		{"LOGIN", func() smtp.Auth { return smtp.LoginAuth(s.user, s.password, s.host, s.local) }},
	} {
		for _, offer := range ways {
			if offer == way.name {
				return way.auth(), nil
			}
		}
	}
	return nil, errors.New("the server offers no login by SCRAM-SHA-256, PLAIN or LOGIN")
}

// deliver hands one mail over.
func (s *server) deliver(client *smtp.Client, recipient string, body []byte) error {
	offered, _ := client.Extension("SMTPUTF8")
	needed := !ascii(recipient)
	if needed && !offered {
		return permanent(errLocalPart)
	}
	client.SkipSMTPUTF8(!needed)
	if err := client.Mail("<" + s.from.Address + ">"); err != nil {
		return failed("MAIL", err, true)
	}
	if err := client.Rcpt("<" + recipient + ">"); err != nil {
		return failed("RCPT", err, true)
	}
	data, err := client.Data()
	if err != nil {
		return failed("DATA", err, true)
	}
	if _, err := data.Write(body); err != nil {
		return failed("body", err, true) // the dot that ends it was not sent
	}
	err = data.Close()
	var answer *textproto.Error
	switch {
	case err == nil, errors.As(err, &answer) && answer.Code/100 == 2:
		return nil
	case answer != nil:
		return failed("end of the mail", err, true)
	}
	return onetimesend.Unknown(failed("end of the mail", err, false))
}

var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// failed says what went wrong at a step, without what the server said. judge: a 5yz is an answer to this mail, so permanent;
// otherwise it tells of the server or of the Config, and is temporary.
func failed(step string, err error, judge bool) error {
	var answer *textproto.Error
	var protocol textproto.ProtocolError
	switch {
	case errors.As(err, &answer):
		text := fmt.Sprintf("%d %s", answer.Code, enhancedCode.FindString(answer.Msg))
		err = fmt.Errorf("onetimesmtp: %s: the server answered %s", step, strings.TrimSpace(text))
		if judge && answer.Code/100 == 5 {
			return onetimesend.Permanent(err)
		}
	case errors.As(err, &protocol):
		err = fmt.Errorf("onetimesmtp: %s: what the server answered is not SMTP", step)
	default:
		err = fmt.Errorf("onetimesmtp: %s: %w", step, err)
	}
	return onetimesend.Temporary(0, err)
}
