package onetimesend_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// local lets requests reach servers of tests.
var local = onetimesend.HTTP{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// gateway is a Sender of SMS to a server that answers by handle.
func gateway(t *testing.T, handle http.HandlerFunc, change ...func(*onetimesend.GatewayConfig)) onetimesend.Sender {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	c := onetimesend.GatewayConfig{URL: server.URL, User: "AC1", Password: "swordfish", From: "+15550100999", HTTP: local, DangerouslyWithoutBudget: true}
	for _, set := range change {
		set(&c)
	}
	send, err := onetimesend.SMS(nil, c)
	require.NoError(t, err)
	return send
}

func TestSMS_IsTheRequestOfTwilio(t *testing.T) {
	var got *http.Request
	send := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		got = r
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"sid": "SM123", "status": "queued"}`)
	})
	m := message(func(m *onetimesend.Message) { m.Brand.Name = "Ex&To=+15550199999\x3b" })
	delivery, err := send(t.Context(), everyone, m)
	require.NoError(t, err)
	require.Equal(t, onetimesend.Delivery{Channel: onetimesend.ChannelSMS, ID: "SM123"}, delivery)
	require.Equal(t, url.Values{"To": {number}, "From": {"+15550100999"}, "Body": {m.SMS()}}, got.PostForm)
	user, password, _ := got.BasicAuth()
	require.Equal(t, "AC1 swordfish", user+" "+password)
	require.Equal(t, http.MethodPost, got.Method)
}

func TestSMS_AnotherGatewayByItsBody(t *testing.T) {
	var body, authorization, kind string
	send := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body, authorization, kind = string(b), r.Header.Get("Authorization"), r.Header.Get("Content-Type")
		io.WriteString(w, `{"message-id": 42}`)
	}, func(c *onetimesend.GatewayConfig) {
		c.User, c.Password, c.Header = "", "", http.Header{"Authorization": {"App key"}}
		c.ContentType, c.IDMember = "application/json", "message-id"
		c.Body = `{"to": ["{number}"], "text": "{text}", "ref": "{id}", "language": "{language}"}`
	})
	delivery, err := send(t.Context(), onetimesend.Recipient{Addresses: everyone.Addresses, Locale: "de"}, message(func(m *onetimesend.Message) { m.Brand.Name = `"},{"a` }))
	require.NoError(t, err)
	require.Equal(t, "42", delivery.ID)
	require.Equal(t, "App key", authorization)
	require.Equal(t, "application/json", kind)
	require.JSONEq(t, `{"to": ["15550100100"], "text": "123456 ist Ihr Code für \"},{\"a. Geben Sie ihn nie weiter.\n@www.example.com #123456", "ref": "`+
		message().DeliveryID(everyone.Addresses[1])+`", "language": "de"}`, body)
}

func TestVoice_SpeaksTheLanguage(t *testing.T) {
	var form url.Values
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { r.ParseForm(); form = r.PostForm }))
	defer server.Close()
	send, err := onetimesend.Voice(nil, onetimesend.GatewayConfig{URL: server.URL, From: "+15550100999", HTTP: local, DangerouslyWithoutBudget: true})
	require.NoError(t, err)
	_, err = send(t.Context(), onetimesend.Recipient{Addresses: everyone.Addresses, Locale: "fr"}, message(func(m *onetimesend.Message) { m.Brand.Name = "A<B>" }))
	require.NoError(t, err)
	require.Equal(t, `<Response><Say language="fr-FR">Bonjour. Votre code pour A&lt;B&gt; est : 1, 2, 3, 4, 5, 6. Je répète : 1, 2, 3, 4, 5, 6. Ne le donnez à personne. Au revoir.</Say></Response>`,
		strings.ReplaceAll(form.Get("Twiml"), "\u00a0", " "))
	texts, err := onetimesend.NewTexts(map[string]onetimesend.Catalogue{"pt-BR": {}, "de-AT": {}})
	require.NoError(t, err)
	send, err = onetimesend.Voice(nil, onetimesend.GatewayConfig{
		URL: server.URL, HTTP: local, DangerouslyWithoutBudget: true, Locales: map[string]string{"de-at": `de-DE"/>`},
	})
	require.NoError(t, err)
	for language, want := range map[string]string{"pt-BR": `"pt-BR"`, "de-AT": `"de-DE&#34;/&gt;"`, "ar": `"ar-XA"`} {
		_, err = send(t.Context(), everyone, message(func(m *onetimesend.Message) { m.Language, m.Texts = language, texts }))
		require.NoError(t, err)
		require.Contains(t, form.Get("Twiml"), "<Say language="+want+">")
	}
	_, err = send(t.Context(), everyone, message(func(m *onetimesend.Message) { m.Code = "" }))
	require.ErrorIs(t, err, onetimesend.ErrPermanent, "a link cannot be said")
}

func TestHTTP_WhatAStatusMeans(t *testing.T) {
	for status, want := range map[int][]error{
		200: nil, 201: nil, 204: nil, 301: {onetimesend.ErrPermanent}, 307: {onetimesend.ErrPermanent}, 400: {onetimesend.ErrPermanent}, 401: {onetimesend.ErrPermanent},
		404: {onetimesend.ErrPermanent}, 408: nil, 410: {onetimesend.ErrPermanent}, 425: nil, 429: nil, 500: nil, 502: nil, 503: nil, 504: {onetimesend.ErrUnknown},
	} {
		send := gateway(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Location", "http://169.254.169.254/latest/meta-data")
			w.WriteHeader(status)
			if status != 204 {
				fmt.Fprintf(w, `{"code": 21211, "message": "The 'To' number %s is not valid, body %s"}`, number, code)
			}
		})
		_, err := send(t.Context(), everyone, message())
		require.Equal(t, status/100 != 2, err != nil, status)
		require.Equal(t, want, classes(err), status)
		if err != nil {
			require.EqualError(t, err, fmt.Sprintf("onetimesend: sms: the receiver answered %d, code 21211", status))
			require.Equal(t, want == nil, onetimesend.RetryAfter(err) == 7*time.Second, status)
		}
	}
}

