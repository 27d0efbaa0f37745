package onetimesmtp

import (
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestNotices_SendPlainText(t *testing.T) {
	h := serve(t)
	write, err := Notices(Config{URL: "smtp://" + h.addr, From: "Example <sign-in@example.com>"})
	require.NoError(t, err)
	require.NoError(t, write(t.Context(), ann, "Your password was changed", "At noon.\nhttps://example.com/\n"))
	require.NoError(t, write(t.Context(), ann, "Your password was changed", "At one.\n"))
	require.Len(t, h.mails, 2)
	raw := h.mails[0].raw
	require.Contains(t, raw, "Subject: Your password was changed\r\n")
	require.Contains(t, raw, "Auto-Submitted: auto-generated\r\n")
	require.NotContains(t, raw, "text/html")
	require.NotContains(t, raw, "multipart")
	id := func(raw string) string { return raw[strings.Index(raw, "Message-ID:"):][:40] }
	require.NotEqual(t, id(raw), id(h.mails[1].raw), "each is a mail of its own")
}

func TestNotices_TakeNoSecondAddressAndNoSecondLine(t *testing.T) {
	h := serve(t)
	write, err := Notices(Config{URL: "smtp://" + h.addr, From: "sign-in@example.com"})
	require.NoError(t, err)
	for _, c := range [][2]string{
		{"ann@example.com, eve@example.net", "Hello"}, {"ann@example.com\r\nBcc: eve@example.net", "Hello"}, {"", "Hello"}, {"ann", "Hello"},
		{ann, ""}, {ann, "Hello\r\nBcc: eve@example.net"}, {ann, "a\x00"}, {ann, strings.Repeat("a", 201)}, {ann, "\xff"},
	} {
		err := write(t.Context(), c[0], c[1], "text\n")
		require.ErrorIs(t, err, onetimesend.ErrPermanent, "%q", c)
		require.ErrorIs(t, err, onetimesend.ErrInvalid, "%q", c)
		require.NotContains(t, err.Error(), "eve")
	}
	require.Empty(t, h.mails)
	_, err = Notices(Config{URL: "smtp://" + h.addr})
	require.ErrorContains(t, err, "Config.From")
}

func TestNotices_ErrorsAreThoseOfASender(t *testing.T) {
	h := serve(t, func(h *host) {
		h.rcptErr = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	})
	write, err := Notices(Config{URL: "smtp://" + h.addr, From: "sign-in@example.com"})
	require.NoError(t, err)
	err = write(t.Context(), ann, "Hello", "text\n")
	require.ErrorIs(t, err, onetimesend.ErrPermanent)
	require.EqualError(t, err, "onetimesmtp: RCPT: the server answered 550 5.1.1")
}
