package onetimehttp_test

import (
	"context"
	"html/template"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// newFlow calls New with settings that are right but for what change makes of them.
func newFlow(t testing.TB, change func(*setup)) (*onetimehttp.Flow, error) {
	t.Helper()
	with := newSetup(nil)
	with.config.Sender = func(context.Context, onetimesend.Recipient, onetimehttp.Message) (onetimesend.Delivery, error) {
		return onetimesend.Delivery{}, nil
	}
	change(with)
	m, _ := onetimetest.New(t, with.manager...)
	flow, err := onetimehttp.New(m, with.config, with.options...)
	if err == nil {
		t.Cleanup(func() { flow.Shutdown(context.Background()) })
	}
	return flow, err
}

func option(o onetimehttp.Option) func(*setup) {
	return func(with *setup) { with.options = append(with.options, o) }
}

func origins(origin string) func(*setup) {
	return func(with *setup) { with.config.Origin = origin }
}

func names(name string) func(*setup) {
	return func(with *setup) { with.config.Name = name }
}

func paths(p onetimehttp.Paths) func(*setup) {
	return func(with *setup) { with.config.Paths = p }
}

func pages(text string) func(*setup) {
	return option(onetimehttp.WithTemplates(template.Must(template.New("").Parse(text))))
}

var wrongSettings = map[string]struct {
	change func(*setup)
	want   string
}{
	"no Lookup":     {func(with *setup) { with.config.Lookup = nil }, "Config.Lookup"},
	"no Sender":     {func(with *setup) { with.config.Sender = nil }, "Config.Sender"},
	"no OnVerified": {func(with *setup) { with.config.OnVerified = nil }, "Config.OnVerified"},
	"no Limiter":    {func(with *setup) { with.config.Limiter = nil }, "want Config.Limiter, or WithDangerouslyNoLimiter"},

	"no name":                  {names(""), "Config.Name: want 1 to 100 bytes on one line"},
	"long name":                {names(strings.Repeat("a", 101)), "Config.Name: want 1 to 100 bytes on one line"},
	"name with a line break":   {names("a\r\nBcc: b"), "Config.Name"},
	"name with NUL":            {names("a\x00"), "Config.Name"},
	"name with NEL":            {names("a\u0085b"), "Config.Name"},
	"name with line separator": {names("a\u2028b"), "Config.Name"},
	"name with paragraph sep.": {names("a\u2029b"), "Config.Name"},
	"name with invalid UTF-8":  {names("a\xff"), "Config.Name"},

	"no origin":                   {origins(""), "Config.Origin: want a scheme and a host"},
	"origin without scheme":       {origins("example.com"), "Config.Origin"},
	"origin with a slash":         {origins("https://example.com/"), "Config.Origin: want no slash at the end: https://example.com"},
	"origin with a slash, port":   {origins("http://localhost:8080/"), "Config.Origin: want no slash at the end: http://localhost:8080"},
	"origin with a path":          {origins("https://example.com/a/"), "Config.Origin: want a scheme and a host"},
	"origin with a query":         {origins("https://example.com?a"), "Config.Origin"},
	"origin with a fragment":      {origins("https://example.com#a"), "Config.Origin"},
	"origin with a user":          {origins("https://a@example.com"), "Config.Origin"},
	"origin with a line break":    {origins("https://example.com\n"), "Config.Origin"},
	"origin in capitals":          {origins("https://Example.com"), "Config.Origin"},
	"origin with default port":    {origins("https://example.com:443"), "Config.Origin"},
	"origin with default port, 2": {origins("http://localhost:80"), "Config.Origin"},
	"origin of any host, plain":   {origins("http://example.com"), "want https, or http on localhost"},
	"origin that looks local":     {origins("http://localhost.example.com"), "want https, or http on localhost"},
	"origin that looks local, 2":  {origins("http://127.0.0.1.example.com"), "want https, or http on localhost"},
	"origin of another scheme":    {origins("ftp://example.com"), "Config.Origin"},
	"origin null":                 {origins("null"), "Config.Origin"},
	"origin of a port":            {origins("https://:8443"), "Config.Origin"},
	"origin without a host":       {origins("https://:443"), "Config.Origin"},

	"host beyond ASCII":            {origins("https://bücher.example"), "Config.Origin: want a host of letters, digits, dots and dashes, in its ASCII form"},
	"host with a comma":            {origins("https://a,b.example"), "Config.Origin"},
	"name that turns what follows": {func(with *setup) { with.config.Name = "Ex\u202eample" }, "Config.Name"},
	"task":                         {func(with *setup) { with.config.Task = 4 }, "Config.Task(4): want a Task of package onetimesend"},
	"negative task":                {func(with *setup) { with.config.Task = -1 }, "Config.Task(-1)"},

	"negative secrets":          {func(with *setup) { with.config.Secrets = -1 }, "Config.Secrets(-1): want LinkAndCode, CodeOnly or LinkOnly"},
	"secrets":                   {func(with *setup) { with.config.Secrets = 3 }, "Config.Secrets(3): want LinkAndCode, CodeOnly or LinkOnly"},
	"other browser":             {func(with *setup) { with.config.OtherBrowser = 3 }, "Config.OtherBrowser(3): want OtherBrowserDefault, AskOtherBrowser or RefuseOtherBrowser"},
	"other browser, 2":          {func(with *setup) { with.config.OtherBrowser = -1 }, "Config.OtherBrowser(-1)"},
	"links without a base":      {func(with *setup) { with.manager = nil }, "WithLinkBase"},
	"only links without a base": {func(with *setup) { with.manager, with.config.Secrets = nil, onetimehttp.LinkOnly }, "WithLinkBase"},

	"relative path":           {paths(onetimehttp.Paths{Start: "sign-in"}), `Config.Paths: "sign-in": want an absolute path`},
	"path of another host":    {paths(onetimehttp.Paths{Start: "//evil.example"}), `"//evil.example"`},
	"path of another host, 2": {paths(onetimehttp.Paths{Verify: `/\evil.example`}), "Config.Paths"},
	"URL as a path":           {paths(onetimehttp.Paths{Link: "https://evil.example"}), "Config.Paths"},
	"path with a query":       {paths(onetimehttp.Paths{Link: "/a?b"}), "Config.Paths"},
	"path with a fragment":    {paths(onetimehttp.Paths{Link: "/a#b"}), "Config.Paths"},
	"path with a line break":  {paths(onetimehttp.Paths{Link: "/a\r\nb"}), "Config.Paths"},
	"path with a tab":         {paths(onetimehttp.Paths{Start: "/\t/evil.example"}), "Config.Paths"},
	"path with invalid UTF-8": {paths(onetimehttp.Paths{Start: "/\xff"}), "Config.Paths"},

	"no normaliser":       {option(onetimehttp.WithNormalizer(nil)), "WithNormalizer"},
	"no account name":     {option(onetimehttp.WithAccountName(nil)), "WithAccountName"},
	"no check of links":   {option(onetimehttp.WithLinkCheck(nil)), "WithLinkCheck"},
	"no templates":        {option(onetimehttp.WithTemplates(nil)), "WithTemplates"},
	"other templates":     {pages(`{{define "Start"}}a{{end}}`), "want one of start, code, sent, link, done, error"},
	"broken template":     {pages(`{{define "start"}}{{.Nothing}}{{end}}`), "WithTemplates"},
	"broken branch":       {pages(`{{define "code"}}{{if .Error}}{{.Nothing}}{{end}}{{end}}`), "WithTemplates"},
	"broken other branch": {pages(`{{define "code"}}{{if .Error}}{{else}}{{.Nothing}}{{end}}{{end}}`), "WithTemplates"},
	"template not found":  {pages(`{{define "sent"}}{{template "nothing"}}{{end}}`), "WithTemplates"},
	"ambiguous template":  {pages(`{{define "link"}}<a href='{{if .Error}}"{{end}}{{end}}`), "WithTemplates"},
	"text with too much":  {pages(`{{define "error"}}{{.T}}{{end}}`), "WithTemplates"},
	"no catalogue":        {option(onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{"de": {"link.for": "x"}})), "WithTexts"},

	"no workers":       {option(delivery(0, 1000, time.Minute)), "WithQueue: onetimesend: WithWorkers(0): want 1 to 1000"},
	"too many workers": {option(delivery(1001, 1000, time.Minute)), "WithWorkers(1001)"},
	"no queue":         {option(delivery(8, 0, time.Minute)), "WithWaiting(0)"},
	"too long a queue": {option(delivery(8, 1_000_001, time.Minute)), "WithWaiting(1000001)"},
	"too short a time": {option(delivery(8, 1000, time.Second-1)), "WithTimeout"},
	"too long a time":  {option(delivery(8, 1000, 10*time.Minute+1)), "WithTimeout"},
}

