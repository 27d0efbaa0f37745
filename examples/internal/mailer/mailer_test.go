package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
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

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A mailServer keeps what it receives. It takes one account: user, with the password swordfish.
type mailServer struct {
	addr   string
	refuse error         // what RCPT is answered
	hold   chan struct{} // if not nil, what MAIL says is answered when it is closed
	server *smtp.Server

	mu       sync.Mutex
	mails    []mailed
	arriving int
}

// mailed is a mail as it arrived.
type mailed struct {
	from string
	to   []string
	user string // who had logged in
	tls  bool
	raw  string
}

// receive runs a mail server; change tells it apart.
func receive(t testing.TB, change ...func(*mailServer)) *mailServer {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &mailServer{addr: listener.Addr().String()}
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{s: s, c: c}, nil }))
	s.server.Domain, s.server.AllowInsecureAuth = "localhost", true
	s.server.ErrorLog = log.New(io.Discard, "", 0) // tests break connections
	for _, set := range change {
		set(s)
	}
	go s.server.Serve(listener)
	t.Cleanup(func() { s.server.Close(); listener.Close() })
	return s
}

type mailSession struct {
	s *mailServer
	c *smtp.Conn
	m mailed
}

func (*mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "user" || password != "swordfish" {
			return smtp.ErrAuthFailed
		}
		m.m.user = user
		return nil
	}), nil
}

func (m *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	_, m.m.tls = m.c.TLSConnectionState()
	m.m.from = from
	m.s.mu.Lock()
	m.s.arriving++
	m.s.mu.Unlock()
	if m.s.hold != nil {
		<-m.s.hold
	}
	return nil
}

func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.m.to = append(m.m.to, to)
	return m.s.refuse
}

func (m *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.m.raw = string(raw)
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.mails = append(m.s.mails, m.m)
	return nil
}

func (m *mailSession) Reset()        { m.m = mailed{user: m.m.user} }
func (m *mailSession) Logout() error { return nil }

func (s *mailServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// mail waits for the mail of this number, from 0 on.
func (s *mailServer) mail(t testing.TB, number int) mailed {
	t.Helper()
	wait(t, "a mail arrives", func() bool { return s.count() > number })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails[number]
}

// read returns the header of a mail and its parts, by type and decoded.
func (m mailed) read(t testing.TB) (mail.Header, map[string]string) {
	t.Helper()
	message, err := mail.ReadMessage(strings.NewReader(m.raw))
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
		text, err := io.ReadAll(part)
		require.NoError(t, err)
		parts[part.Header.Get("Content-Type")] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

func (m mailed) code() string { return shown.FindStringSubmatch(m.raw)[1] }

// send lets a mailer send a message of a service of this name.
func send(t testing.TB, m *mailer, deliverTo, service string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return m.send(ctx, deliverTo, onetimehttp.Message{Service: service, Code: "123456", CodeExpiresIn: 5 * time.Minute})
}

func TestMail_HasBothTextsAndGoesToTheStoredAddress(t *testing.T) {
	t.Parallel()
	server := receive(t)
	p := start(t, command("SMTP_URL=smtp://user:swordfish@"+server.addr, "MAIL_FROM=Exämple <hello@example.com>", "PEOPLE=jane@example.org, joe@example.org"))
	p.browser().post("/sign-in", "address", "JANE@example.org ")
	m := server.mail(t, 0)
	require.Equal(t, []string{"jane@example.org"}, m.to)
	require.Equal(t, "hello@example.com", m.from)
	require.Equal(t, "user", m.user)

	header, parts := m.read(t)
	require.Equal(t, "<jane@example.org>", header.Get("To"))
	from, err := header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, []*mail.Address{{Name: "Exämple", Address: "hello@example.com"}}, from)
	require.Equal(t, "Sign in to Example", header.Get("Subject"))
	require.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	require.NotEmpty(t, header.Get("Date"))
	require.NotEmpty(t, header.Get("Message-Id"))
	require.Len(t, parts, 2)
	plain, rich := parts["text/plain; charset=UTF-8"], parts["text/html; charset=UTF-8"]
	require.Regexp(t, p.origin+`/sign-in/link\?token=[\w-]{76}\n`, plain)
	require.Contains(t, plain, "Your code is "+m.code()+".")
	require.Contains(t, rich, "<!doctype html>")
	require.Contains(t, rich, "Your code is "+m.code()+".")

	require.Contains(t, p.printed.String(), "Mail: the server of SMTP_URL.\n")
	require.NotContains(t, p.printed.String(), "swordfish")
	require.Equal(t, 404, p.browser().get("/inbox").status)
	require.NotContains(t, p.browser().get("/").text, "@example", "whoever reads it is told who has an account")
}

func TestMail_RefusedIsLoggedAndDoesNotShow(t *testing.T) {
	t.Parallel()
	server := receive(t, func(s *mailServer) { s.refuse = &smtp.SMTPError{Code: 550, Message: "no such mailbox"} })
	p := start(t, command("SMTP_URL=smtp://"+server.addr))
	answer := p.browser().post("/sign-in", "address", alice)
	require.Equal(t, 200, answer.status)
	wait(t, "the refusal is logged", func() bool { return strings.Contains(p.printed.String(), "no such mailbox") })
	require.Regexp(t, `ERROR Deliver purpose=default id=\S+ error=.*no such mailbox`, p.printed.String())
}

func TestMail_NoHeaderAndNoRecipientCanBeAdded(t *testing.T) {
	t.Parallel()
	server := receive(t)
	m, err := newMailer("smtp://"+server.addr, "Example <sign-in@example.com>")
	require.NoError(t, err)
	for _, deliverTo := range []string{
		"alice@example.com\r\nBcc: eve@example.net", "alice@example.com, eve@example.net", "alice@example.com>\r\nRCPT TO:<eve@example.net", "",
	} {
		require.Error(t, send(t, m, deliverTo, "Example"), "%q", deliverTo)
	}
	require.Zero(t, server.count())

	const service = "Example\r\nBcc: eve@example.net\r\n\r\nhello"
	require.NoError(t, send(t, m, alice, service))
	mail := server.mail(t, 0)
	require.Equal(t, []string{alice}, mail.to)
	header, parts := mail.read(t)
	require.Empty(t, header.Get("Bcc"))
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Sign in to "+service, subject)
	require.Len(t, parts, 2)
}

func TestMail_DeliveredIsNotFailedByWhatFollows(t *testing.T) {
	t.Parallel()
	server := receive(t)
	// A proxy that breaks the connection once the mail was taken.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		up, err := net.Dial("tcp", server.addr)
		if err != nil {
			return
		}
		defer up.Close()
		go io.Copy(up, client)
		reply := make([]byte, 4096)
		for {
			n, err := up.Read(reply)
			if err != nil {
				return
			}
			client.Write(reply[:n])
			if bytes.Contains(reply[:n], []byte("queued")) {
				return
			}
		}
	}()
	m, err := newMailer("smtp://"+listener.Addr().String(), "sign-in@example.com")
	require.NoError(t, err)
	require.NoError(t, send(t, m, alice, "Example"))
	require.Equal(t, 1, server.count())
}

