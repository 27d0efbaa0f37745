package main

import (
	"html/template"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// An inbox is where the mails of the example arrive, whoever they are for. It is there for you to try the example without a
// mail server: a service has nothing like it.
type inbox struct {
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

// openInbox runs a mail server on this computer. address is its SMTP_URL.
func openInbox() (box *inbox, address string, end func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	box = &inbox{}
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
	box *inbox
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

// plain returns the plain text of a mail that has several versions of its text.
func plain(m *mail.Message) (string, error) {
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
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

// page returns the page that shows the mails, newest first. It looks again by itself as long as there is none.
func (box *inbox) page(style template.CSS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		box.mu.Lock()
		mails := slices.Clone(box.mails)
		box.mu.Unlock()
		slices.Reverse(mails)
		show(w, "inbox", style, mails)
	})
}
