package server

import (
	"html"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHome_TheCommandsPastedOneAfterAnotherVerifySomebody(t *testing.T) {
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("no " + program)
		}
	}
	s := start(t, "")
	page := get(t, s.Origin()+"/").raw
	var pasted []string
	for _, block := range regexp.MustCompile(`(?s)<pre>(.*?)</pre>`).FindAllStringSubmatch(page, -1) {
		pasted = append(pasted, html.UnescapeString(block[1]))
	}
	require.Len(t, pasted, 3)
	pasted = append(pasted, "echo again", pasted[2])
	for range 2 { // and whoever pastes all of it twice is not kept out by limits
		out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(pasted, "\n")).CombinedOutput()
		require.NoError(t, err, string(out))
		first, again, _ := strings.Cut(string(out), "again")
		require.Contains(t, first, `"subject":"ann@example.com"`)
		require.Contains(t, again, `"reason":"used"`, "a code is used once")
	}
}

func TestBanner_SaysThatThisIsDevelopment(t *testing.T) {
	s := start(t, "")
	s.Banner()
	for _, want := range []string{"DEVELOPMENT", "embedded", "random", "this machine only", s.developerKey, s.Origin() + "/inbox"} {
		require.Contains(t, s.out.String(), want)
	}
	text, _ := onRedis(t, startRedis(t).addr)
	s = start(t, text)
	s.Banner()
	require.Empty(t, s.out.String())
}

func TestDevelopment_ListensOnLoopbackAndAnswersToItsNamesOnly(t *testing.T) {
	s := start(t, "")
	withMail := start(t, "mail: {url: \"smtp://localhost\", from: a@example.com}")
	for _, s := range []*running{s, withMail} {
		require.Contains(t, s.listener.Addr().String(), "127.0.0.1:")
		answersToLoopback(t, s)
	}
}

func answersToLoopback(t *testing.T, s *running) {
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "localhost:80": 200, "127.0.0.1:1": 200, "[::1]": 200, "[::1]:80": 200, "LOCALHOST": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "10.0.0.1": 421, "[::2]": 421, "127.0.0.1.evil.example": 421,
	} {
		for _, path := range []string{"/", "/inbox", "/inbox.json", "/openapi.json", "/v1/services/login/verifications"} {
			request, err := http.NewRequest(http.MethodGet, s.Origin()+path, nil)
			require.NoError(t, err)
			request.Host = host
			response, err := client.Do(request)
			require.NoError(t, err)
			response.Body.Close()
			if want == http.StatusMisdirectedRequest {
				require.Equal(t, want, response.StatusCode, host+path)
			} else {
				require.NotEqual(t, http.StatusMisdirectedRequest, response.StatusCode, host+path)
			}
		}
	}
}

// take takes the next message to an address out of the inbox.
func (r *running) take(t testing.TB, to string) map[string]any {
	t.Helper()
	response, err := client.PostForm(r.Origin()+"/inbox.json", url.Values{"to": {to}})
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	return decode(t, response)
}

func TestInbox_ShowsWhatWouldBeSent(t *testing.T) {
	s := start(t, "")
	started := s.post(t, s.developerKey, "/v1/services/login/verifications", map[string]any{"subject": "<b>@example.com"})
	require.Equal(t, http.StatusUnprocessableEntity, started.status, started.raw)
	started = s.post(t, s.developerKey, "/v1/services/login/verifications", map[string]any{"subject": "+15555550100", "channel": "sms"})
	require.Equal(t, http.StatusCreated, started.status, started.raw)
	message := s.take(t, "+15555550100")
	require.Equal(t, "sms", message["channel"])
	require.Contains(t, message["text"], message["code"])
	require.NotContains(t, get(t, s.Origin()+"/inbox").raw, message["code"], "it was taken out")
	require.NotContains(t, s.log.String(), "+15555550100")

	started = s.post(t, s.developerKey, "/v1/services/login/verifications", map[string]any{"subject": "ann@example.com"})
	require.Equal(t, http.StatusCreated, started.status, started.raw)
	message = s.take(t, "Ann@Example.com")
	require.Contains(t, message["subject"], "Example")
	started = s.post(t, s.developerKey, "/v1/services/login/verifications", map[string]any{"subject": "bob@example.com"})
	require.Equal(t, http.StatusCreated, started.status, started.raw)
	require.Eventually(t, func() bool {
		page := get(t, s.Origin()+"/inbox")
		return strings.Contains(page.raw, "bob@example.com") && strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'")
	}, longest, shortly)
	require.Contains(t, get(t, s.Origin()+"/inbox.json").raw, "bob@example.com")
	require.Contains(t, s.out.String(), "bob@example.com", "the console has it, too")
}

func TestDevListen_TakesReservedTestAddressesOnly(t *testing.T) {
	s := start(t, `dev_listen: "127.0.0.1:0"`)
	for subject, want := range map[string]int{
		"ann@example.com": 201, "ann@a.b.test": 201, "+15555550100": 201, "user-17": 201,
		"ann@gmail.com": 422, "ann@notexample.com": 422, "ann@example.com.evil.org": 422, "+15555560100": 422, "+4930555010": 422,
	} {
		channel := "mail"
		if subject[0] == '+' {
			channel = "sms"
		}
		body := map[string]any{"subject": subject, "channel": channel}
		if subject == "user-17" {
			body["to"] = "ann@example.org"
		}
		started := s.post(t, s.developerKey, "/v1/services/login/verifications", body)
		require.Equal(t, want, started.status, "%s: %s", subject, started.raw)
	}
	require.Equal(t, "ann@example.com", s.take(t, "ann@example.com")["to"])

	// An address that is only sent to gets nothing either.
	started := s.post(t, s.developerKey, "/v1/services/login/verifications", map[string]any{"subject": "user-18", "to": "ann@gmail.com"})
	require.Equal(t, http.StatusCreated, started.status, started.raw)
	require.Eventually(t, func() bool {
		return strings.Contains(s.metric(t), `onetime_deliveries_total{outcome="permanent",purpose="login"} 1`)
	}, longest, shortly)
	require.NotContains(t, s.out.String(), "gmail.com")

	request, err := http.NewRequest(http.MethodGet, s.Origin()+"/inbox.json", nil)
	require.NoError(t, err)
	request.Host = "onetimed:8080" // as other containers call it
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// The pages of development lead no path of the API elsewhere.
func TestDevelopment_LeavesPathsOfTheAPIAsTheyAre(t *testing.T) {
	s := start(t, "")
	for _, path := range []string{"//docs", "/docs/", "/v1/../docs", "/./inbox", "//", "/inbox/"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Origin(), nil)
		require.NoError(t, err)
		r.URL.Opaque = "//" + r.URL.Host + path // as it is written
		answer, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, http.StatusNotFound, answer.StatusCode, path)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), path)
	}
}

// Whoever tries things out sends to one address again and again.
func TestDevelopment_EachMessageToAnAddressComes(t *testing.T) {
	s := start(t, "")
	for range 10 {
		s.post(t, s.developerKey, "/v1/services/login/verifications", map[string]any{"subject": "ann@example.com"})
		require.NotEmpty(t, s.take(t, "ann@example.com")["code"])
	}
}
