package onetimesmtp

import (
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

const (
	ann  = "ann@example.com"
	code = "123456"
	link = "https://example.com/sign-in/link?token=AXX1b0c4v-QG_mZz0M3q8yPnVt7s5rJk2LhD9fWgEaBcTuNoIxKpSlYdRiQeHjFwCvUbMz6O14"
)

// A host is a mail server that keeps what it receives. It takes one account: user, with the password swordfish.
type host struct {
	addr              string
	smtp              *smtp.Server
	mailErr, rcptErr  error         // what MAIL and RCPT are answered
	dataErr           error         // what the end of the mail is answered
	holdMail, holdEnd chan struct{} // what keeps the answer to MAIL, and to the end of the mail, back
	held              chan struct{} // is told of each answer that is kept back

	mu    sync.Mutex
	mails []received
	asked int // MAIL commands
}

// received is a mail as it arrived.
type received struct {
	from, to, helo, user, raw string
	options                   smtp.MailOptions
	tls                       bool
}

// serve runs a mail server; change tells it apart.
func serve(t testing.TB, change ...func(*host)) *host {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h := &host{addr: listener.Addr().String(), held: make(chan struct{}, 10)}
	h.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{h: h, c: c}, nil }))
	h.smtp.Domain, h.smtp.AllowInsecureAuth = "localhost", true
	h.smtp.ErrorLog = log.New(io.Discard, "", 0) // tests break connections
	for _, set := range change {
		set(h)
	}
	go h.smtp.Serve(listener)
	t.Cleanup(func() { h.smtp.Close(); listener.Close() })
	return h
}

// url is the URL of the server in a Config.
func (h *host) url() string { return "smtp://" + h.addr }

// only returns the one mail that arrived.
func (h *host) only(t testing.TB) received {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Len(t, h.mails, 1)
	return h.mails[0]
}

type session struct {
	h *host
	c *smtp.Conn
	m received
}

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "user" || password != "swordfish" {
			return smtp.ErrAuthFailed
		}
		s.m.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, options *smtp.MailOptions) error {
	s.h.mu.Lock()
	s.h.asked++
	s.h.mu.Unlock()
	if s.h.holdMail != nil {
		s.h.held <- struct{}{}
		<-s.h.holdMail
	}
	_, s.m.tls = s.c.TLSConnectionState()
	s.m.from, s.m.helo, s.m.options = from, s.c.Hostname(), *options
	return s.h.mailErr
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.m.to = strings.TrimPrefix(s.m.to+","+to, ",")
	return s.h.rcptErr
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.raw = string(raw)
	s.h.mu.Lock()
	s.h.mails = append(s.h.mails, s.m)
	s.h.mu.Unlock()
	if s.h.holdEnd != nil {
		s.h.held <- struct{}{}
		<-s.h.holdEnd
	}
	return s.h.dataErr
}

func (s *session) Reset()        { s.m = received{user: s.m.user} }
func (s *session) Logout() error { return nil }

// read returns the header of a mail and its parts, by type: as they stand in the source, and decoded.
func (m received) read(t testing.TB) (header mail.Header, source, text map[string]string) {
	t.Helper()
	message, err := mail.ReadMessage(strings.NewReader(m.raw))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	source, text = map[string]string{}, map[string]string{}
	for reader := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return message.Header, source, text
		}
		require.NoError(t, err)
		require.Equal(t, "base64", part.Header.Get("Content-Transfer-Encoding"))
		encoded, err := io.ReadAll(part)
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		require.NoError(t, err)
		source[kind], text[kind] = string(encoded), decode(t, string(encoded))
	}
}

// message is a message that could be sent.
func message(change ...func(*onetimesend.Message)) onetimesend.Message {
	m := onetimesend.Message{
		ID: "issue-1", Code: code, URL: link, CodeExpiresIn: 5 * time.Minute, ExpiresIn: 10 * time.Minute, Brand: onetimesend.Brand{Name: "Example"},
	}
	for _, set := range change {
		set(&m)
	}
	return m
}

// send sends a message to an address by a server.
func send(t testing.TB, h *host, to string, m onetimesend.Message, change ...func(*Config)) (onetimesend.Delivery, error) {
	t.Helper()
	config := Config{URL: h.url(), From: "Example <sign-in@example.com>"}
	for _, set := range change {
		set(&config)
	}
	sender, err := Sender(config)
	require.NoError(t, err)
	return sender(t.Context(), onetimesend.To(onetimesend.ChannelMail, to), m)
}
