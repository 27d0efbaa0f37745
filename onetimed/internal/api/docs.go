package api

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsText string

//go:embed docs.css
var docsStyle string

// docsPolicy lets the page load nothing and run nothing: its one style is allowed by its hash.
var docsPolicy = func() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

var docsPage = template.Must(template.New("docs").Parse(docsText))

// A docsOperation is an operation as the page shows it.
type docsOperation struct {
	ID, Method, Path, Summary, Description string
	In, Out                                []docsMember
	Success                                int
	Problems                               []docsProblem
	Parameters                             []*huma.Param
}

type docsMember struct {
	Name, Type, Description string
	Required                bool
}

type docsProblem struct {
	Status  int
	Reasons []docsReason
}

type docsReason struct{ Name, Detail string }

type docsTag struct {
	Name, Description string
	Operations        []docsOperation
}

// page makes the page of the document. All of it is known when the program starts.
func (a *contract) page(document *huma.OpenAPI) ([]byte, error) {
	var tags []docsTag
	for _, tag := range document.Tags {
		shown := docsTag{Name: tag.Name, Description: tag.Description}
		for i := range a.operations {
			if o := &a.operations[i]; o.tag == tag.Name {
				shown.Operations = append(shown.Operations, a.pageOperation(document, o))
			}
		}
		tags = append(tags, shown)
	}
	var out bytes.Buffer
	err := docsPage.Execute(&out, map[string]any{
		"Style": template.CSS(docsStyle), "Title": document.Info.Title, "Version": document.Info.Version,
		"Introduction": strings.Split(document.Info.Description, "\n\n"), "Tags": tags,
	})
	return out.Bytes(), err
}

func (a *contract) pageOperation(document *huma.OpenAPI, o *operation) docsOperation {
	item := document.Paths[o.path]
	d := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "DELETE": item.Delete}[o.method]
	shown := docsOperation{ID: o.id, Method: o.method, Path: o.path, Summary: o.summary, Description: d.Description, Success: o.success}
	for _, p := range d.Parameters {
		if p.Name != "X-Request-Id" {
			shown.Parameters = append(shown.Parameters, p)
		}
	}
	if d.RequestBody != nil {
		for _, media := range d.RequestBody.Content {
			shown.In = a.members(media.Schema, "")
		}
	}
	if o.out != nil {
		shown.Out = a.members(a.registry.Schema(o.out, true, ""), "")
	}
	for status, names := range o.problems() {
		p := docsProblem{Status: status}
		for _, name := range names {
			p.Reasons = append(p.Reasons, docsReason{name, reasonOf(name).detail})
		}
		shown.Problems = append(shown.Problems, p)
	}
	slices.SortFunc(shown.Problems, func(a, b docsProblem) int { return cmp.Compare(a.Status, b.Status) })
	return shown
}

// members lists those of an object, and those of objects in it behind their names.
func (a *contract) members(schema *huma.Schema, prefix string) []docsMember {
	for schema.Ref != "" {
		schema = a.registry.SchemaFromRef(schema.Ref)
	}
	var names []string
	for name := range schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(x, y string) int { // what is required first
		return cmp.Compare(required(schema, x), required(schema, y))
	})
	var all []docsMember
	for _, name := range names {
		property := schema.Properties[name]
		kind, inner := property.Type, property
		if property.Items != nil {
			inner = property.Items
		}
		if inner.Ref != "" {
			kind = "object"
			if property.Items != nil {
				kind = "array of objects"
			}
		}
		for i, value := range property.Enum {
			kind += map[bool]string{true: ": ", false: ", "}[i == 0] + value.(string)
		}
		all = append(all, docsMember{prefix + name, kind, property.Description, slices.Contains(schema.Required, name)})
		if inner.Ref != "" {
			all = append(all, a.members(inner, prefix+name+".")...)
		}
	}
	return all
}

func required(schema *huma.Schema, name string) int {
	if slices.Contains(schema.Required, name) {
		return 0
	}
	return 1
}
