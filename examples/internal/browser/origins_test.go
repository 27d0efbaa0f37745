package browser_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// Browsers that say of a request nothing but its Origin, as Safari did before 16.4, can send every form: the headers of the pages
// leave the Origin of our own forms alone, and no token in the Referer.
func TestBrowser_WithoutSecFetchSite(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	s.old.Store(true)
	b := browser.Open(t, "Alice")
	mail := s.askFor(b, address)
	require.Equal(t, http.StatusTooManyRequests, b.Press(againButton))
	require.Equal(t, http.StatusForbidden, b.Send(codeLabel, wrong(mail.Code, 1), signInButton))
	require.Equal(t, http.StatusOK, b.Visit(mail.URL))
	require.Equal(t, http.StatusOK, b.Press(signInButton))
	require.Equal(t, "/home", b.Path())
	posts := s.posts()
	require.Len(t, posts, 4)
	for _, post := range posts {
		require.Equal(t, s.origin, post.origin)
		require.Equal(t, s.origin+"/", post.referer)
	}
}

// A page that hides where it is from, in a sandbox, cannot post the link of its maker's account, in whichever browser.
func TestBrowser_OriginNull(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		s := newSite(t, func(c *onetimehttp.Config) { c.OtherBrowser = onetimehttp.AskOtherBrowser }, nil)
		s.old.Store(old)
		mail := s.askFor(browser.Open(t, "Mallory"), address)
		_, token, _ := strings.Cut(mail.URL, "token=")
		page := browser.Elsewhere(t, "Kittens", `<form method="post" action="`+s.origin+`/sign-in/link"><input type="hidden" name="token" value="`+token+
			`"><input type="hidden" name="here" value="yes"><button>More</button></form>`)
		hidden := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "sandbox allow-forms allow-scripts allow-top-navigation")
			copied, err := http.Get(page)
			if err != nil {
				panic(err)
			}
			defer copied.Body.Close()
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			copied.Write(w)
		}))
		t.Cleanup(hidden.Close)
		b := browser.Open(t, "the victim")
		b.Visit(hidden.URL)
		require.Equal(t, http.StatusForbidden, b.Press("More"))
		require.Contains(t, b.Text(), "This came from another site.")
		posts := s.posts()
		require.Equal(t, "null", posts[len(posts)-1].origin)
		require.Zero(t, s.uses.Load())
	}
}

// signInByScript is what an app does that has pages of its own: it asks, and sends what is typed. Of another site it carries the
// session in a header.
const signInByScript = `(async () => {
	const cross = %CROSS%;
	let flow = "new";
	const post = async (path, body) => {
		const headers = { "Content-Type": "application/json", Accept: "application/json" };
		if (cross) headers["Onetime-Flow"] = flow;
		const answer = await fetch("%ORIGIN%" + path, { method: "POST", credentials: cross ? "omit" : "include", headers, body: JSON.stringify(body) });
		flow = answer.headers.get("Onetime-Flow") ?? flow;
		return { status: answer.status, body: await answer.json() };
	};
	window.enter = async (code) => JSON.stringify(await post("/sign-in/code", { address: "alice@example.com", code }));
	return JSON.stringify(await post("/sign-in", { address: "alice@example.com" }));
})()`

// A single-page app on another origin signs in by fetch: of the same site by cookies, of another one by the header.
func TestBrowser_AppOnAnotherOrigin(t *testing.T) {
	t.Parallel()
	for _, cross := range []bool{false, true} {
		page := browser.Elsewhere(t, "App", "<p>An app.</p>")
		if !cross {
			page = strings.Replace(page, "localhost", "127.0.0.1", 1) // another port is another origin of the same site
		}
		s := newSite(t, func(*onetimehttp.Config) {}, nil, onetimehttp.WithOrigins(strings.TrimSuffix(page, "/elsewhere")))
		b := browser.Open(t, "Alice")
		b.Visit(page)
		type answer struct {
			Status int
			Body   map[string]any
		}
		asked := func(script string) (a answer) {
			require.NoError(t, json.Unmarshal([]byte(b.Script(script)), &a))
			return a
		}
		flag := "false"
		if cross {
			flag = "true"
		}
		require.Equal(t, http.StatusOK, asked(strings.NewReplacer("%CROSS%", flag, "%ORIGIN%", s.origin).Replace(signInByScript)).Status)
		mail := s.mail()
		refused := asked(`enter("` + wrong(mail.Code, 1) + `")`)
		require.Equal(t, http.StatusForbidden, refused.Status)
		require.EqualValues(t, 4, refused.Body["attempts_left"])
		require.Equal(t, answer{http.StatusOK, map[string]any{"location": "/home"}}, asked(`enter("`+mail.Code+`")`))
		require.EqualValues(t, 1, s.uses.Load())
	}
}