func TestNew_ReportsEachWrongSetting(t *testing.T) {
	t.Parallel()
	for name, c := range wrongSettings {
		flow, err := newFlow(t, c.change)
		require.ErrorContains(t, err, c.want, name)
		require.Nil(t, flow, name)
		for _, line := range strings.Split(err.Error(), "\n") {
			require.True(t, strings.HasPrefix(line, "onetimehttp: "), "%s: %s", name, line)
		}
	}
}

func TestNew_ReportsAllAtOnce(t *testing.T) {
	all := func(with *setup) {
		with.config = onetimehttp.Config{Origin: "http://example.com", Secrets: 7, OtherBrowser: 8, Paths: onetimehttp.Paths{Start: "a", Verify: "b", Link: "c"}}
		with.options = append(with.options, onetimehttp.WithNormalizer(nil), onetimehttp.WithAccountName(nil), onetimehttp.WithTemplates(nil),
			delivery(0, 0, 0), onetimehttp.WithTexts(map[string]onetimehttp.Catalogue{"de": {"nothing": "x"}}))
	}
	_, err := newFlow(t, all)
	for _, want := range []string{
		"Lookup", "Sender", "OnVerified", "Limiter", "Config.Name", "Config.Origin", "Config.Secrets(7)", "Config.OtherBrowser(8)", `"a"`, `"b"`, `"c"`,
		"WithNormalizer", "WithAccountName", "WithTemplates", "WithWorkers(0)", "WithWaiting(0)", "WithTimeout(0s)", "WithTexts",
	} {
		require.ErrorContains(t, err, want)
	}
	for range 5 {
		_, again := newFlow(t, all)
		require.EqualError(t, again, err.Error(), "in the same order each time")
	}

	_, err = onetimehttp.New(nil, onetimehttp.Config{})
	require.ErrorContains(t, err, "a Manager")
	require.ErrorContains(t, err, "Config.Name")
}

