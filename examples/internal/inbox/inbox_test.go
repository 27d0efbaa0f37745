package inbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
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

// A mail is shown as it looks, and can neither run nor load nor send anything.
func TestInbox_ShowsTheHTMLOfAMail(t *testing.T) {
	box, address, end, err := Open()
	require.NoError(t, err)
	defer end()
	rich := base64.StdEncoding.EncodeToString([]byte("<p>rich: ü</p>"))
	plain := base64.StdEncoding.EncodeToString([]byte("plain: ü\r\n123456\r\n"))
	require.NoError(t, deliver(t, address, strings.ReplaceAll("Subject: s\nContent-Type: multipart/alternative; boundary=b\n\n"+
		"--b\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\n"+plain+"\n"+
		"--b\nContent-Type: text/html; charset=UTF-8\nContent-Transfer-Encoding: base64\n\n"+rich+"\n--b--\n", "\n", "\r\n")))
	require.NoError(t, deliver(t, address, "Subject: no HTML\r\nContent-Type: text/plain\r\n\r\nhello\r\n"))
	list := httptest.NewRecorder()
	box.Page("").ServeHTTP(list, nil)
	require.Contains(t, list.Body.String(), "plain: ü<br>\n123456<br>")
	require.Equal(t, 1, strings.Count(list.Body.String(), `<a href="/inbox/1">As it looks</a>`))
	require.NotContains(t, list.Body.String(), "/inbox/2")

	mux := http.NewServeMux()
	mux.Handle("GET /inbox/{mail}", box.Mail())
	for path, status := range map[string]int{"/inbox/1": 200, "/inbox/2": 404, "/inbox/0": 404, "/inbox/x": 404, "/inbox/3": 404} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, status, answer.Code, path)
		if status == 200 {
			require.Equal(t, "<p>rich: ü</p>", answer.Body.String())
			require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'")
		}
	}
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

// A page whose name was made to lead to this computer reads no mails.
func TestInbox_AnswersForThisComputerOnly(t *testing.T) {
	handler := Private(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for host, status := range map[string]int{
		"localhost": 204, "localhost:8080": 204, "LOCALHOST:80": 204, "127.0.0.1:8080": 204, "127.3.2.1": 204, "[::1]:8080": 204, "[::1]": 204,
		"evil.example": 403, "evil.example:8080": 403, "localhost.evil.example": 403, "10.0.0.5:8080": 403, "0.0.0.0:80": 403, "": 403, "[::]:80": 403,
	} {
		r := httptest.NewRequest("GET", "/inbox", nil)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, status, w.Code, host)
	}
}
