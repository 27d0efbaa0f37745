package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// version is that of the API: the v1 of its paths, and what was added to it.
const version = "1.0.0"

const introduction = `Proves that a person holds an inbox, a phone or a link.

Start issues a secret and sends it; check takes what the person typed. Of check, verify and undo a status of 2xx means yes, and nothing else does: 503 is no answer at all, and never to be taken as yes.

Every call but those of documents and of verify wants a caller's key as Authorization: Bearer. Bodies are JSON in UTF-8 of at most 64 KiB, with the documented members and no others. Every other answer is a problem (RFC 9457): reason says which. Members may be added to answers.

Idempotency-Key makes one of all sendings of a request: of the same caller, path and body. A second start sends no second message; a second check within 60 s of the first is answered as the first. Only a yes is repeated, what was refused is judged anew.`

// A contract is what programs may rely on, whatever the configuration: the calls, and the document of them. It does not change.
type contract struct {
	operations []operation
	registry   huma.Registry
	schemas    map[reflect.Type]*huma.Schema // of the bodies of requests
	document   []byte
	docs       []byte
}

// theContract returns the one that there is.
var theContract = sync.OnceValues(func() (*contract, error) {
	a := &contract{operations: operations(), schemas: map[reflect.Type]*huma.Schema{}}
	document := a.describe()
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("api: document: %w", err)
	}
	a.document = append(text, '\n')
	if a.docs, err = a.page(document); err != nil {
		return nil, fmt.Errorf("api: docs: %w", err)
	}
	return a, nil
})

// describe makes the document from the operations and the types of their bodies.
func (a *contract) describe() *huma.OpenAPI {
	a.registry = huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	document := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "onetimed", Version: version, Description: introduction,
			License: &huma.License{Name: "MIT", URL: "https://spdx.org/licenses/MIT.html"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "The server that has this document."}},
		Tags: []*huma.Tag{
			{Name: tagVerify, Description: "Start, check, and what lies between."},
			{Name: tagProofs, Description: "Signed proofs for other programs, of services that have them."},
			{Name: tagAdmin, Description: "For support and operators."},
			{Name: tagMeta, Description: "What describes the rest."},
		},
		Components: &huma.Components{Schemas: a.registry, SecuritySchemes: map[string]*huma.SecurityScheme{
			"key":         {Type: "http", Scheme: "bearer", Description: "The key of a caller. Its scopes and services say what it may do."},
			"accessToken": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An access token that check answered."},
		}},
	}
	problem := a.registry.Schema(reflect.TypeFor[Problem](), true, "")
	member := a.registry.SchemaFromRef(problem.Ref).Properties["reason"]
	for _, r := range reasons {
		member.Enum = append(member.Enum, r.name)
	}
	for i := range a.operations {
		document.AddOperation(a.describeOperation(&a.operations[i], problem))
	}
	return document
}

func (a *contract) describeOperation(o *operation, problem *huma.Schema) *huma.Operation {
	d := &huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary, Description: o.description,
		Responses: map[string]*huma.Response{strconv.Itoa(o.success): {Description: "Yes: it was done.", Headers: o.headers(true)}},
	}
	if o.scopes != nil {
		var names []string
		for _, scope := range o.scopes {
			names = append(names, string(scope))
		}
		d.Security = []map[string][]string{{"key": {}}}
		d.Description += " The caller needs the scope " + strings.Join(names, " or ") + "."
	}
	d.Parameters = o.parameters()
	if o.in != nil {
		a.schemas[o.in] = a.registry.Schema(o.in, true, "")
		d.RequestBody = &huma.RequestBody{Required: true, Description: "What is asked.", Content: map[string]*huma.MediaType{"application/json": {Schema: a.schemas[o.in]}}}
	}
	if o.out != nil {
		d.Responses[strconv.Itoa(o.success)].Content = map[string]*huma.MediaType{"application/json": {Schema: a.registry.Schema(o.out, true, "")}}
	}
	for status, names := range o.problems() {
		var text strings.Builder
		for _, name := range names {
			fmt.Fprintf(&text, "%s: %s\n\n", name, reasonOf(name).detail)
		}
		d.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: strings.TrimSpace(text.String()), Headers: o.headers(false),
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}
	}
	if o.document != nil {
		o.document(d)
	}
	return d
}

// parameters returns those of path, query and header.
func (o *operation) parameters() []*huma.Param {
	var all []*huma.Param
	add := func(name, in, description string, required bool, schema *huma.Schema) {
		schema.Type = huma.TypeString
		all = append(all, &huma.Param{Name: name, In: in, Description: description, Required: required, Schema: schema})
	}
	if strings.Contains(o.path, "{service}") {
		add("service", "path", "The name of a service.", true, &huma.Schema{Pattern: namePattern.String()})
	}
	if strings.Contains(o.path, "{id}") {
		add("id", "path", "What start or resend answered.", true, &huma.Schema{Pattern: "^[A-Za-z0-9_-]+$"})
	}
	for _, q := range o.query {
		add(q.name, "query", q.description, true, &huma.Schema{Pattern: q.pattern})
	}
	if o.idempotent {
		add("Idempotency-Key", "header", "Makes one of all sendings of this request: random, with at least 128 bits, and kept as a secret.", false, &huma.Schema{Pattern: idempotencyPattern.String()})
	}
	add("X-Request-Id", "header", "Names the request in the answer and in the log; one is drawn where it is absent or another.", false, &huma.Schema{Pattern: requestIDPattern.String()})
	return all
}

// headers returns those that answers may have.
func (o *operation) headers(yes bool) map[string]*huma.Param {
	text := func(description string) *huma.Param {
		return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	headers := map[string]*huma.Param{"X-Request-Id": text("Names the request in the log.")}
	if !yes {
		headers["Retry-After"] = text("After how many seconds to try again; absent where waiting does not help.")
	}
	if o.limits {
		headers["RateLimit"] = text("What is left of the limit that mattered, and in how many seconds it lets the next pass.")
		headers["RateLimit-Policy"] = text("That limit: sends and guesses are counted for each subject, attempts for each verification.")
	}
	return headers
}

// problems returns the reasons that an operation may give, by status.
func (o *operation) problems() map[int][]string {
	names := slices.Clone(o.reasons)
	if o.scopes != nil {
		names = append(names, "unauthorized", "forbidden")
	}
	if o.in != nil {
		names = append(names, "bad_request", "body_too_large", "unsupported_media_type", "invalid")
	}
	if o.tag != tagMeta {
		names = append(names, "undecided")
	}
	byStatus := map[int][]string{}
	for _, r := range reasons { // in the order of the table
		if slices.Contains(names, r.name) {
			byStatus[r.status] = append(byStatus[r.status], r.name)
		}
	}
	return byStatus
}