func TestNew_TakesTheRanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*setup){
		"as it is":                func(*setup) {},
		"long name":               names(strings.Repeat("a", 100)),
		"port":                    origins("https://example.com:8443"),
		"localhost":               origins("http://localhost:8080"),
		"loopback":                origins("http://127.9.9.9"),
		"loopback, IPv6":          origins("http://[::1]:1"),
		"codes without a base":    func(with *setup) { with.manager, with.config.Secrets = nil, onetimehttp.CodeOnly },
		"least":                   option(delivery(1, 1, time.Second)),
		"most":                    option(delivery(1000, 1_000_000, 10*time.Minute)),
		"zero option":             option(onetimehttp.Option{}),
		"no observer":             option(onetimehttp.WithObserver(nil)),
		"no texts":                option(onetimehttp.WithTexts(nil)),
		"paths":                   paths(onetimehttp.Paths{Start: "/", Verify: "/a/b%20c", Link: "/é"}),
		"no limiter, and said so": func(with *setup) { with.config.Limiter = nil; option(onetimehttp.WithDangerouslyNoLimiter())(with) },
	} {
		_, err := newFlow(t, change)
		require.NoError(t, err, name)
	}
}

// New asks nothing of Redis, whatever the Manager makes of subjects.
func TestNew_LeavesRedisAlone(t *testing.T) {
	asked := 0
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithNormalizer(func(subject string) (string, error) { return "tenant-1:" + subject, nil }),
			onetime.WithObserver(func(context.Context, onetime.Event) { asked++ }))
	})
	require.Empty(t, s.dump())
	require.Zero(t, asked)
}

func TestPaths_FormsAndRedirectsLeadThere(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.config.Paths = onetimehttp.Paths{Start: "/auth/in", Verify: "/auth/code", Link: "/auth/link"}
		with.manager = []onetime.Option{onetime.WithLinkBase(origin + "/auth/link")}
	})
	v := s.visitor()
	v.get("/auth/in")
	require.Equal(t, http.StatusOK, v.submit("address", alice).status)
	m := s.message()
	require.Equal(t, http.StatusForbidden, v.submit("code", wrong(m.Code, 1)).status)
	require.Equal(t, "/auth/in", s.visitor().get("/auth/code").header.Get("Location"))
	require.Equal(t, http.StatusForbidden, v.get("/auth/code").status, "it shows what was said last")
	v.get(path(t, m.URL))
	require.Equal(t, http.StatusSeeOther, v.submit().status)
	require.Equal(t, "/auth/in", v.get("/auth/link").page().one(t, "a").attr["href"])
}

