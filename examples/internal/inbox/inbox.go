// Package inbox is where the mails of the examples arrive, so that you can try them without a mail server.
package inbox

import (
	_ "embed"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
)

//go:embed inbox.html
var page string

// An Inbox has the mails to whomever, and shows them to whoever asks: a service has nothing like it.
type Inbox struct {
	mu    sync.Mutex
	mails []received // oldest first
}

// received is a mail that was received.
type received struct {
	At          time.Time
	To, Subject string
	Lines       []line
}

// A line of the text of a mail may be a link and nothing else.
type line struct {
	Text string
	Link bool
}

const maxMails = 50

// Open runs a mail server on this computer. address is its SMTP_URL.
func Open() (box *Inbox, address string, end func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	box = &Inbox{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: box}, nil }))
	server.Domain = "localhost"
	server.MaxMessageBytes, server.MaxRecipients = 1<<20, 10
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	go func() {
		if err := server.Serve(listener); err != nil {
			slog.Error("embedded mail server", "error", err)
		}
	}()
	return box, "smtp://" + listener.Addr().String(), func() { server.Close(); listener.Close() }, nil
}

// A delivery is a connection of a client that delivers mails.
type delivery struct {
	box *Inbox
	to  []string
}

func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Reset()        { d.to = nil }
func (d *delivery) Logout() error { return nil }

func (d *delivery) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := plain(m)
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.mails = append(d.box.mails, received{time.Now(), strings.Join(d.to, ", "), subject, lines(text)})
	if len(d.box.mails) > maxMails {
		d.box.mails = slices.Delete(d.box.mails, 0, 1)
	}
	return nil
}

// plain returns the plain text of a mail, which may have other versions of its text.
func plain(m *mail.Message) (string, error) {
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	switch kind {
	case "text/plain":
		var body io.Reader = m.Body
		if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		text, err := io.ReadAll(body)
		return string(text), err
	case "multipart/alternative":
	default:
		return "", errors.New("neither plain text nor alternatives")
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart() // decodes quoted-printable by itself
		if err != nil {
			return "", err
		}
		if kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type")); err == nil && kind == "text/plain" {
			text, err := io.ReadAll(part)
			return string(text), err
		}
	}
}

var link = regexp.MustCompile(`^https?://\S+$`)

func lines(text string) (found []line) {
	for text := range strings.Lines(strings.TrimSpace(text)) {
		text = strings.TrimSpace(text)
		found = append(found, line{text, link.MatchString(text)})
	}
	return found
}

// Page returns the page that shows the mails, newest first. It looks again by itself as long as there is none.
func (box *Inbox) Page(style template.CSS) http.Handler {
	shown := pages.New(page, style)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		box.mu.Lock()
		mails := slices.Clone(box.mails)
		box.mu.Unlock()
		slices.Reverse(mails)
		shown.Show(w, http.StatusOK, "inbox", mails)
	})
}
