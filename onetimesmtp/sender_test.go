package onetimesmtp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func decode(t testing.TB, encoded string) string {
	decoded, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(encoded))
	require.NoError(t, err)
	return strings.ReplaceAll(string(decoded), "\r\n", "\n")
}

func TestMail_TheLinkStandsInOnePiece(t *testing.T) {
	for _, language := range []string{"en", "de", "fr", "es", "ar"} {
		h := serve(t)
		m := message(func(m *onetimesend.Message) { m.Language = language })
		_, err := send(t, h, ann, m)
		require.NoError(t, err)
		header, source, text := h.only(t).read(t)
		require.Len(t, text, 2)
		require.True(t, strings.HasSuffix(text["text/plain"], "\n\n"+link+"\n"))
		require.Contains(t, text["text/html"], `<a href="`+link+`"`)
		require.Contains(t, text["text/html"], ">"+link+"</p>")
		require.Equal(t, m.Text(), text["text/plain"])
		for _, part := range source {
			require.Regexp(t, `^[A-Za-z0-9+/=\r\n]+$`, part)
		}
		for line := range strings.Lines(h.only(t).raw) {
			require.LessOrEqual(t, len(line), 80)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
		require.NoError(t, err)
		require.Equal(t, m.Subject(), subject)
	}
}

func TestMail_Headers(t *testing.T) {
	h := serve(t)
	delivery, err := send(t, h, ann, message(), func(c *Config) { c.From = "Bücher & Co <sign-in@bücher.example>" })
	require.NoError(t, err)
	got := h.only(t)
	header, _, _ := got.read(t)
	require.Equal(t, "sign-in@xn--bcher-kva.example", got.from)
	require.Equal(t, ann, got.to)
	require.Equal(t, "xn--bcher-kva.example", got.helo)
	require.Equal(t, onetimesend.Delivery{Channel: onetimesend.ChannelMail, ID: header.Get("Message-ID")}, delivery)
	require.Equal(t, "<"+message().DeliveryID(onetimesend.Address{Channel: onetimesend.ChannelMail, Value: ann})+"@xn--bcher-kva.example>", delivery.ID)
	require.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	from, err := header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, "Bücher & Co", from[0].Name)
	require.Equal(t, "<ann@example.com>", header.Get("To"))
	date, err := header.Date()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), date, time.Hour)
	for _, absent := range []string{"List-Unsubscribe", "X-Mailer", "User-Agent", "Bcc", "Cc"} {
		require.Empty(t, header.Get(absent))
	}
}

func TestMail_HELOAndMessageIDHaveTheConfiguredDomain(t *testing.T) {
	h := serve(t)
	delivery, err := send(t, h, ann, message(func(m *onetimesend.Message) { m.ID = "" }), func(c *Config) { c.Domain = "mta.example.net" })
	require.NoError(t, err)
	require.Equal(t, "mta.example.net", h.only(t).helo)
	require.Regexp(t, `^<[A-Z2-7]{26}@mta\.example\.net>$`, delivery.ID)
}

// A second attempt has the Message-ID of the first, so that mailboxes can drop one of them.
func TestMail_AttemptsHaveOneMessageID(t *testing.T) {
	h := serve(t)
	first, err := send(t, h, ann, message())
	require.NoError(t, err)
	second, err := send(t, h, ann, message())
	require.NoError(t, err)
	require.Equal(t, first, second)
	other, err := send(t, h, ann, message(func(m *onetimesend.Message) { m.ID = "issue-2" }))
	require.NoError(t, err)
	require.NotEqual(t, first, other)
}

func TestMail_SMTPUTF8OnlyWhereTheAddressNeedsIt(t *testing.T) {
	for _, offered := range []bool{false, true} {
		for _, c := range []struct {
			address, want string
			utf8          bool
		}{
			{ann, ann, false}, {"ann@bücher.example", "ann@xn--bcher-kva.example", false},
			{"ann@BÜCHER.example", "ann@xn--bcher-kva.example", false}, {"ünal@bücher.example", "ünal@xn--bcher-kva.example", true},
		} {
			h := serve(t, func(h *host) { h.smtp.EnableSMTPUTF8 = offered })
			_, err := send(t, h, c.address, message())
			if c.utf8 && !offered {
				require.ErrorIs(t, err, onetimesend.ErrPermanent)
				require.Zero(t, h.asked, "it fails before MAIL")
				require.NotContains(t, err.Error(), "ünal")
				continue
			}
			require.NoError(t, err)
			require.Equal(t, c.want, h.only(t).to)
			require.Equal(t, c.utf8, h.only(t).options.UTF8)
		}
	}
}

