package main

import (
	"go/parser"
	"go/token"
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

	seen := map[string]bool{}
	for _, m := range all {
		require.False(t, seen[m.name], m.name)
		seen[m.name] = true
		if strings.HasSuffix(m.file, ".go") {
			_, err := parser.ParseFile(token.NewFileSet(), m.file, m.text, 0)
			require.NoError(t, err, m.name)
		} else if !strings.HasSuffix(m.name, "delete") {
			_, err := luaMutants(m.file, m.text)
			require.NoError(t, err, m.name)
		}
	}
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
		"local function f(a): delete", "if a < 2 then: delete", "if a < 2 then: negate", "if a < 2 then: < to <=", "if a < 2 then: < to >=",
		"if a < 2 then: 2 to 3", "if a < 2 then: 2 to 1", "return true: delete", "return true: true to false",
		"elseif not a then: negate", "elseif not a then: not to nothing", "g(-1): delete", "g(-1): - to nothing", "g(-1): 1 to 2", "g(-1): 1 to 0",
		"for i, v in ipairs({x = 'a < b'}) do: delete", "t[i] = v + 0: delete", "t[i] = v + 0: 0 to 1", "t[i] = v + 0: 0 to (-1)",
	}, names)
	require.Contains(t, found[2].text, "if not (a < 2) then return true elseif")

	_, err = luaMutants("a.lua", "if a then b() ")
	require.ErrorContains(t, err, "a.lua: line 1: want end")
}

func TestMutants_OfGo(t *testing.T) {
	found, err := goMutants("a.go", `package a

const size = 2

func f(b bool) (int, error) {
	x := 0
	if b && x < size {
		x = 1
		return 0, g()
	}
	return f(true)
}
`)
	require.NoError(t, err)
	var names []string
	for _, m := range found {
		names = append(names, strings.TrimPrefix(m.name, "a.go: "))
	}
	require.Equal(t, []string{
		"size = 2: 2 to 3", "size = 2: 2 to 1", "x := 0: 0 to 1", "x := 0: 0 to -1",
		"if b && x < size: negate", "if b && x < size: never", "if b && x < size: && to ||", "if b && x < size: < to <=", "if b && x < size: < to >=",
		"x = 1: delete", "x = 1: 1 to 2", "x = 1: 1 to 0", "return 0, g(): 0 to 1", "return 0, g(): 0 to -1", "return 0, g(): error to nil",
		"return f(true): true to false",
	}, names)
}
