package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
)

// startNginx runs nginx with nginx.conf, on a socket instead of its port, and returns a client that asks it.
func startNginx(t *testing.T, changes ...string) *http.Client {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // where Debian has it
	}
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("nginx is missing")
	}
	require.NoError(t, err)
	text, err := os.ReadFile("nginx.conf")
	require.NoError(t, err)
	home, err := os.MkdirTemp("", "nginx") // short: a socket has at most 108 bytes
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(home) })
	socket := filepath.Join(home, "s")
	changes = append(changes, "listen 127.0.0.1:8081;", "listen unix:"+socket+";", "http {", `http {
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;`)
	changed := strings.NewReplacer(changes...).Replace(string(text))
	require.NotContains(t, changed, "127.0.0.1:808", "every address is replaced")
	file := filepath.Join(home, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	output := &sitetest.Output{}
	cmd := exec.Command(program, "-p", home, "-c", file, "-g", "daemon off; master_process off;", "-e", "stderr")
	cmd.Stdout, cmd.Stderr = output, output
	require.NoError(t, cmd.Start())
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-exited
		if t.Failed() {
			t.Log(output)
		}
	})
	mailtest.Wait(t, "nginx listens", func() bool {
		select {
		case <-exited:
			require.FailNow(t, "nginx ended", output.String())
		default:
		}
		_, err := os.Stat(socket)
		return err == nil
	})
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}, DisableKeepAlives: true}}
}

func TestNginx_AsksAboutEachRequest(t *testing.T) {
	t.Parallel()
	type seen struct {
		method, body, account string
		authorization         []string
	}
	var last atomic.Pointer[seen]
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last.Store(&seen{r.Method, string(body), strings.Join(r.Header.Values("X-Auth-Account"), "+"), r.Header.Values("Authorization")})
	}))
	defer service.Close()
	p := sitetest.Run(t)
	token := signIn(t, p)
	host := func(origin string) string { return strings.TrimPrefix(origin, "http://") }
	client := startNginx(t, "127.0.0.1:8080", host(p.Origin), "127.0.0.1:8082", host(service.URL))
	ask := func(method, path, authorization string) *http.Response {
		last.Store(nil)
		r, err := http.NewRequest(method, "http://nginx"+path, strings.NewReader("a body"))
		require.NoError(t, err)
		r.Header.Set("X-Auth-Account", "account-2") // as if the proxy had said so
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		response, err := client.Do(r)
		require.NoError(t, err)
		response.Body.Close()
		return response
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		require.Equal(t, http.StatusOK, ask(method, "/", "Bearer "+token).StatusCode, method)
		require.Equal(t, &seen{method, "a body", "account-1", nil}, last.Load())
	}
	for name, authorization := range map[string]string{"none": "", "another scheme": "Basic YTpi", "wrong": "Bearer " + token + "A", "empty": "Bearer", "huge": "Bearer " + strings.Repeat("A", 6000)} {
		response := ask(http.MethodGet, "/", authorization)
		require.Equal(t, http.StatusUnauthorized, response.StatusCode, name)
		require.Regexp(t, regexp.MustCompile(`^Bearer realm=`), response.Header.Get("WWW-Authenticate"), name)
		require.Nil(t, last.Load(), name)
	}
	require.Equal(t, http.StatusNotFound, ask(http.MethodGet, "/auth", "Bearer "+token).StatusCode, "of nobody but nginx")
	p.End()
	require.GreaterOrEqual(t, ask(http.MethodGet, "/", "Bearer "+token).StatusCode, 500, "nobody to ask is no yes")
	require.Nil(t, last.Load())
}
