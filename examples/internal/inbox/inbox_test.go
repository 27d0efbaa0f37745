package inbox

import (
	"fmt"
	"net/http/httptest"
	"net/smtp"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	box, address, end, err := Open()
	require.NoError(t, err)
	defer end()
	require.NoError(t, deliver(t, address, letterOf("<b>bold</b>", "<script>alert(1)</script>\njavascript:alert(1)\nhttps://example.com/?a=1&b=\"2\n")))
	require.Error(t, deliver(t, address, "Subject: hm\r\n\r\nof no type\r\n"))
	require.Error(t, deliver(t, address, "Subject: hm\r\nContent-Type: image/png\r\n\r\nof another\r\n"))

	answer := httptest.NewRecorder()
	box.Page("").ServeHTTP(answer, nil)
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
	box, address, end, err := Open()
	require.NoError(t, err)
	defer end()
	empty := httptest.NewRecorder()
	box.Page("").ServeHTTP(empty, nil)
	require.Contains(t, empty.Body.String(), `<meta http-equiv="refresh"`)
	for i := range maxMails + 2 {
		require.NoError(t, deliver(t, address, letterOf(fmt.Sprint("mail ", i), "text\n")))
	}
	answer := httptest.NewRecorder()
	box.Page("").ServeHTTP(answer, nil)
	subjects := regexp.MustCompile(`<h2>mail (\d+)</h2>`).FindAllStringSubmatch(answer.Body.String(), -1)
	require.Len(t, subjects, maxMails)
	require.Equal(t, fmt.Sprint(maxMails+1), subjects[0][1])
	require.Equal(t, "2", subjects[maxMails-1][1])
}

func TestInbox_ReadsPlainTextAlone(t *testing.T) {
	box, address, end, err := Open()
	require.NoError(t, err)
	defer end()
	long := "https://example.com/?token=" + strings.Repeat("a", 76)
	require.NoError(t, deliver(t, address, "Subject: one\r\nContent-Type: text/plain\r\n\r\nas it is\r\n"))
	require.NoError(t, deliver(t, address, "Subject: two\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"+
		strings.ReplaceAll(long[:60], "=", "=3D")+"=\r\n"+long[60:]+"\r\n"))
	answer := httptest.NewRecorder()
	box.Page("").ServeHTTP(answer, nil)
	require.Contains(t, answer.Body.String(), "<p>as it is<br>")
	require.Contains(t, answer.Body.String(), `<a href="`+long+`">`)
}
