package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxBody is how many bytes a body may have.
const maxBody = 64 << 10

// flawed is a body that is not one, at a member.
func flawed(pointer, detail string) error {
	return &refusal{reason: "bad_request", flaws: []Flaw{{Pointer: pointer, Detail: detail}}}
}

// strict reads a body as a schema of objects and plain values has it, and into as encoding/json does. It takes no name that
// the schema does not have in exactly that spelling, no name twice, no null, and no text that decoding would alter: two
// programs that look at the same body must see the same. Flaws hold names of the schema and nothing of the body.
func strict(registry huma.Registry, schema *huma.Schema, body []byte, into any) error {
	if !utf8.Valid(body) {
		return flawed("#", "want UTF-8")
	}
	s := reader{decoder: json.NewDecoder(bytes.NewReader(body)), registry: registry}
	value, err := s.value(schema, "#")
	if err == nil {
		if _, more := s.decoder.Token(); !errors.Is(more, io.EOF) {
			err = flawed("#", "want one JSON object and nothing behind it")
		}
	}
	if err != nil {
		return err
	}
	var result huma.ValidateResult
	path := huma.NewPathBuffer(nil, 0)
	huma.Validate(registry, schema, path, huma.ModeWriteToServer, value, &result)
	if len(result.Errors) > 0 {
		return outOfRange(result.Errors)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return flawed("#", "want whole numbers without an exponent")
	}
	return nil
}

// outOfRange says what huma found, without the values that it found it in.
func outOfRange(found []error) error {
	r := &refusal{reason: "invalid"}
	for _, err := range found {
		var detail *huma.ErrorDetail
		if !errors.As(err, &detail) || len(r.flaws) == 32 {
			continue
		}
		pointer := "#"
		if detail.Location != "" {
			pointer += "/" + strings.ReplaceAll(detail.Location, ".", "/")
		}
		r.flaws = append(r.flaws, Flaw{Pointer: pointer, Detail: detail.Message})
	}
	return r
}

type reader struct {
	decoder  *json.Decoder
	registry huma.Registry
}

// value reads the next value. The schema bounds how deep it goes.
func (s reader) value(schema *huma.Schema, pointer string) (any, error) {
	for schema.Ref != "" {
		schema = s.registry.SchemaFromRef(schema.Ref)
	}
	token, err := s.decoder.Token()
	if err != nil {
		return nil, flawed(pointer, "want JSON")
	}
	switch schema.Type {
	case huma.TypeObject:
		if token != json.Delim('{') {
			return nil, flawed(pointer, "want an object")
		}
		return s.object(schema, pointer)
	case huma.TypeString:
		text, ok := token.(string)
		if !ok {
			return nil, flawed(pointer, "want a string")
		}
		if strings.ContainsRune(text, utf8.RuneError) {
			return nil, flawed(pointer, "want no unpaired surrogates and no U+FFFD")
		}
		return text, nil
	case huma.TypeBoolean:
		if _, ok := token.(bool); !ok {
			return nil, flawed(pointer, "want true or false")
		}
	case huma.TypeInteger:
		if _, ok := token.(float64); !ok {
			return nil, flawed(pointer, "want a whole number")
		}
	}
	return token, nil
}

func (s reader) object(schema *huma.Schema, pointer string) (map[string]any, error) {
	members := map[string]any{}
	for s.decoder.More() {
		token, err := s.decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, flawed(pointer, "want JSON")
		}
		member, known := schema.Properties[name]
		if !known {
			return nil, flawed(pointer, "has a member that is not documented")
		}
		at := pointer + "/" + name
		if _, twice := members[name]; twice {
			return nil, flawed(at, "is there twice")
		}
		if members[name], err = s.value(member, at); err != nil {
			return nil, err
		}
	}
	if _, err := s.decoder.Token(); err != nil {
		return nil, flawed(pointer, "want JSON")
	}
	return members, nil
}
