package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSurvivors_EachNamesAMutant(t *testing.T) {
	root := filepath.Join("..", "..")
	all, err := allMutants(root)
	require.NoError(t, err)
	reasons, err := readSurvivors("survivors.txt")
	require.NoError(t, err)
	require.NoError(t, stale(all, reasons))
	reasons["lua/undo.lua: gone: delete"] = "a reason"
	require.ErrorContains(t, stale(all, reasons), "lua/undo.lua: gone: delete")

	seen, read := map[string]bool{}, map[string]*luaReader{}
	for _, m := range all {
		require.False(t, seen[m.name], m.name)
		seen[m.name] = true
		if testing.Short() {
			continue
		}
		if !strings.HasSuffix(m.name, "delete") {
			if read[m.file] == nil {
				read[m.file], err = readLua(m.file, m.source)
				require.NoError(t, err)
			}
			s := outermost(read[m.file], m)
			_, err := readLua(m.file, m.source[s.start:m.start]+m.to+m.source[m.end:s.end])
			require.NoError(t, err, m.name)
		}
	}
}

// outermost returns the statement of the script that a mutant alters.
func outermost(r *luaReader, m mutant) statement {
	for _, s := range r.statements { // the outer before the inner ones
		if s.start <= m.start && m.end <= s.end {
			return s
		}
	}
	return statement{}
}

func TestMutants_OfLua(t *testing.T) {
	found, err := luaMutants("a.lua", `--[[ a < b ]]
local function f(a)
  if a < 2 then return true elseif not a then g(-1) end -- 3
end
for i, v in ipairs({x = 'a < b'}) do t[i] = v + 0 end`)
	require.NoError(t, err)
	var names []string
	for _, m := range found {
		names = append(names, strings.TrimPrefix(m.name, "a.lua: "))
	}
	require.Equal(t, []string{
		"local function f(a): delete", "if a < 2 then: delete", "if a < 2 then: < to <=", "if a < 2 then: < to >=",
		"if a < 2 then: 2 to 3", "if a < 2 then: 2 to 1", "return true: delete", "return true: true to false",
		"elseif not a then: negate", "elseif not a then: not to nothing", "g(-1): delete", "g(-1): - to nothing", "g(-1): 1 to 2", "g(-1): 1 to 0",
		"for i, v in ipairs({x = 'a < b'}) do: delete", "t[i] = v + 0: delete", "t[i] = v + 0: 0 to 1", "t[i] = v + 0: 0 to (-1)",
	}, names)
	require.Contains(t, found[8].text(), "elseif not (not a) then")

	_, err = luaMutants("a.lua", "if a then b() ")
	require.ErrorContains(t, err, "a.lua: line 1: want end")
}
