package api

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// A checker holds answers against the document, by another reading of JSON Schema than the one that made it.
type checker struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	document map[string]any
	schemas  map[string]*jsonschema.Schema
	err      error
}

var documented = sync.OnceValue(func() *checker {
	c := &checker{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	a, err := theContract()
	if err != nil {
		c.err = err
		return c
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.document))
	if err != nil {
		c.err = err
		return c
	}
	c.document = document.(map[string]any)
	for _, schema := range c.document["components"].(map[string]any)["schemas"].(map[string]any) {
		schema.(map[string]any)["additionalProperties"] = false // members that nobody documented are found
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	c.err = c.compiler.AddResource("document.json", document)
	return c
})

// at returns what the document has at a path of names.
func at(in map[string]any, names ...string) (map[string]any, bool) {
	for _, name := range names {
		next, ok := in[name].(map[string]any)
		if !ok {
			return nil, false
		}
		in = next
	}
	return in, true
}

// validate demands that the document has an answer: its status for this call, its media type, each of its headers, and its body.
func (f *fixture) validate(r *http.Request, a answer) {
	f.Helper()
	c := documented()
	require.NoError(f, c.err)
	require.NotEmpty(f, a.header.Get("X-Request-Id"))
	require.Equal(f, "nosniff", a.header.Get("X-Content-Type-Options"))
	path, method, found := "", strings.ToLower(r.Method), false
	if method == "head" {
		method = "get"
	}
	for template := range c.document["paths"].(map[string]any) {
		if _, ok := match(template, strings.Split(r.URL.Path, "/")); ok {
			if _, found = at(c.document, "paths", template, method); found {
				path = template
				break
			}
		}
	}
	if !found { // of no call there is no document: it is a problem all the same
		require.Contains(f, []int{404, 405}, a.status, string(a.body))
		f.validBody(c, "document.json#/components/schemas/Problem", a, r.Method)
		return
	}
	response, ok := at(c.document, "paths", path, method, "responses", fmt.Sprint(a.status))
	require.True(f, ok, "%s %s answers %d, which is not documented: %s", method, path, a.status, a.body)
	headers, _ := at(response, "headers")
	ours := []string{"Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options", "Www-Authenticate", "Etag", "Content-Security-Policy", "Referrer-Policy", "Allow"}
	for name := range a.header {
		known := slices.Contains(ours, name)
		for documented := range headers {
			known = known || strings.EqualFold(documented, name)
		}
		require.True(f, known, "the header %s is not documented", name)
	}
	content, ok := at(response, "content")
	if !ok {
		require.Empty(f, a.body)
		return
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	_, ok = at(content, kind)
	require.True(f, ok, "%s %s: %d as %q is not documented", method, path, a.status, kind)
	if kind == "text/html" {
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B")
	f.validBody(c, fmt.Sprintf("document.json#/paths/%s/%s/responses/%d/content/%s/schema", escape.Replace(path), method, a.status, escape.Replace(kind)), a, r.Method)
}

func (f *fixture) validBody(c *checker, location string, a answer, method string) {
	f.Helper()
	if method == http.MethodHead {
		require.Empty(f, a.body)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	schema := c.schemas[location]
	if schema == nil {
		var err error
		schema, err = c.compiler.Compile(location)
		require.NoError(f, err)
		c.schemas[location] = schema
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	require.NoError(f, err, string(a.body))
	require.NoError(f, schema.Validate(value), string(a.body))
}
