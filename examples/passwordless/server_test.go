package main

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// On a signal the requests under way are answered, and the mails of all requests delivered, before the program ends.
func TestProgram_EndsWellOnASignal(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(fmt.Sprint(signal), func(t *testing.T) {
			t.Parallel()
			server := mailtest.Receive(t, func(s *mailtest.Server) { s.Hold = make(chan struct{}) })
			p := sitetest.Run(t, "SMTP_URL=smtp://"+server.Addr)
			release := sync.OnceFunc(func() { close(server.Hold) })
			t.Cleanup(release)
			p.Visitor().Post("/sign-in", "address", alice)
			mailtest.Wait(t, "the mail is on its way", func() bool { return server.Arriving() == 1 })
			// A request of which the handler has read all but the body.
			body := url.Values{"address": {bob}}.Encode()
			conn, err := net.Dial("tcp", strings.TrimPrefix(p.Origin, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(mailtest.Patience)))
			fmt.Fprintf(conn, "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"+
				"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(body))
			answers := bufio.NewReader(conn)
			going, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusContinue, going.StatusCode)

			require.NoError(t, p.Cmd.Process.Signal(signal))
			mailtest.Wait(t, "nobody is let in any more", func() bool {
				more, err := net.Dial("tcp", strings.TrimPrefix(p.Origin, "http://"))
				if err == nil {
					more.Close()
				}
				return err != nil
			})
			fmt.Fprint(conn, body)
			answer, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusSeeOther, answer.StatusCode)
			answer.Body.Close()
			select {
			case <-p.Exited:
				require.Fail(t, "ended before its mails were delivered")
			case <-time.After(300 * time.Millisecond): // time to do that in
			}
			require.Zero(t, server.Count())
			release()
			require.NoError(t, p.Ended(), "exit code 0")
			require.Equal(t, 2, server.Count())
			require.ElementsMatch(t, []string{alice, bob}, append(server.Mail(t, 0).To, server.Mail(t, 1).To...))
			require.NotContains(t, p.Printed.String(), "passwordless:")
		})
	}
}

func TestProgram_SaysWhatIsWrongWithTheEnvironment(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for want, environment := range map[string][]string{
		"passwordless: REDIS_URL: want":                {"REDIS_URL=redis://:swordfish@localhost:port/0"},
		"passwordless: ONETIME_KEY: want":              {"ONETIME_KEY=swordfish!"},
		"Config.URL: want smtp://":                     {"SMTP_URL=smtp://user:swordfish@localhost:port"},
		"Config.From: want an address":                 {"MAIL_FROM=nobody"},
		"passwordless: SMS: want console":              {"SMS=swordfish"},
		"passwordless: PEOPLE: want":                   {"PEOPLE=swordfish"},
		"address already in use":                       {"ADDR=" + taken.Addr().String()},
		"passwordless: ORIGIN: want":                   {"ADDR=:0", "SMTP_URL=smtp://localhost"},
		"passwordless: SMTP_URL: want one":             {"ORIGIN=https://example.com"},
		"passwordless: onetime: WithLinkBase":          {"ORIGIN=http://example.com", "SMTP_URL=smtp://localhost"},
		"passwordless: onetimehttp: Config.Origin: wa": {"ORIGIN=https://example.com/app", "SMTP_URL=smtp://localhost"},
	} {
		t.Run(strings.Join(environment, " "), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), mailtest.Patience)
			defer cancel()
			text, err := sitetest.Command(ctx, environment...).CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, string(text))
			require.Equal(t, 1, exit.ExitCode())
			require.Contains(t, string(text), want)
			require.NotContains(t, string(text), "swordfish")
		})
	}
}

// With SMS=console a phone number signs in, however it is typed.
func TestProgram_SignsInAPhoneNumber(t *testing.T) {
	t.Parallel()
	p := sitetest.Run(t, "SMS=console")
	v := p.Visitor()
	require.Contains(t, v.Get("/").Text, "<strong>&#43;15550100100</strong>")
	require.Equal(t, http.StatusOK, v.Post("/sign-in", "address", "00 1 (555) 010\u20110100").Status)
	printed := regexp.MustCompile(`(?s)--- sms to \+15550100100\n(\d{6}) is your code for Example\..*\n@localhost #(\d{6})\n---`)
	mailtest.Wait(t, "the SMS is printed", func() bool { return printed.MatchString(p.Printed.String()) })
	code := printed.FindStringSubmatch(p.Printed.String())
	require.Equal(t, code[1], code[2])
	v.Post("/sign-in/code", "address", "+15550100100", "code", code[1])
	require.Equal(t, "+15550100100", html.UnescapeString(v.SignedIn()))
	require.Empty(t, v.Inbox())
}

