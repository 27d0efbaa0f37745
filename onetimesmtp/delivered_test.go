package onetimesmtp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// What a real MTA makes of the mails: one that offers SMTPUTF8, and one that does not.
func TestPostfix(t *testing.T) {
	for name, smtputf8 := range map[string]bool{"with SMTPUTF8": true, "without SMTPUTF8": false} {
		t.Run(name, func(t *testing.T) {
			p := startPostfix(t, smtputf8)
			t.Run("delivers ASCII mail that asks for no SMTPUTF8", p.deliversASCII)
			t.Run("delivers to the A-label of a domain", p.deliversToALabel)
			if smtputf8 {
				t.Run("delivers to a local part that is not ASCII", p.deliversUTF8)
			} else {
				t.Run("is not asked for a local part that is not ASCII", p.isNotAskedForUTF8)
			}
			t.Run("delivers links in one piece", p.deliversLinks)
			t.Run("is told the configured domain", p.isToldTheDomain)
		})
	}
}

const mailCommand = "MAIL FROM:<sign-in@example.com> BODY=8BITMIME"

// send sends a message to an address by the Postfix.
func (p *postfix) send(t *testing.T, to string, m onetimesend.Message) (onetimesend.Delivery, error) {
	t.Helper()
	p.commands()
	return send(t, &host{}, to, m, func(c *Config) { c.URL, c.Domain = p.url, "sign-in.example.net" })
}

func (p *postfix) deliversASCII(t *testing.T) {
	_, err := p.send(t, ann, message())
	require.NoError(t, err)
	got := p.next(t)
	require.Contains(t, got.raw, "\nDelivered-To: ann@example.com\n")
	require.Equal(t, []string{mailCommand, "RCPT TO:<ann@example.com>"}, p.commands())
	header, _, _ := got.read(t)
	require.Contains(t, header.Get("Received"), " with ESMTP ", "UTF8SMTP, if it were asked for")
}

func (p *postfix) deliversToALabel(t *testing.T) {
	for _, to := range []string{"ann@bücher.example", "ann@BÜCHER.example"} {
		_, err := p.send(t, to, message())
		require.NoError(t, err)
		require.Contains(t, p.next(t).raw, "\nDelivered-To: ann@xn--bcher-kva.example\n")
		require.Equal(t, []string{mailCommand, "RCPT TO:<ann@xn--bcher-kva.example>"}, p.commands())
	}
}

var beyondASCII = []string{"ünal@xn--bcher-kva.example", "用户@example.com"}

func (p *postfix) deliversUTF8(t *testing.T) {
	for _, to := range beyondASCII {
		_, err := p.send(t, to, message())
		require.NoError(t, err)
		got := p.next(t)
		require.Contains(t, got.raw, "\nDelivered-To: "+to+"\n")
		require.Equal(t, []string{mailCommand + " SMTPUTF8", "RCPT TO:<" + to + ">"}, p.commands())
		header, _, text := got.read(t)
		require.Contains(t, header.Get("Received"), " with UTF8SMTP ")
		require.Equal(t, message().Text(), text["text/plain"])
	}
}

func (p *postfix) isNotAskedForUTF8(t *testing.T) {
	for _, to := range beyondASCII {
		_, err := p.send(t, to, message())
		require.ErrorIs(t, err, onetimesend.ErrPermanent)
		require.NotContains(t, err.Error(), to)
		require.Empty(t, p.commands(), "it fails before MAIL")
	}
}

func (p *postfix) deliversLinks(t *testing.T) {
	for _, language := range []string{"en", "de", "fr", "es", "ar"} {
		m := message(func(m *onetimesend.Message) { m.Language = language })
		_, err := p.send(t, ann, m)
		require.NoError(t, err)
		_, _, text := p.next(t).read(t)
		require.Equal(t, m.Text(), text["text/plain"])
		require.True(t, strings.HasSuffix(text["text/plain"], "\n\n"+link+"\n"))
		require.Contains(t, text["text/html"], `<a href="`+link+`"`)
		require.Contains(t, text["text/html"], ">"+link+"</p>")
	}
}

func (p *postfix) isToldTheDomain(t *testing.T) {
	delivery, err := p.send(t, ann, message())
	require.NoError(t, err)
	header, _, _ := p.next(t).read(t)
	require.Len(t, header["Received"], 1)
	require.Contains(t, header.Get("Received"), "from sign-in.example.net (")
	require.Equal(t, delivery.ID, header.Get("Message-Id"))
	require.True(t, strings.HasSuffix(delivery.ID, "@sign-in.example.net>"))
}
