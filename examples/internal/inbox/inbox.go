// Package inbox is where the mails of the examples arrive, so that you can try them without a mail server.
package inbox

import (
	_ "embed"
	"encoding/base64"
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
	"net/netip"
	"regexp"
	"slices"
	"strconv"
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
	count int
}

// received is a mail that was received.
type received struct {
	Number      int
	At          time.Time
	To, Subject string
	Lines       []line
	HTML        string // empty if it has none
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
	text, html, err := texts(m)
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.count++
	d.box.mails = append(d.box.mails, received{d.box.count, time.Now(), strings.Join(d.to, ", "), subject, lines(text), html})
	if len(d.box.mails) > maxMails {
		d.box.mails = slices.Delete(d.box.mails, 0, 1)
	}
	return nil
}

// texts returns the plain text of a mail, and its HTML if it has that, too.
func texts(m *mail.Message) (plain, html string, err error) {
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", "", err
	}
	switch kind {
	case "text/plain":
		plain, err = decode(m.Body, m.Header.Get("Content-Transfer-Encoding"))
		return plain, "", err
	case "multipart/alternative":
	default:
		return "", "", errors.New("neither plain text nor alternatives")
	}
	found := map[string]string{}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", "", err
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			return "", "", err
		}
		if found[kind], err = decode(part, part.Header.Get("Content-Transfer-Encoding")); err != nil {
			return "", "", err
		}
	}
	plain, has := found["text/plain"]
	if !has {
		return "", "", errors.New("alternatives without plain text")
	}
	return plain, found["text/html"], nil
}

// decode reads a text. A part that is quoted-printable was decoded by package multipart.
func decode(body io.Reader, encoding string) (string, error) {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	return string(text), err
}

var link = regexp.MustCompile(`^https?://\S+$`)

func lines(text string) (found []line) {
	for text := range strings.Lines(strings.TrimSpace(text)) {
		text = strings.TrimSpace(text)
		found = append(found, line{text, link.MatchString(text)})
	}
	return found
}

// Private lets pass what a browser on this computer asks of this computer by name. A page of another site, whose name was
// made to lead here (DNS rebinding), could read the mails otherwise.
func Private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			name = strings.Trim(r.Host, "[]")
		}
		addr, err := netip.ParseAddr(name)
		if !strings.EqualFold(name, "localhost") && (err != nil || !addr.IsLoopback()) {
			http.Error(w, "The inbox is for this computer only: open it by the name localhost.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
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

// Mail returns the page that is one mail, as HTML: it may have its own styles, and nothing else that a browser could run or
// load. The path has its number as {mail}.
func (box *Inbox) Mail() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.PathValue("mail")) // no mail has the number 0
		box.mu.Lock()
		at := slices.IndexFunc(box.mails, func(m received) bool { return m.Number == number && m.HTML != "" })
		html := ""
		if at >= 0 {
			html = box.mails[at].HTML
		}
		box.mu.Unlock()
		if at < 0 {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, html)
	})
}
