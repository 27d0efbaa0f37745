package browser

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

// good is a page that everybody can use, and that tells of an error.
const good = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Good</title>
<style>
  :root { color-scheme: light dark }
  input, button { font-size: 1.25rem; border: 1px solid light-dark(#666, #999); background: light-dark(#fff, #222); color: light-dark(#111, #eee) }
  input { max-width: 100% }
  a { color: light-dark(#00c, #9cf) }
  :focus-visible { outline: 2px solid light-dark(#00c, #9cf) }
</style>
</head>
<body>
<main>
<h1>Good</h1>
<h2>Better</h2>
<p>Words with <a href="/elsewhere">a link</a> in them.</p>
<form>
<label for="field">Label</label>
<input id="field" aria-invalid="true" aria-describedby="error" autofocus>
<p id="error" role="alert">This is wrong.</p>
<button>Button</button>
</form>
</main>
</body>
</html>`

// serve serves a page and returns its address.
func serve(t *testing.T, status int, page string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// shows opens a page that is not checked.
func shows(b *Browser, address string) {
	b.t.Helper()
	run(b, chromedp.Navigate(address), "opens")
}

// The check sees each thing that is wrong, and that only.
func TestCheck_SeesWhatIsWrong(t *testing.T) {
	b := Open(t, "the check")
	shows(b, serve(t, http.StatusForbidden, good))
	require.Empty(t, b.findings(http.StatusForbidden))

	const small, padded = "font-size: 8px; padding: 0", "padding: 1rem"
	for _, test := range []struct {
		change []string // old, new, ...
		want   []string // how the findings begin
	}{
		{[]string{`<html lang="en">`, `<html>`}, []string{"the page has no language"}},
		{[]string{`<title>Good</title>`, ``}, []string{"the page has no title"}},
		{[]string{`width=device-width`, `width=980`}, []string{`the viewport "width=980, initial-scale=1" does not fit a phone`}},
		{[]string{`initial-scale=1`, `maximum-scale=1`}, []string{`the viewport "width=device-width, maximum-scale=1" does not fit`}},
		{[]string{`initial-scale=1`, `user-scalable=no`}, []string{`the viewport "width=device-width, user-scalable=no" does not fit`}},
		{[]string{`main>`, `div>`}, []string{"the page has 0 main parts"}},
		{[]string{`<h2>`, `<main>x</main><h2>`}, []string{"the page has 2 main parts"}},
		{[]string{`h1>`, `p>`, `<h2>Better</h2>`, ``}, []string{"the page has 0 headings of level 1"}},
		{[]string{`h2>`, `h1>`}, []string{"the page has 2 headings of level 1"}},
		{[]string{`h2>`, `h3>`}, []string{"<h3> Better comes after a heading of level 1"}},
		{[]string{`<h2>Better`, `<h2>`}, []string{"a heading has no name"}},
		{[]string{`<h2>`, `<h2 id="error">`}, []string{"two elements have the id error"}},
		{[]string{`<h2>`, `<h2 style="width: 200vw">`}, []string{"the page is "}},
		{[]string{`<a `, `<a tabindex="1" `}, []string{"<a> a link puts itself before others"}},
		{[]string{`<button>`, `<button style="` + small + `">`}, []string{"<button> Button is "}},
		{[]string{`Words with <a`, `<a style="font-size: 10px"`, ` in them.`, ``}, []string{"<a> a link is "}}, // not in a text
		{[]string{`<label for="field">`, `<label>`}, []string{"<input> field has no label", "a textbox has no name"}},
		{[]string{`<label for="field">Label</label>`, `<style>::placeholder { color: inherit }</style>`, `<input`, `<input placeholder="Label"`}, []string{"<input> field has no label"}},
		{[]string{`<button>Button`, `<button style="` + padded + `">`}, []string{"a button has no name"}},
		{[]string{`>a link`, ` style="` + padded + `">`}, []string{"a link has no name"}},
		{[]string{`<h2>`, `<img src="data:," width="30" height="30"><h2>`}, []string{"a image has no name"}},
		{[]string{` aria-describedby="error"`, ``}, []string{"<input> field is wrong, and nothing says why"}},
		{[]string{`describedby="error"`, `describedby="elsewhere"`}, []string{"<input> field is wrong, and nothing says why"}},
		{[]string{` aria-invalid="true"`, ``}, []string{"the error is of no field"}},
		{[]string{` role="alert"`, ``, ` autofocus`, ``}, []string{"the error is not announced"}},
		{[]string{`<h2>`, `<h2 style="color: light-dark(#777, #fff)">`}, []string{"light: <h2> Better has a contrast of 4.48"}}, // a hair too little
		{[]string{`<h2>`, `<h2 style="color: light-dark(#767676, #fff)">`}, nil},
		{[]string{`<h2>`, `<h2 style="color: light-dark(#000, #777)">`}, []string{"dark: <h2> Better has a contrast of 4."}},
		{[]string{`<h2>`, `<h2 style="color: rgb(0 0 0 / 50%); background: #fff">`}, []string{"light: <h2> Better has a contrast of 3.9", "dark: <h2> Better has a contrast of 3.9"}},
		{[]string{`<h2>`, `<h2 style="background: linear-gradient(red, blue)">`}, []string{"light: <h2> Better: colour picture", "dark: <h2> Better: colour picture"}},
		{[]string{`<h2>`, `<h2 style="opacity: 0.9">`}, []string{"light: <h2> Better: colour see-through", "dark: <h2> Better: colour see-through"}},
		{[]string{`<h2>`, `<style>::placeholder { color: #777 }</style><h2>`, `<input`, `<input placeholder="Hint"`}, []string{"light: <input> field has a contrast of 4.4", "dark: <input> field has a contrast of "}},
		{[]string{`<input`, `<input style="border-color: light-dark(#969696, #999)"`}, []string{"light: <input> field has edges with a contrast of 2.9"}}, // a hair too little
		{[]string{`<input`, `<input style="border-bottom: 0"`}, []string{"light: <input> field has edges", "dark: <input> field has edges"}},
		{[]string{`<button>`, `<button style="border-style: none">`}, []string{"light: <button> Button has edges", "dark: <button> Button has edges"}},
		{[]string{`<button>`, `<button style="border-style: none; color: light-dark(#fff, #000); background: light-dark(#333, #ddd)">`}, nil},
		{[]string{`<h2>`, `<style>h2 { animation: 1s x } @keyframes x {}</style><h2>`}, []string{"light: <h2> Better moves", "dark: <h2> Better moves"}},
		{[]string{`<h2>`, `<style>@media (prefers-reduced-motion: no-preference) { h2 { transition: color 1s } }</style><h2>`}, nil},
	} {
		page := strings.NewReplacer(test.change...).Replace(good)
		require.NotEqual(t, good, page, test.want)
		shows(b, serve(t, http.StatusForbidden, page))
		found := b.findings(http.StatusForbidden)
		require.Len(t, found, len(test.want), "%s: %s", test.change, found)
		for i, want := range test.want {
			require.True(t, strings.HasPrefix(found[i], want), "want %s, got %s", want, found[i])
		}
	}
}

func TestCheckKeyboard_SeesWhatIsNotReached(t *testing.T) {
	b := Open(t, "the check")
	for _, test := range []struct{ old, new, want string }{
		{``, ``, ``},
		{`<button>`, `<button tabindex="-1">`, "the Tab key does not reach <button> Button"},
		{`<button>`, `<button style="outline: 0">`, "dark: <button> Button has no ring around it"},
		{`<button>`, `<button style="outline: 3px solid light-dark(#eee, #fff)">`, "light: the ring around <button> Button has a contrast of 1."},
	} {
		shows(b, serve(t, http.StatusOK, strings.Replace(good, test.old, test.new, 1)))
		found := strings.Join(b.unreached(), "\n")
		require.True(t, strings.HasPrefix(found, test.want) && (found == "") == (test.want == ""), "%s: %s", test.new, found)
	}
}

func TestCheckNarrow_SeesWhatIsWide(t *testing.T) {
	b := Open(t, "the check")
	for _, test := range []struct{ style, want string }{
		{``, ``},
		{`width: 19rem`, "with text of 200% the page is "},
		{`width: 21rem`, "with text of 100% the page is "},
	} {
		shows(b, serve(t, http.StatusOK, strings.Replace(good, `<h2>`, `<h2 style="`+test.style+`">`, 1)))
		found := strings.Join(b.wide(), "\n")
		require.True(t, strings.HasPrefix(found, test.want) && (found == "") == (test.want == ""), "%s: %s", test.style, found)
	}
}

func TestCheckAxe_SeesWhatIsWrong(t *testing.T) {
	source, err := axeCore()
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "axe-core is missing, which .ci/run installs")
		t.Skip("axe-core is missing: npm ci --prefix examples/internal/browser/testdata/axe installs it")
	}
	painted := strings.Replace(good, "<body>", `<body style="background: light-dark(#fff, #111)">`, 1) // it knows no canvas but white
	for _, off := range []bool{false, true} {
		b := Open(t, "the check")
		if off {
			b.SwitchScriptOff()
		}
		for _, test := range []struct{ old, new, want string }{
			{``, ``, ``},
			{`<h2>`, `<img src="data:,"><h2>`, "image-alt: img: "},
			{`<label for="field">`, `<label>`, "label: #field: "},
			{`<html lang="en">`, `<html lang="x y">`, "html-lang-valid: html: "},
			{`<h2>`, `<h2 style="color: light-dark(#111, #333)">`, "color-contrast: h2: "}, // in the dark only
			{`<main>`, `<p>Words</p><main>`, "region: "},
		} {
			shows(b, serve(t, http.StatusOK, strings.Replace(painted, test.old, test.new, 1)))
			found := strings.Join(b.violations(source), "\n")
			require.Contains(t, found, test.want, test.new)
			require.Equal(t, test.want == "", found == "", "%s: %s", test.new, found)
		}
	}
}

func TestSwitchScriptOff(t *testing.T) {
	const page = `<title>off</title><script>document.title = "on"</script>`
	b := Open(t, "with script")
	shows(b, serve(t, http.StatusOK, page))
	require.Equal(t, "on", b.Title())
	b = Open(t, "without script")
	b.SwitchScriptOff()
	shows(b, serve(t, http.StatusOK, page))
	require.Equal(t, "off", b.Title())
}

// What the Content-Security-Policy of a page forbids it does not go unheard.
func TestComplaints(t *testing.T) {
	b := Open(t, "the browser")
	shows(b, serve(t, http.StatusOK, `<meta http-equiv="Content-Security-Policy" content="style-src 'none'"><p style="color: red">Red`))
	b.mu.Lock()
	require.Len(t, b.complaints, 1)
	require.Contains(t, b.complaints[0], "Content Security Policy")
	b.complaints = nil
	b.mu.Unlock()
}

// Browsers share nothing, whatever they open.
func TestOpen_BrowsersShareNoCookies(t *testing.T) {
	var shown []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			shown = append(shown, r.Header.Get("Cookie"))
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		}
	}))
	defer server.Close()
	one := Open(t, "one")
	shows(one, server.URL)
	shows(one, server.URL)
	shows(Open(t, "another"), server.URL)
	require.Equal(t, []string{"", "a=b", ""}, shown)
}
