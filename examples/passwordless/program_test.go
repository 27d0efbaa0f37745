package main

import (
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asProgram in the environment makes the test binary the program: what tests talk to is a process of its own, whose main
// runs, with the race detector where the tests have it.
const asProgram = "PASSWORDLESS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const patience = 20 * time.Second

// wait waits until something is so.
func wait(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.FailNow(t, "never happened: "+what)
		}
	}
}

// A program is one that runs.
type program struct {
	t       testing.TB
	cmd     *exec.Cmd
	printed *output
	origin  string
	exited  chan struct{}
	exit    error // once it has exited
}

// ended waits for the end of the program and returns how it ended.
func (p *program) ended() error {
	<-p.exited
	return p.exit
}

// output is what a program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// command is the program, to be started. What it reads of the environment is empty but for what environment says.
func command(environment ...string) *exec.Cmd {
	return commandContext(context.Background(), environment...)
}

func commandContext(ctx context.Context, environment ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"=yes", "GORACE=atexit_sleep_ms=10", // a second, else
		"REDIS_URL=", "ONETIME_KEY=", "SMTP_URL=", "MAIL_FROM=", "PEOPLE=", "ADDR=localhost:0", "ORIGIN=")
	cmd.Env = append(cmd.Env, environment...)
	return cmd
}

var opened = regexp.MustCompile(`(?m)^Open (\S+)$`)

// start starts the program and waits until it says where it is. It ends with the test, by SIGINT, and cleanly.
func start(t testing.TB, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: cmd, printed: &output{}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.printed, p.printed
	require.NoError(t, cmd.Start())
	go func() { p.exit = cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the program printed:\n%s", p.printed)
		}
		p.cmd.Process.Signal(os.Interrupt)
		killed := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
		defer killed.Stop()
		require.NoError(t, p.ended(), "the end of the program, which printed:\n%s", p.printed)
	})
	wait(t, "the program says where it is", func() bool {
		select {
		case <-p.exited:
			return true
		default:
			return opened.MatchString(p.printed.String())
		}
	})
	where := opened.FindStringSubmatch(p.printed.String())
	require.NotNil(t, where)
	p.origin = where[1]
	return p
}

// A browser has its own cookies and follows redirects.
type browser struct {
	t      testing.TB
	origin string
	client *http.Client
}

func (p *program) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(p.t, err)
	b := &browser{p.t, p.origin, &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{}}}
	p.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// A page is what a browser shows.
type page struct {
	status int
	path   string // where redirects led
	text   string // HTML
}

func (b *browser) get(path string) page {
	b.t.Helper()
	return b.do(b.client.Get(b.url(path)))
}

func (b *browser) post(path string, fields ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(b.client.PostForm(b.url(path), form))
}

func (b *browser) do(response *http.Response, err error) page {
	b.t.Helper()
	require.NoError(b.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return page{response.StatusCode, response.Request.URL.Path, string(body)}
}

// url returns the address of a path; links of mails are whole addresses.
func (b *browser) url(path string) string {
	if strings.HasPrefix(path, "/") {
		return b.origin + path
	}
	return path
}

func (b *browser) cookie(name string) string {
	at, err := url.Parse(b.origin)
	require.NoError(b.t, err)
	for _, c := range b.client.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// signedIn returns the address that the first page shows.
func (b *browser) signedIn() string {
	b.t.Helper()
	first := b.get("/")
	require.Equal(b.t, http.StatusOK, first.status)
	found := regexp.MustCompile(`You are signed in as <strong>(.*)</strong>`).FindStringSubmatch(first.text)
	if found == nil {
		require.Contains(b.t, first.text, "You are not signed in.")
		return ""
	}
	return found[1]
}

// A letter is what /inbox shows of a mail.
type letter struct{ to, code, link string }

var (
	articles = regexp.MustCompile(`(?s)<article>.*?</article>`)
	shownTo  = regexp.MustCompile(`To (\S+), `)
	shown    = regexp.MustCompile(`Your code is (\d{6})\.`)
	linked   = regexp.MustCompile(`<a href="([^"]+/sign-in/link\?token=[\w-]{76})">`)
)

// inbox returns the letters of /inbox.
func (b *browser) inbox() (letters []letter) {
	b.t.Helper()
	box := b.get("/inbox")
	require.Equal(b.t, http.StatusOK, box.status)
	for _, article := range articles.FindAllString(box.text, -1) {
		to, code, link := shownTo.FindStringSubmatch(article), shown.FindStringSubmatch(article), linked.FindStringSubmatch(article)
		require.NotNil(b.t, to, article)
		require.NotNil(b.t, code, article)
		require.NotNil(b.t, link, article)
		letters = append(letters, letter{html.UnescapeString(to[1]), code[1], html.UnescapeString(link[1])})
	}
	return letters
}

// ask asks for a mail to an address and waits until the inbox has one more, for the account.
func (b *browser) ask(address, account string) letter {
	b.t.Helper()
	before := len(b.inbox())
	answer := b.post("/sign-in", "address", address)
	require.Equal(b.t, http.StatusOK, answer.status, answer.text)
	require.Contains(b.t, answer.text, `name="code"`)
	var letters []letter
	wait(b.t, "a mail arrives", func() bool { letters = b.inbox(); return len(letters) == before+1 })
	require.Equal(b.t, account, letters[0].to)
	return letters[0]
}

var tokenField = regexp.MustCompile(`<input type="hidden" name="token" value="([^"]+)">`)

// open opens a link and returns the page and the token in its form.
func (b *browser) open(link string) (page, string) {
	b.t.Helper()
	p := b.get(link)
	require.Equal(b.t, http.StatusOK, p.status, p.text)
	token := tokenField.FindStringSubmatch(p.text)
	require.NotNil(b.t, token, p.text)
	return p, token[1]
}
