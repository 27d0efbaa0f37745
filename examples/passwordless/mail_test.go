package main

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

func TestMail_HasBothTextsAndGoesToTheStoredAddress(t *testing.T) {
	t.Parallel()
	server := mailtest.Receive(t)
	p := sitetest.Run(t, "SMTP_URL=smtp://user:swordfish@"+server.Addr, "MAIL_FROM=Exämple <hello@example.com>", "PEOPLE=jane@example.org, joe@example.org")
	p.Visitor().Post("/sign-in", "address", "JANE@example.org ")
	m := server.Mail(t, 0)
	require.Equal(t, []string{"jane@example.org"}, m.To)
	require.Equal(t, "hello@example.com", m.From)
	require.Equal(t, "user", m.User)

	header, parts := m.Read(t)
	require.Equal(t, "<jane@example.org>", header.Get("To"))
	from, err := header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, []*mail.Address{{Name: "Exämple", Address: "hello@example.com"}}, from)
	require.Regexp(t, `^Sign in to Example \(ref\. [A-Z]{5}\)$`, header.Get("Subject"))
	require.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	require.NotEmpty(t, header.Get("Date"))
	require.NotEmpty(t, header.Get("Message-Id"))
	require.Len(t, parts, 2)
	plain, rich := parts["text/plain; charset=UTF-8"], parts["text/html; charset=UTF-8"]
	require.Regexp(t, p.Origin+`/sign-in/link\?token=[\w-]{76}\n`, plain)
	require.Contains(t, plain, "\n\n"+m.Code(t)+"\n\n")
	require.Contains(t, rich, "<!doctype html>")
	require.Contains(t, rich, ">"+m.Code(t)+"<")

	require.Contains(t, p.Printed.String(), "Mail: the server of SMTP_URL.\n")
	require.NotContains(t, p.Printed.String(), "swordfish")
	require.Equal(t, 404, p.Visitor().Get("/inbox").Status)
	require.NotContains(t, p.Visitor().Get("/").Text, "@example", "whoever reads it is told who has an account")
}

func TestMail_RefusedIsLoggedAndDoesNotShow(t *testing.T) {
	t.Parallel()
	server := mailtest.Receive(t, func(s *mailtest.Server) { s.Refuse = &smtp.SMTPError{Code: 550, Message: "no such mailbox"} })
	p := sitetest.Run(t, "SMTP_URL=smtp://"+server.Addr)
	answer := p.Visitor().Post("/sign-in", "address", alice)
	require.Equal(t, 200, answer.Status)
	mailtest.Wait(t, "the refusal is logged", func() bool { return strings.Contains(p.Printed.String(), "ERROR Deliver") })
	require.Regexp(t, `ERROR Deliver purpose=default id=\S+ error=.*RCPT: the server answered 550`, p.Printed.String())
	require.NotContains(t, p.Printed.String(), "no such mailbox", "servers like to repeat the address")
}
