package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Elsewhere serves a page of another site than those on 127.0.0.1, a web mail, say, and returns its address.
func Elsewhere(t testing.TB, title, body string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%[1]s</title>
<style>a, button { font-size: 1.5rem }</style>
</head>
<body><main><h1>%[1]s</h1>%[2]s</main></body>
</html>`, title, body)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	return "http://localhost:" + u.Port() + "/elsewhere"
}

// Webmail is Elsewhere with a mail that has a link, named "the link".
func Webmail(t testing.TB, link string) string {
	return Elsewhere(t, "Webmail", `<p><a href="`+link+`">the link</a></p>`)
}