func TestMail_TLS(t *testing.T) {
	t.Parallel()
	certificate, roots := certify(t)
	encrypted := receive(t, func(s *mailServer) { s.server.TLSConfig = certificate })

	m, err := newMailer("smtp://user:swordfish@"+encrypted.addr, "sign-in@example.com")
	require.NoError(t, err)
	require.Error(t, send(t, m, alice, "Example"), "nobody vouches for this certificate")
	require.NoError(t, m.client.SetTLSConfig(roots))
	require.NoError(t, send(t, m, alice, "Example"))
	require.True(t, encrypted.mail(t, 0).tls)

	plain := receive(t)
	m, err = newMailer("smtps://user:swordfish@"+plain.addr, "sign-in@example.com")
	require.NoError(t, err)
	require.Error(t, send(t, m, alice, "Example"), "smtps is TLS from the first byte on")
	require.Zero(t, plain.count())

	listener, err := tls.Listen("tcp", "127.0.0.1:0", certificate)
	require.NoError(t, err)
	go encrypted.server.Serve(listener)
	m, err = newMailer("smtps://user:swordfish@"+listener.Addr().String(), "sign-in@example.com")
	require.NoError(t, err)
	require.NoError(t, m.client.SetTLSConfig(roots))
	require.NoError(t, send(t, m, alice, "Example"))
	require.True(t, encrypted.mail(t, 1).tls)
	require.Equal(t, "user", encrypted.mail(t, 1).user)
}

// certify returns the settings of a server of 127.0.0.1 with a certificate of its own, and those of a client that trusts it.
func certify(t testing.TB) (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

func TestMailer_ReadsSMTPURL(t *testing.T) {
	for address, want := range map[string][2]string{
		"smtp://mail.example.com":                  {"mail.example.com:587", "TLSMandatory"},
		"smtp://u:p@mail.example.com:2525":         {"mail.example.com:2525", "TLSMandatory"},
		"smtp://localhost.example.com":             {"localhost.example.com:587", "TLSMandatory"},
		"smtp://localhost:1025/":                   {"localhost:1025", "TLSOpportunistic"},
		"smtp://[::1]:1025":                        {"::1:1025", "TLSOpportunistic"},
		"smtps://u:p%2F%40ssword@mail.example.com": {"mail.example.com:465", "TLSMandatory"},
	} {
		m, err := newMailer(address, "sign-in@example.com")
		require.NoError(t, err, address)
		require.Equal(t, want, [2]string{m.client.ServerAddr(), m.client.TLSPolicy()}, address)
	}
	for _, address := range []string{
		"mail.example.com:587", "http://u:swordfish@mail.example.com", "smtp://u:swordfish@", "smtp://u:swordfish@mail.example.com/path",
		"smtp://u:swordfish@mail.example.com?tls=no", "smtp://u:swordfish@mail.example.com:port", "smtp://u:swordfish@mail.example.com:70000",
	} {
		_, err := newMailer(address, "sign-in@example.com")
		require.ErrorContains(t, err, "SMTP_URL", address)
		require.NotContains(t, err.Error(), "swordfish")
	}
	_, err := newMailer("smtp://localhost:1025", "nobody\r\nBcc: eve@example.net")
	require.ErrorContains(t, err, "MAIL_FROM")
}
