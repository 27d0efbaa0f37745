package mailer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"mime"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

const alice = "alice@example.com"

// send lets a mailer send a message of a service of this name.
func send(t testing.TB, m *Mailer, deliverTo, service string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), mailtest.Patience)
	defer cancel()
	return m.Send(ctx, deliverTo, onetimehttp.Message{Service: service, Code: "123456", CodeExpiresIn: 5 * time.Minute})
}

func TestMail_NoHeaderAndNoRecipientCanBeAdded(t *testing.T) {
	t.Parallel()
	server := mailtest.Receive(t)
	m, err := New("smtp://"+server.Addr, "Example <sign-in@example.com>")
	require.NoError(t, err)
	for _, deliverTo := range []string{
		"alice@example.com\r\nBcc: eve@example.net", "alice@example.com, eve@example.net", "alice@example.com>\r\nRCPT TO:<eve@example.net", "",
	} {
		require.Error(t, send(t, m, deliverTo, "Example"), "%q", deliverTo)
	}
	require.Zero(t, server.Count())

	const service = "Example\r\nBcc: eve@example.net\r\n\r\nhello"
	require.NoError(t, send(t, m, alice, service))
	mail := server.Mail(t, 0)
	require.Equal(t, []string{alice}, mail.To)
	header, parts := mail.Read(t)
	require.Empty(t, header.Get("Bcc"))
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Sign in to "+service, subject)
	require.Len(t, parts, 2)
}

func TestMail_DeliveredIsNotFailedByWhatFollows(t *testing.T) {
	t.Parallel()
	server := mailtest.Receive(t)
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
		up, err := net.Dial("tcp", server.Addr)
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
	m, err := New("smtp://"+listener.Addr().String(), "sign-in@example.com")
	require.NoError(t, err)
	require.NoError(t, send(t, m, alice, "Example"))
	require.Equal(t, 1, server.Count())
}

func TestMail_TLS(t *testing.T) {
	t.Parallel()
	certificate, roots := certify(t)
	encrypted := mailtest.Receive(t, func(s *mailtest.Server) { s.SMTP.TLSConfig = certificate })

	m, err := New("smtp://user:swordfish@"+encrypted.Addr, "sign-in@example.com")
	require.NoError(t, err)
	require.Error(t, send(t, m, alice, "Example"), "nobody vouches for this certificate")
	require.NoError(t, m.client.SetTLSConfig(roots))
	require.NoError(t, send(t, m, alice, "Example"))
	require.True(t, encrypted.Mail(t, 0).TLS)

	plain := mailtest.Receive(t)
	m, err = New("smtps://user:swordfish@"+plain.Addr, "sign-in@example.com")
	require.NoError(t, err)
	require.Error(t, send(t, m, alice, "Example"), "smtps is TLS from the first byte on")
	require.Zero(t, plain.Count())

	listener, err := tls.Listen("tcp", "127.0.0.1:0", certificate)
	require.NoError(t, err)
	go encrypted.SMTP.Serve(listener)
	m, err = New("smtps://user:swordfish@"+listener.Addr().String(), "sign-in@example.com")
	require.NoError(t, err)
	require.NoError(t, m.client.SetTLSConfig(roots))
	require.NoError(t, send(t, m, alice, "Example"))
	require.True(t, encrypted.Mail(t, 1).TLS)
	require.Equal(t, "user", encrypted.Mail(t, 1).User)
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
		m, err := New(address, "sign-in@example.com")
		require.NoError(t, err, address)
		require.Equal(t, want, [2]string{m.client.ServerAddr(), m.client.TLSPolicy()}, address)
	}
	for _, address := range []string{
		"mail.example.com:587", "http://u:swordfish@mail.example.com", "smtp://u:swordfish@", "smtp://u:swordfish@mail.example.com/path",
		"smtp://u:swordfish@mail.example.com?tls=no", "smtp://u:swordfish@mail.example.com:port", "smtp://u:swordfish@mail.example.com:70000",
	} {
		_, err := New(address, "sign-in@example.com")
		require.ErrorContains(t, err, "SMTP_URL", address)
		require.NotContains(t, err.Error(), "swordfish")
	}
	_, err := New("smtp://localhost:1025", "nobody\r\nBcc: eve@example.net")
	require.ErrorContains(t, err, "MAIL_FROM")
}