func TestProgram_BehindAProxyWithHTTPS(t *testing.T) {
	t.Parallel()
	server := mailtest.Receive(t)
	p := sitetest.Run(t, "SMTP_URL=smtp://"+server.Addr, "ORIGIN=https://example.com")
	require.Equal(t, "https://example.com", p.Origin)
	listening := regexp.MustCompile(`(?m)^Listening on (127\.0\.0\.1:\d+)$`).FindStringSubmatch(p.Printed.String())
	require.NotNil(t, listening, p.Printed.String())

	// The proxy passes requests on without TLS, as one would that changes the Host.
	post := func(path string, form url.Values, cookies []*http.Cookie) *http.Response {
		t.Helper()
		request, err := http.NewRequest(http.MethodPost, "http://"+listening[1]+path, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", "https://example.com")
		for _, c := range cookies {
			request.AddCookie(c)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		_, err = io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body.Close()
		return response
	}
	asked := post("/sign-in", url.Values{"address": {alice}}, nil)
	require.Equal(t, http.StatusSeeOther, asked.StatusCode)
	mail := server.Mail(t, 0)
	_, parts := mail.Read(t)
	require.Contains(t, parts["text/plain; charset=UTF-8"], "\nhttps://example.com/sign-in/link?token=")
	signedIn := post("/sign-in/code", url.Values{"address": {alice}, "code": {mail.Code(t)}}, asked.Cookies())
	require.Equal(t, http.StatusSeeOther, signedIn.StatusCode)
	var names []string
	for _, c := range append(asked.Cookies(), signedIn.Cookies()...) {
		require.True(t, c.Secure, c.Name)
		names = append(names, c.Name)
	}
	require.Contains(t, names, "__Host-session")
}

// startRedis starts a redis-server with a password and returns its REDIS_URL.
func startRedis(t testing.TB, args ...string) (address string, client *redis.Client) {
	t.Helper()
	s := rig.NewServer(t, args...)
	s.Must(t, "CONFIG", "SET", "requirepass", "swordfish")
	address = "redis://:swordfish@" + s.Addr + "/0"
	options, err := redis.ParseURL(address)
	require.NoError(t, err)
	options.MaxRetries = -1 // what fails fails at once
	client = redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return address, client
}

func TestProgram_OnARealRedis(t *testing.T) {
	t.Parallel()
	address, client := startRedis(t)
	p := sitetest.Run(t, "REDIS_URL="+address, "ONETIME_KEY="+strings.Repeat("0a", 32))
	b := p.Visitor()
	mail := b.Ask("/sign-in", alice, alice)
	keys, err := client.Keys(context.Background(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.True(t, strings.HasPrefix(keys[0], "onetime:v1:"), keys)
	b.Post("/sign-in/code", "address", alice, "code", mail.Code)
	require.Equal(t, alice, b.SignedIn())
	require.Contains(t, p.Printed.String(), "Redis: the one of REDIS_URL.\n")
	require.Contains(t, p.Printed.String(), "Key: the one of ONETIME_KEY.\n")
	require.NotContains(t, p.Printed.String(), "ERROR")
	require.NotContains(t, p.Printed.String(), "swordfish")
}

func TestProgram_SaysWhatIsWrongWithTheRedis(t *testing.T) {
	t.Parallel()
	address, client := startRedis(t, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
	p := sitetest.Run(t, "REDIS_URL="+address)
	require.Regexp(t, `ERROR Check .*maxmemory-policy is allkeys-lru`, p.Printed.String())

	// Gone: the pages say so, and the log.
	client.ShutdownNoSave(context.Background())
	answer := p.Visitor().Post("/sign-in", "address", alice)
	require.Equal(t, http.StatusServiceUnavailable, answer.Status)
	mailtest.Wait(t, "the log has it", func() bool { return strings.Contains(p.Printed.String(), "ERROR IssueLink purpose=default ") })
	require.NotContains(t, p.Printed.String(), "swordfish")
}
