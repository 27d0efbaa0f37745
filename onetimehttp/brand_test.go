package onetimehttp_test

import (
	"html/template"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func brand(b onetimesend.Brand) func(*setup) { return option(onetimehttp.WithBrand(b)) }

const dataLogo = "data:image/png;base64,iVBORw0KGgo="

// directive is one of the Content-Security-Policy, "" if it has none of the name.
func (a *answer) directive(name string) string {
	for part := range strings.SplitSeq(a.header.Get("Content-Security-Policy"), "; ") {
		if sources, ok := strings.CutPrefix(part, name+" "); ok {
			return sources
		}
	}
	return ""
}

func TestBrand_IsOfPagesAndMessages(t *testing.T) {
	b := onetimesend.Brand{Logo: "https://cdn.example.com/logo.svg?v=1", Accent: "#7a1fa2", Footer: "Example Ltd\n1 <Main> Street"}
	s := newSite(t, brand(b))
	v := s.visitor()
	m := v.asks(alice)
	b.Name = "Example"
	require.Equal(t, b, m.Brand)
	for _, a := range []*answer{v.seen, v.get(start), v.get(path(t, m.URL)), v.get(link)} {
		page := a.page()
		logo := page.one(t, "img")
		require.Equal(t, map[string]string{"src": b.Logo, "alt": "Example", "height": "40", "referrerpolicy": "no-referrer"}, logo.attr)
		require.Equal(t, "https://cdn.example.com", a.directive("img-src"), "its origin only")
		require.Equal(t, "Example Ltd1 <Main> Street", page.one(t, "footer").text)
		style := page.one(t, "style").text
		require.Equal(t, hashOf(style), a.directive("style-src"))
		require.Contains(t, style, "--accent: #7a1fa2;")
		require.NotContains(t, strings.Replace(a.body, style, "", 1), "#7a1fa2", "an accent in a style attribute would not be seen")
		for _, e := range page.inside {
			require.NotContains(t, e.attr, "style")
		}
	}
}

func TestBrand_LogoInThePage(t *testing.T) {
	s := newSite(t, brand(onetimesend.Brand{Name: "Example", Logo: dataLogo}))
	v := s.visitor()
	require.Empty(t, v.asks(alice).Brand.Logo, "mail programs show none")
	require.Equal(t, dataLogo, v.seen.page().one(t, "img").attr["src"])
	require.Equal(t, "data:", v.seen.directive("img-src"))
}

func TestBrand_NoneLoadsNothing(t *testing.T) {
	a := newSite(t).visitor().get(start)
	require.Empty(t, a.page().all("img"))
	require.Empty(t, a.page().all("footer"))
	require.Empty(t, a.directive("img-src"))
}

func TestStyle_OwnRulesAreAllowedByTheHash(t *testing.T) {
	const rules = "h1 { font-family: Georgia, serif > a; }"
	s := newSite(t, option(onetimehttp.WithStyle(rules)), brand(onetimesend.Brand{Accent: "#7a1fa2"}))
	a := s.visitor().get(start)
	style := a.page().one(t, "style").text
	require.True(t, strings.HasSuffix(style, rules), "behind those of the brand")
	require.Equal(t, style, string(s.flow.Style()))
	guarded(t, a, "own rules")
}

func TestFormTargets_AreNamedInThePolicy(t *testing.T) {
	s := newSite(t, option(onetimehttp.WithFormTargets("https://app.example.com", "http://localhost:3000")))
	require.Equal(t, "'self' https://app.example.com http://localhost:3000", s.visitor().get(start).directive("form-action"))
}

func TestNew_ReportsEachWrongBrand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*setup)
		want   string
	}{
		"another name":            {brand(onetimesend.Brand{Name: "Sample"}), "WithBrand: Name: want none, or Config.Name"},
		"pale accent":             {brand(onetimesend.Brand{Accent: "#ffcc00"}), "its contrast with white is 1.5 to 1: want at least 4.5"},
		"accent that is no hex":   {brand(onetimesend.Brand{Accent: "red; } body { display: none"}), "Accent"},
		"logo over http":          {brand(onetimesend.Brand{Logo: "http://example.com/logo.png"}), "Logo: want an https URL"},
		"logo that runs":          {brand(onetimesend.Brand{Logo: "javascript:alert(1)"}), "Logo: want an https URL"},
		"logo that adds a source": {brand(onetimesend.Brand{Logo: "https://a;script-src*/logo.png"}), "Logo: want a host"},
		"logo of text":            {brand(onetimesend.Brand{Logo: "data:text/html;base64,AAAA"}), "data: URL of an image"},
		"logo not in base64":      {brand(onetimesend.Brand{Logo: "data:image/svg+xml,<svg/>"}), "data: URL of an image"},
		"large logo":              {brand(onetimesend.Brand{Logo: "data:image/png;base64," + strings.Repeat("A", 32<<10)}), "at most 32 KiB"},
		"footer of six lines":     {brand(onetimesend.Brand{Footer: "1\n2\n3\n4\n5\n6"}), "Footer: want at most 500 bytes on at most 5 lines"},
		"style that ends":         {option(onetimehttp.WithStyle("</style>")), "WithStyle: want at most 32 KiB"},
		"long style":              {option(onetimehttp.WithStyle(template.CSS(strings.Repeat(" ", 32<<10+1)))), "WithStyle"},
		"target with a path":      {option(onetimehttp.WithFormTargets("https://app.example.com/")), `WithFormTargets("https://app.example.com/")`},
		"target for all":          {option(onetimehttp.WithFormTargets("https://*.example.com")), "WithFormTargets"},
		"target and a directive":  {option(onetimehttp.WithFormTargets("https://a.example; script-src *")), "WithFormTargets"},
		"target over http":        {option(onetimehttp.WithFormTargets("http://app.example.com")), "want a scheme and a host"},
	} {
		flow, err := newFlow(t, c.change)
		require.ErrorContains(t, err, c.want, name)
		require.Nil(t, flow, name)
		for line := range strings.SplitSeq(err.Error(), "\n") {
			require.True(t, strings.HasPrefix(line, "onetimehttp: "), "%s: %s", name, line)
		}
	}
}
