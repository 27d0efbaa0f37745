package browser_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// A robot that opens links of mails in a browser of its own, and submits every form that it finds, uses nothing up where a code
// lies beside the link: the person signs in all the same.
func TestBrowser_RobotThatSubmitsForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	b, robot := browser.Open(t, "Alice"), browser.Open(t, "the robot")
	mail := s.askFor(b, address)
	require.Equal(t, http.StatusForbidden, robot.Visit(mail.URL))
	require.NotContains(t, robot.Script("document.body.innerHTML"), "<form", "there is none to submit")
	token := mail.URL[strings.Index(mail.URL, "token=")+len("token="):]
	form := `<form method="post" action="` + s.origin + `/sign-in/link"><input type="hidden" name="token" value="` + token +
		`"><input type="hidden" name="here" value="yes"><button>Go on</button></form>`
	robot.Script("document.querySelector('main').insertAdjacentHTML('beforeend', `" + form + "`); ''") // as one of another page would be
	require.Equal(t, http.StatusForbidden, robot.Press("Go on"))
	require.Zero(t, s.uses.Load())
	require.Equal(t, http.StatusOK, b.Visit(mail.URL))
	require.Equal(t, http.StatusOK, b.Press(signInButton))
	require.Equal(t, "/home", b.Path())
}

// A program in Go has no cookies: it carries the session in the header, over the network and from one process to the next.
func TestNative_ClientInGo(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(*onetimehttp.Config) {}, nil)
	flow := "new"
	call := func(method, path string, body map[string]string) (status int, told map[string]any) {
		t.Helper()
		text, err := json.Marshal(body)
		require.NoError(t, err)
		r, err := http.NewRequestWithContext(t.Context(), method, s.origin+path, strings.NewReader(string(text)))
		require.NoError(t, err)
		r.Header = http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, onetimehttp.FlowHeader: {flow}}
		client := &http.Client{} // a new one, as after the program was started again
		answer, err := client.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Empty(t, answer.Cookies())
		if value := answer.Header.Get(onetimehttp.FlowHeader); value != "" {
			flow = value
		}
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&told))
		return answer.StatusCode, told
	}
	status, told := call(http.MethodPost, "/sign-in", map[string]string{"address": address})
	require.Equal(t, http.StatusOK, status)
	require.EqualValues(t, 30, told["resend_in"])
	mail := s.mail()
	status, told = call(http.MethodGet, "/sign-in/code", nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "waiting", told["state"])
	status, told = call(http.MethodPost, "/sign-in/code", map[string]string{"address": address, "code": wrong(mail.Code, 1)})
	require.Equal(t, http.StatusForbidden, status)
	require.Equal(t, "code_mismatch", told["reason"])
	for range 2 { // the answer to the first was lost
		status, told = call(http.MethodPost, "/sign-in/code", map[string]string{"address": address, "code": mail.Code})
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "/home", told["location"])
	}
	require.EqualValues(t, 1, s.uses.Load())

	// So it goes by a link that the system hands to the program, without a page.
	s.clock.Advance(2 * time.Minute)
	flow = "new"
	call(http.MethodPost, "/sign-in", map[string]string{"address": address})
	opened, err := url.Parse(s.mail().URL)
	require.NoError(t, err)
	status, told = call(http.MethodGet, opened.RequestURI(), nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, false, told["other_browser"])
	status, _ = call(http.MethodPost, "/sign-in/link", map[string]string{"token": opened.Query().Get("token")})
	require.Equal(t, http.StatusOK, status)
	require.EqualValues(t, 2, s.uses.Load())
}
