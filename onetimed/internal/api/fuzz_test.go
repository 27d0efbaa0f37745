package api

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzBody_WhatIsTakenReadsOneWay holds strict against encoding/json: what strict takes is, written anew, taken as the same.
func FuzzBody_WhatIsTakenReadsOneWay(f *testing.F) {
	for _, text := range []string{`{}`, `{"subject":"a"}`, `{"Subject":"a"}`, `{"subject":"a","subject":"b"}`, `{"subject":"\ud800"}`, `{"subject":"a","ttl_seconds":60}`,
		`{"subject":"a","ttl_seconds":6e1}`, `{"subject":"a","client":{"user_agent":"x"}}`, `{"subject":"a","decoy":true} `, "{\"subject\":\"a\xff\"}", `{"subject":"\u0061\u0000"}`} {
		f.Add([]byte(text))
	}
	a, err := theContract()
	require.NoError(f, err)
	schema := a.schemas[reflect.TypeFor[StartIn]()]
	f.Fuzz(func(t *testing.T, text []byte) {
		var in, again StartIn
		if strict(a.registry, schema, text, &in) != nil {
			return
		}
		written, err := json.Marshal(in)
		require.NoError(t, err)
		require.NoError(t, strict(a.registry, schema, written, &again), string(written))
		require.Equal(t, in, again)
		var names map[string]any
		require.NoError(t, json.Unmarshal(text, &names))
		for name := range names {
			require.Contains(t, a.registry.SchemaFromRef(schema.Ref).Properties, name)
		}
	})
}
