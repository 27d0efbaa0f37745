package onetimehttp

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
	"time"
)

// A Message is what a Sender delivers. It prints without Code and URL.
type Message struct {
	// Purpose is that of the Manager, Service is Config.Name.
	Purpose, Service string
	// Code is the code to type, URL the link to open; either may be empty. Never log them.
	Code, URL string
	// CodeExpiresIn and ExpiresIn are how long the code and the link are good for, from the issue on.
	CodeExpiresIn, ExpiresIn time.Duration
	// Language is that of the texts, as the browser asked for.
	Language string

	domain string
	texts  Catalogue
}

// Subject returns the subject line of a mail.
func (m Message) Subject() string { return m.texts.text("mail.subject", m.Service) }

// Text returns the body of a mail as plain text.
func (m Message) Text() string {
	parts := []string{m.texts.text("mail.intro", m.Service)}
	if m.URL != "" {
		parts = append(parts, m.texts.text("mail.link", minutes(m.ExpiresIn))+"\n"+m.URL)
	}
	if m.Code != "" {
		parts = append(parts, m.texts.text("mail.code", m.Code, minutes(m.CodeExpiresIn)))
	}
	return strings.Join(append(parts, m.texts.text("mail.ignore")), "\n\n") + "\n"
}

// emphasis begins what people look for in a mail: the code.
const emphasis = `<strong style="font-size:24px;letter-spacing:2px;white-space:nowrap">`

var mail = template.Must(template.ParseFS(files, "pages/mail.html"))

// HTML returns the body of a mail as HTML, which loads nothing.
func (m Message) HTML() (string, error) {
	code := template.HTMLEscapeString(m.Code)
	sentence := template.HTMLEscapeString(m.texts.text("mail.code", m.Code, minutes(m.CodeExpiresIn)))
	var body bytes.Buffer
	err := mail.ExecuteTemplate(&body, "mail", struct {
		Message
		LinkMinutes int
		WithCode    template.HTML // escaped above
	}{m, minutes(m.ExpiresIn), template.HTML(strings.Replace(sentence, code, emphasis+code+"</strong>", 1))})
	return body.String(), err
}

// SMS returns the body of a text message. With a code, its last line binds the code to the site, so that browsers fill it
// in there and nowhere else: "@example.com #123456" (WICG, Origin-bound one-time codes delivered via SMS). A Message that no
// Flow made has no such line.
func (m Message) SMS() string {
	if m.Code == "" {
		return m.texts.text("sms.link", m.Service, m.URL)
	}
	text := m.texts.text("sms.code", m.Code, m.Service)
	if m.domain != "" {
		text += "\n\n@" + m.domain + " #" + m.Code
	}
	return text
}

// T returns a text of the catalogue, as Page.T does.
func (m Message) T(name string, args ...any) string { return m.texts.text(name, args...) }

func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// Format prints the purpose only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (m Message) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "onetimehttp.Message(%s)", m.Purpose) }

// MarshalText returns the purpose only; JSON and slog use it.
func (m Message) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "onetimehttp.Message(%s)", m.Purpose), nil
}