// Two Flows of one Manager, of different purposes, do not share anything.
func TestPurpose_IsThatOfTheManager(t *testing.T) {
	s := newSite(t)
	confirm, err := s.manager.Purpose("confirm")
	require.NoError(t, err)
	with := newSetup(s)
	var message onetimehttp.Message
	done := make(chan struct{})
	with.config.Sender = func(_ context.Context, _ onetimesend.Recipient, m onetimehttp.Message) (onetimesend.Delivery, error) {
		message = m
		close(done)
		return onetimesend.Delivery{}, nil
	}
	flow, err := onetimehttp.New(confirm, with.config, atOnce)
	require.NoError(t, err)
	defer flow.Shutdown(context.Background())
	v := s.visitor()
	m := v.asks(alice)
	require.Equal(t, http.StatusOK, v.send(flow.Start(), v.request(http.MethodPost, start, form, "address="+alice)).status, "its own limits")
	next(t, done)
	require.Equal(t, "confirm", message.Purpose)
	if message.Code != m.Code {
		require.Equal(t, http.StatusForbidden, v.post(code, "address", alice, "code", message.Code).status)
	}
	require.Equal(t, http.StatusForbidden, v.post(link, "token", token(t, message.URL)).status)
	require.Equal(t, http.StatusSeeOther, v.post(code, "address", alice, "code", m.Code).status)
}

func TestTemplates_OneOfFiveIsReplaced(t *testing.T) {
	own := template.Must(template.New("").Parse(`{{define "code"}}<html lang="{{.Language}}"><head><title>Ours</title><style>{{.Style}}</style></head><body>` +
		`<form method="post" action="{{.Paths.Verify}}"><input type="hidden" name="address" value="{{.Address}}"><input name="code"></form>{{template "ours" .}}</body></html>{{end}}` +
		`{{define "ours"}}<p class="note">{{.Note}}</p><p id="error">{{.Error}}</p>{{end}}`))
	s := newSite(t, option(onetimehttp.WithTemplates(own)))
	template.Must(own.Parse(`{{define "ours"}}changed{{end}}`)) // later: the Flow has its own
	v := s.visitor()
	require.NotContains(t, v.get(start).body, "Ours")
	require.Equal(t, http.StatusOK, v.submit("address", alice).status)
	require.Contains(t, v.seen.body, "<title>Ours</title>")
	require.NotContains(t, v.seen.body, "changed")
	guarded(t, v.seen, "own page")
	m := s.message()
	require.Equal(t, "This code is wrong. 4 attempts are left.", v.submit("code", wrong(m.Code, 1)).said())
	require.NotContains(t, v.get(path(t, m.URL)).body, "Ours")
	require.Equal(t, http.StatusSeeOther, v.submit().status)
}

// All five, and a head that the default pages then use, too.
func TestTemplates_AllReplaced(t *testing.T) {
	text := `{{define "head"}}<html lang="x"><head>{{end}}`
	for _, name := range []string{"start", "code", "sent", "link", "done", "error"} {
		text += `{{define "` + name + `"}}ours ` + name + `: {{.T "start.title" "service" .Name}} {{.Account}}{{.Error}}{{end}}`
	}
	s := newSite(t, pages(text))
	v := s.visitor()
	require.Equal(t, "ours start: Sign in to Example ", v.get(start).body)
	v.post(start, "address", alice)
	require.Equal(t, "ours code: Sign in to Example ", v.seen.body)
	require.Equal(t, "ours link: Sign in to Example A•••@example.com", v.get(path(t, s.message().URL)).body)
	require.Equal(t, "ours error: Sign in to Example This is not a whole code or link. Check it and try again.", v.get(link).body)

	s = newSite(t, func(with *setup) { with.config.Secrets = onetimehttp.LinkOnly; pages(text)(with) })
	require.Equal(t, "ours sent: Sign in to Example ", s.visitor().post(start, "address", alice).body)

	s = newSite(t, pages(`{{define "head"}}<html lang="x"><head>{{end}}{{define "error"}}e{{end}}`))
	require.True(t, strings.HasPrefix(s.visitor().get(start).body, `<html lang="x">`))
}
