package onetimesmtp

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

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
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}

// as returns the server of a Config as if it were not on a loopback address.
func as(t *testing.T, c Config) *server {
	c.From = "sign-in@example.com"
	s, err := c.check()
	require.NoError(t, err)
	s.local = false
	return s
}

func try(t *testing.T, s *server) error {
	_, err := s.send(t.Context(), onetimesend.To(onetimesend.ChannelMail, ann), message())
	return err
}

func TestTLS_IsDemanded(t *testing.T) {
	certificate, roots := certify(t)
	plain, encrypted := serve(t), serve(t, func(h *host) { h.smtp.TLSConfig = certificate })

	err := try(t, as(t, Config{URL: plain.url(), TLS: roots}))
	require.ErrorContains(t, err, "STARTTLS")
	require.NotErrorIs(t, err, onetimesend.ErrPermanent, "it is no word about the address")
	require.Error(t, try(t, as(t, Config{URL: encrypted.url()})), "nobody vouches for this certificate")
	require.Error(t, try(t, as(t, Config{URL: "smtps://" + plain.addr, TLS: roots})), "TLS from the first byte on")
	require.Zero(t, plain.asked+encrypted.asked)

	require.NoError(t, try(t, as(t, Config{URL: "smtp://user:swordfish@" + encrypted.addr, TLS: roots})))
	require.True(t, encrypted.only(t).tls)
	require.Equal(t, "user", encrypted.only(t).user)

	implicit := serve(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", certificate)
	require.NoError(t, err)
	go implicit.smtp.Serve(listener)
	require.NoError(t, try(t, as(t, Config{URL: "smtps://user:swordfish@" + listener.Addr().String(), TLS: roots})))
	require.True(t, implicit.only(t).tls)
}

// Somebody in between who answers STARTTLS with more than one reply must not speak for the server.
func TestTLS_NothingThatWasSaidInClearIsBelieved(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	said := make(chan string, 100)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "220 between\r\n")
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			said <- lines.Text()
			switch {
			case strings.HasPrefix(lines.Text(), "EHLO"):
				fmt.Fprint(conn, "250-between\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
			case lines.Text() == "STARTTLS":
				fmt.Fprint(conn, "220 go\r\n250-between\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")
			}
		}
		close(said)
	}()
	_, roots := certify(t)
	require.Error(t, try(t, as(t, Config{URL: "smtp://user:swordfish@" + listener.Addr().String(), TLS: roots, Timeout: time.Second})))
	for line := range said {
		require.NotContains(t, line, "AUTH")
		require.NotContains(t, line, "MAIL")
	}
}

func TestLogin_WrongPasswordIsTemporary(t *testing.T) {
	h := serve(t)
	_, err := send(t, h, ann, message(), func(c *Config) { c.URL = "smtp://user:wrong@" + h.addr })
	require.ErrorContains(t, err, "535")
	require.NotErrorIs(t, err, onetimesend.ErrPermanent)
	require.NotContains(t, err.Error(), "wrong@")
	require.Zero(t, h.asked)
	_, err = send(t, h, ann, message(), func(c *Config) { c.URL = "smtp://user:swordfish@" + h.addr })
	require.NoError(t, err)
	require.Equal(t, "user", h.only(t).user)
}

func TestConfig_IsChecked(t *testing.T) {
	for address, want := range map[string]server{
		"smtp://mail.example.com":                  {addr: "mail.example.com:587"},
		"smtp://u:p@mail.example.com:2525":         {addr: "mail.example.com:2525", login: true},
		"smtp://localhost.example.com":             {addr: "localhost.example.com:587"},
		"smtp://localhost:1025/":                   {addr: "localhost:1025", local: true},
		"smtp://[::1]:1025":                        {addr: "[::1]:1025", local: true},
		"smtps://u:p%2F%40ssword@mail.example.com": {addr: "mail.example.com:465", login: true, implicit: true},
	} {
		s, err := Config{URL: address, From: "sign-in@example.com"}.check()
		require.NoError(t, err, address)
		require.Equal(t, want, server{addr: s.addr, login: s.login, local: s.local, implicit: s.implicit}, address)
		require.Equal(t, "example.com", s.domain)
		require.EqualValues(t, tls.VersionTLS12, s.tls.MinVersion)
	}
	for _, address := range []string{
		"", "mail.example.com:587", "http://u:swordfish@mail.example.com", "smtp://u:swordfish@", "smtp://u:swordfish@mail.example.com/path",
		"smtp://u:swordfish@mail.example.com?tls=no", "smtp://u:swordfish@mail.example.com:port", "smtp://u:swordfish@mail.example.com:70000",
	} {
		_, err := Sender(Config{URL: address, From: "sign-in@example.com"})
		require.ErrorIs(t, err, onetimesend.ErrInvalid, address)
		require.ErrorContains(t, err, "Config.URL")
		require.NotContains(t, err.Error(), "swordfish")
	}
	for _, from := range []string{"", "nobody", "nobody\r\nBcc: eve@example.net", "ünal@example.com", "a@example.com, b@example.com"} {
		_, err := Sender(Config{URL: "smtp://localhost", From: from})
		require.ErrorIs(t, err, onetimesend.ErrInvalid, "%q", from)
		require.ErrorContains(t, err, "Config.From")
	}
	_, err := Sender(Config{Domain: "x y", Timeout: time.Hour})
	for _, want := range []string{"Config.URL", "Config.From", "Config.Domain", "Config.Timeout(1h0m0s): want 1s to 10m0s"} {
		require.ErrorContains(t, err, want)
	}
}
