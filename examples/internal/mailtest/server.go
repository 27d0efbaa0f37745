// Package mailtest is a mail server for tests.
package mailtest

import (
	"encoding/base64"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// Patience is how long tests wait for what happens soon.
const Patience = 2 * time.Minute

// Wait waits until something is so.
func Wait(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.FailNow(t, "never happened: "+what)
		}
	}
}

// A Server keeps what it receives. It takes one account: user, with the password swordfish.
type Server struct {
	Addr   string
	Refuse error         // what RCPT is answered
	Hold   chan struct{} // if not nil, what MAIL says is answered when it is closed
	SMTP   *smtp.Server

	mu       sync.Mutex
	mails    []Mail
	arriving int
}

// Mail is a mail as it arrived.
type Mail struct {
	From string
	To   []string
	User string // who had logged in
	TLS  bool
	Raw  string
}

// Receive runs a mail server; change tells it apart.
func Receive(t testing.TB, change ...func(*Server)) *Server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &Server{Addr: listener.Addr().String()}
	s.SMTP = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, c: c}, nil }))
	s.SMTP.Domain, s.SMTP.AllowInsecureAuth = "localhost", true
	s.SMTP.ErrorLog = log.New(io.Discard, "", 0) // tests break connections
	for _, set := range change {
		set(s)
	}
	go s.SMTP.Serve(listener)
	t.Cleanup(func() { s.SMTP.Close(); listener.Close() })
	return s
}

type session struct {
	s *Server
	c *smtp.Conn
	m Mail
}

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "user" || password != "swordfish" {
			return smtp.ErrAuthFailed
		}
		m.m.User = user
		return nil
	}), nil
}

func (m *session) Mail(from string, _ *smtp.MailOptions) error {
	_, m.m.TLS = m.c.TLSConnectionState()
	m.m.From = from
	m.s.mu.Lock()
	m.s.arriving++
	m.s.mu.Unlock()
	if m.s.Hold != nil {
		<-m.s.Hold
	}
	return nil
}

func (m *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.m.To = append(m.m.To, to)
	return m.s.Refuse
}

func (m *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.m.Raw = string(raw)
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.mails = append(m.s.mails, m.m)
	return nil
}

func (m *session) Reset()        { m.m = Mail{User: m.m.User} }
func (m *session) Logout() error { return nil }

// Count returns how many mails have arrived.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// Mail waits for the mail of this number, from 0 on.
func (s *Server) Mail(t testing.TB, number int) Mail {
	t.Helper()
	Wait(t, "a mail arrives", func() bool { return s.Count() > number })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails[number]
}

// Read returns the header of a mail and its parts, by type and decoded.
func (m Mail) Read(t testing.TB) (mail.Header, map[string]string) {
	t.Helper()
	message, err := mail.ReadMessage(strings.NewReader(m.Raw))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	parts, reader := map[string]string{}, multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return message.Header, parts
		}
		require.NoError(t, err)
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		text, err := io.ReadAll(body)
		require.NoError(t, err)
		parts[part.Header.Get("Content-Type")] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

var code = regexp.MustCompile(`(?m)^\d{6}$`)

// Code returns the code in a mail, which is alone on its line.
func (m Mail) Code(t testing.TB) string {
	t.Helper()
	_, parts := m.Read(t)
	found := code.FindString(parts["text/plain; charset=UTF-8"])
	require.NotEmpty(t, found)
	return found
}

// Arriving tells how many mails have begun to arrive.
func (s *Server) Arriving() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arriving
}
