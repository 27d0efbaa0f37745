package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"net/smtp"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hash returns the hash of the style sheet of a page, as a Content-Security-Policy has it.
func hash(t testing.TB, page string) string {
	t.Helper()
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	require.NotNil(t, style)
	sum := sha256.Sum256([]byte(style[1]))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// letterOf is a mail with this subject and this plain text.
func letterOf(subject, text string) string {
	return strings.ReplaceAll("From: <a@example.com>\nSubject: "+subject+"\nContent-Type: multipart/alternative; boundary=b\n\n"+
		"--b\nContent-Type: text/html\n\n<p>rich</p>\n--b\nContent-Type: text/plain; charset=UTF-8\n\n"+text+"\n--b--\n", "\n", "\r\n")
}

func deliver(t testing.TB, address, letter string) error {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return smtp.SendMail(u.Host, nil, "a@example.com", []string{`"<i>eve</i>"@example.com`}, []byte(letter))
}

func TestInbox_EscapesWhatItShows(t *testing.T) {
	box, address, end, err := openInbox()
	require.NoError(t, err)
	defer end()
	require.NoError(t, deliver(t, address, letterOf("<b>bold</b>", "<script>alert(1)</script>\njavascript:alert(1)\nhttps://example.com/?a=1&b=\"2\n")))
	require.Error(t, deliver(t, address, "Subject: hm\r\n\r\nplain\r\n"))

	answer := httptest.NewRecorder()
	box.page("").ServeHTTP(answer, nil)
	text := answer.Body.String()
	for _, raw := range []string{"<b>", "<i>", "<script", `href="javascript`, "http-equiv"} {
		require.NotContains(t, text, raw)
	}
	require.Contains(t, text, "&lt;b&gt;bold&lt;/b&gt;")
	require.Contains(t, text, "&lt;i&gt;eve&lt;/i&gt;@example.com, ")
	require.Contains(t, text, "&lt;script&gt;alert(1)&lt;/script&gt;<br>\njavascript:alert(1)<br>\n")
	require.Contains(t, text, `<a href="https://example.com/?a=1&amp;b=%222">https://example.com/?a=1&amp;b=&#34;2</a>`)
}

func TestInbox_NewestFirstAndNotEndless(t *testing.T) {
	box, address, end, err := openInbox()
	require.NoError(t, err)
	defer end()
	empty := httptest.NewRecorder()
	box.page("").ServeHTTP(empty, nil)
	require.Contains(t, empty.Body.String(), `<meta http-equiv="refresh"`)
	for i := range maxMails + 2 {
		require.NoError(t, deliver(t, address, letterOf(fmt.Sprint("mail ", i), "text\n")))
	}
	answer := httptest.NewRecorder()
	box.page("").ServeHTTP(answer, nil)
	subjects := regexp.MustCompile(`<h2>mail (\d+)</h2>`).FindAllStringSubmatch(answer.Body.String(), -1)
	require.Len(t, subjects, maxMails)
	require.Equal(t, fmt.Sprint(maxMails+1), subjects[0][1])
	require.Equal(t, "2", subjects[maxMails-1][1])
}
