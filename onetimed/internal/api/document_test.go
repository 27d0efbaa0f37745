package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

var update = flag.Bool("update", false, "write ../../openapi.json and the table of docs/server-api.md anew")

func TestDocument_IsTheOneThatIsPublished(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	served := f.call("", "GET", "/openapi.json", nil).is(200).body
	require.Equal(t, f.api.Document(), served)
	if *update {
		require.NoError(t, os.WriteFile("../../openapi.json", served, 0o644))
	}
	published, err := os.ReadFile("../../openapi.json")
	require.NoError(t, err)
	require.True(t, string(published) == string(served), "go test ./internal/api -update writes it")
}

// described walks the document and demands a description wherever there is room for one.
func described(t *testing.T, at string, node any) {
	switch node := node.(type) {
	case []any:
		for i, each := range node {
			described(t, fmt.Sprintf("%s/%d", at, i), each)
		}
	case map[string]any:
		parts := strings.Split(at, "/")
		parent := ""
		if len(parts) > 1 {
			parent = parts[len(parts)-2]
		}
		needs := slices.Contains([]string{"properties", "responses", "headers", "securitySchemes", "tags", "parameters"}, parent) || node["operationId"] != nil
		if needs && node["$ref"] == nil {
			text, _ := node["description"].(string)
			require.Greater(t, len(text), 5, "%s is not described", at)
			require.Regexp(t, `[.:]$`, strings.TrimSpace(text), "%s: %q", at, text)
		}
		for name, each := range node {
			described(t, at+"/"+name, each)
		}
	}
}

func TestDocument_NothingInItIsUndescribed(t *testing.T) {
	t.Parallel()
	c := documented()
	require.NoError(t, c.err)
	described(t, "#", map[string]any(c.document))
	require.Equal(t, "3.1.0", c.document["openapi"])
	for path, item := range c.document["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			require.NotEmpty(t, o.(map[string]any)["summary"], "%s %s", method, path)
			require.NotNil(t, o.(map[string]any)["security"], "%s %s", method, path)
		}
	}
}

func TestDocument_HasEveryReasonAndEveryRefusalOfOnetime(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"no_such_call": true, "method_not_allowed": true, "denied": true} // of no call alone
	for _, o := range operations() {
		for _, names := range o.problems() {
			for _, name := range names {
				require.Equal(t, name, reasonOf(name).name)
				used[name] = true
			}
		}
	}
	for _, r := range reasons {
		require.True(t, used[r.name], "no call says %s", r.name)
	}
	for _, reason := range []error{onetime.ErrMalformed, onetime.ErrMismatch, onetime.ErrNotFound, onetime.ErrUsed, onetime.ErrExhausted,
		onetime.ErrBinding, onetime.ErrSubject, onetime.ErrThrottled, onetime.ErrLocked, onetime.ErrDisabled} {
		name := (&onetime.DeniedError{Reason: reason}).Name()
		require.Equal(t, name, reasonOf(name).name)
	}
	require.Equal(t, "denied", reasonOf("something new").name)
}

func TestDocument_RequestsTakeNoOtherMembersAndAnswersMayGrow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var document struct {
		Components struct {
			Schemas map[string]struct {
				AdditionalProperties any `json:"additionalProperties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(f.api.Document(), &document))
	require.NotEmpty(t, document.Components.Schemas)
	for name, schema := range document.Components.Schemas {
		request := strings.HasSuffix(name, "In") || name == "Client"
		require.Equal(t, !request, schema.AdditionalProperties, name)
	}
}

func TestDocs_LoadNothingFromElsewhereAndRunNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.call("", "GET", "/docs", nil).is(200)
	page := string(a.body)
	require.Empty(t, regexp.MustCompile(`(?i)<script|<img|<link|<iframe|@import|url\(|src=|style=|\son[a-z]+=`).FindString(page))
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		require.Equal(t, "openapi.json", href[1])
	}
	require.Contains(t, page, `<meta name="viewport" content="width=device-width, initial-scale=1">`)
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)[1]
	sum := sha256.Sum256([]byte(style))
	require.Contains(t, a.header.Get("Content-Security-Policy"), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", "or the page has no style")
	require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'")
	for _, o := range operations() {
		require.True(t, strings.Contains(page, "<code>"+o.method+" "+o.path+"</code>"), o.id)
	}
	for _, r := range reasons {
		if r.name != "no_such_call" && r.name != "method_not_allowed" && r.name != "denied" {
			require.True(t, strings.Contains(page, "<code>"+r.name+"</code>"), r.name)
		}
	}
}

const apiPage = "../../../docs/server-api.md"

// table is the table of reasons in the documentation.
func table() string {
	var text bytes.Buffer
	text.WriteString("| status | reason | what it means |\n|---|---|---|\n")
	for _, r := range reasons {
		fmt.Fprintf(&text, "| %d | `%s` | %s |\n", r.status, r.name, r.detail)
	}
	return text.String()
}

func TestDocs_TheTableOfErrorsIsTheOneOfTheCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(apiPage)
	require.NoError(t, err)
	found := regexp.MustCompile(`(?s)\| status \| reason \|.*?\n\n`)
	if *update {
		page = found.ReplaceAllLiteral(page, []byte(table()+"\n"))
		require.NoError(t, os.WriteFile(apiPage, page, 0o644))
	}
	require.Equal(t, table()+"\n", string(found.Find(page)), "go test ./internal/api -update writes it")
	for _, o := range operations() {
		require.Contains(t, string(page), o.method+" "+o.path)
	}
}