func TestHTTP_RetryAfterMayBeADate(t *testing.T) {
	send := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := send(t.Context(), everyone, message())
	require.InDelta(t, time.Hour, onetimesend.RetryAfter(err), float64(time.Minute))
}

func TestHTTP_ATimeoutAfterTheRequestIsUnknown(t *testing.T) {
	release := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	send := gateway(t, func(http.ResponseWriter, *http.Request) { cancel(); <-release })
	defer close(release)
	_, err := send(ctx, everyone, message())
	require.Equal(t, []error{onetimesend.ErrUnknown}, classes(err))
	require.NotContains(t, err.Error(), "http://")

	// A receiver that never answers is not waited for.
	send = gateway(t, func(http.ResponseWriter, *http.Request) { <-release }, func(c *onetimesend.GatewayConfig) { c.HTTP.Timeout = time.Second })
	_, err = send(t.Context(), everyone, message())
	require.ErrorIs(t, err, context.DeadlineExceeded)

	// Nobody listens: nothing was sent.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener.Close()
	send = gateway(t, nil, func(c *onetimesend.GatewayConfig) { c.URL = "http://" + listener.Addr().String() + "/key-swordfish" })
	_, err = send(t.Context(), everyone, message())
	require.Error(t, err)
	require.Empty(t, classes(err))
	require.NotContains(t, err.Error(), "swordfish")
}

// A connection that breaks after the request is no answer.
func TestHTTP_ABrokenConnectionAfterTheRequestIsUnknown(t *testing.T) {
	send := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		io.ReadAll(r.Body)
		panic(http.ErrAbortHandler)
	})
	_, err := send(t.Context(), everyone, message())
	require.Equal(t, []error{onetimesend.ErrUnknown}, classes(err))
}

func TestHTTP_ALargeAnswerIsCut(t *testing.T) {
	send := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"sid":"`)
		for range 1 << 10 {
			io.WriteString(w, long("a", 1<<10))
		}
		io.WriteString(w, `"}`)
	})
	delivery, err := send(t.Context(), everyone, message())
	require.NoError(t, err, "2xx is what counts")
	require.Empty(t, delivery.ID)
}

func TestHTTP_ARedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Int32
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer private.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		send := gateway(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, private.URL, status) })
		_, err := send(t.Context(), everyone, message())
		require.ErrorIs(t, err, onetimesend.ErrPermanent)
	}
	require.Zero(t, followed.Load())
}

// The address is judged when it is dialled, whatever the name said before.
func TestHTTP_PrivateAddressesAreNotReached(t *testing.T) {
	var reached atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for _, address := range []string{"http://127.0.0.1:" + port, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port} {
		send := gateway(t, nil, func(c *onetimesend.GatewayConfig) { c.URL, c.HTTP = address, onetimesend.HTTP{} })
		_, err := send(t.Context(), everyone, message())
		require.ErrorContains(t, err, "not public", address)
		require.Empty(t, classes(err))
	}
	require.Zero(t, reached.Load())
	for _, address := range []string{
		"https://10.0.0.5", "https://169.254.169.254", "https://192.168.1.1", "https://172.20.0.1", "https://100.64.0.1", "https://0.0.0.0", "https://[::]", "https://[::1]",
		"https://[fe80::1]", "https://[fd00::1]", "https://[ff02::1]", "https://[::ffff:10.0.0.5]", "https://[64:ff9b::a00:5]", "https://[2002:a00:5::1]", "https://[2001::1]",
		"https://255.255.255.255", "https://224.0.0.1", "https://198.18.0.1",
	} {
		send := gateway(t, nil, func(c *onetimesend.GatewayConfig) {
			c.URL, c.HTTP = address, onetimesend.HTTP{Timeout: 5 * time.Second}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := send(ctx, everyone, message())
		cancel()
		require.ErrorContains(t, err, "not public", address)
	}
}

func TestGatewayConfig_ReportsWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(*onetimesend.GatewayConfig){
		"GatewayConfig.URL":         func(c *onetimesend.GatewayConfig) { c.URL = "http://sms.example.com/swordfish" },
		"GatewayConfig.URL: ":       func(c *onetimesend.GatewayConfig) { c.URL = "https://user:swordfish@sms.example.com" },
		"HTTP.Timeout":              func(c *onetimesend.GatewayConfig) { c.HTTP.Timeout = time.Millisecond },
		"GatewayConfig.ContentType": func(c *onetimesend.GatewayConfig) { c.ContentType = "text/xml" },
		"GatewayConfig.Body":        func(c *onetimesend.GatewayConfig) { c.Body = "to={to}" },
		"GatewayConfig.Body: ": func(c *onetimesend.GatewayConfig) {
			c.ContentType, c.Body = "application/json", `{"to": {to}, "text": {text}}`
		},
		"sms: want a Budget": func(c *onetimesend.GatewayConfig) { c.DangerouslyWithoutBudget = false },
	} {
		c := onetimesend.GatewayConfig{URL: "https://sms.example.com", DangerouslyWithoutBudget: true}
		change(&c)
		_, err := onetimesend.SMS(nil, c)
		require.ErrorIs(t, err, onetimesend.ErrInvalid, want)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "swordfish")
	}
}