func TestMail_NoHeaderAndNoRecipientCanBeAdded(t *testing.T) {
	h := serve(t)
	for _, to := range []string{
		"ann@example.com\r\nBcc: eve@example.net", "ann@example.com, eve@example.net", "ann@example.com>\r\nRCPT TO:<eve@example.net", "",
		"ann@example.com\x00", "ann@example.com,", "ann@-.example", "ann@exa_mple..com",
	} {
		_, err := send(t, h, to, message())
		require.ErrorIs(t, err, onetimesend.ErrPermanent, "%q", to)
	}
	for _, name := range []string{"Example\r\nBcc: eve@example.net", "Example\x00", "Example\n"} {
		_, err := send(t, h, ann, message(func(m *onetimesend.Message) { m.Brand.Name = name }))
		require.ErrorIs(t, err, onetimesend.ErrPermanent, "%q", name)
	}
	require.Zero(t, h.asked)

	const name = "Example, <eve@example.net>; =?utf-8?q?Bcc:?="
	_, err := send(t, h, ann, message(func(m *onetimesend.Message) { m.Brand.Name = name }))
	require.NoError(t, err)
	header, _, _ := h.only(t).read(t)
	require.Equal(t, ann, h.only(t).to)
	require.Empty(t, header.Get("Bcc"))
	require.Contains(t, header.Get("Subject"), name)
}

func answer(code int, enhanced ...int) error {
	e := &smtp.SMTPError{Code: code, Message: "<ann@example.com> says 123456"}
	if len(enhanced) == 3 {
		e.EnhancedCode = smtp.EnhancedCode(enhanced)
	}
	return e
}

func TestAnswers_SayWhetherTheMailCanArrive(t *testing.T) {
	for _, step := range []struct {
		name string
		set  func(*host, error)
	}{
		{"MAIL", func(h *host, err error) { h.mailErr = err }}, {"RCPT", func(h *host, err error) { h.rcptErr = err }},
		{"end of the mail", func(h *host, err error) { h.dataErr = err }},
	} {
		h := serve(t, func(h *host) { step.set(h, answer(550, 5, 1, 1)) })
		_, err := send(t, h, ann, message())
		require.ErrorIs(t, err, onetimesend.ErrPermanent, step.name)
		require.EqualError(t, err, fmt.Sprintf("onetimesmtp: %s: the server answered 550 5.1.1", step.name), "and no word of what it said")

		h = serve(t, func(h *host) { step.set(h, answer(450, 4, 2, 0)) })
		_, err = send(t, h, ann, message())
		require.NotErrorIs(t, err, onetimesend.ErrPermanent, step.name)
		require.NotErrorIs(t, err, onetimesend.ErrUnknown, step.name)
		require.EqualError(t, err, fmt.Sprintf("onetimesmtp: %s: the server answered 450 4.2.0", step.name))
	}
}

// The queue of the server holds the mail when it has it all, whether it answers in time or not.
func TestTimeout_AfterTheMailIsUnknownAndBeforeItIsTemporary(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	for _, c := range []struct {
		hold func(*host)
		want bool
	}{{func(h *host) { h.holdEnd = hold }, true}, {func(h *host) { h.holdMail = hold }, false}} {
		h := serve(t, c.hold)
		sender, err := Sender(Config{URL: h.url(), From: "sign-in@example.com"})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-h.held; cancel() }()
		_, err = sender(ctx, onetimesend.To(onetimesend.ChannelMail, ann), message())
		require.Error(t, err)
		require.Equal(t, c.want, errors.Is(err, onetimesend.ErrUnknown))
		require.NotErrorIs(t, err, onetimesend.ErrPermanent)
	}
	h := serve(t, func(h *host) { h.holdMail = hold })
	_, err := send(t, h, ann, message(), func(c *Config) { c.Timeout = time.Second })
	require.Error(t, err, "a server that never answers is not waited for")
}

// What a Queue makes of it: the code stays alive, and the mail is not sent again.
func TestTimeout_AfterTheMailKeepsTheCodeAlive(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	h := serve(t, func(h *host) { h.holdEnd = hold })
	sender, err := Sender(Config{URL: h.url(), From: "sign-in@example.com"})
	require.NoError(t, err)
	queue, err := onetimesend.NewQueue(sender, onetimesend.WithDelay(0))
	require.NoError(t, err)
	result := make(chan onetimesend.Result, 1)
	require.NoError(t, queue.Add(onetimesend.Job{
		To: onetimesend.To(onetimesend.ChannelMail, ann), Message: message(), Done: func(r onetimesend.Result) { result <- r },
	}))
	<-h.held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, queue.Close(ctx), context.Canceled)
	r := <-result
	require.ErrorIs(t, r.Err, onetimesend.ErrUnknown)
	require.False(t, r.Failed())
	require.Equal(t, 1, r.Attempts)
	h.only(t)
}

func TestConnection_ThatIsRefusedIsTemporary(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener.Close()
	_, err = send(t, &host{addr: listener.Addr().String()}, ann, message())
	require.Error(t, err)
	require.NotErrorIs(t, err, onetimesend.ErrPermanent)
	require.NotErrorIs(t, err, onetimesend.ErrUnknown)
}
