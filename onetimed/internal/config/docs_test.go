package config

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// row is a setting as a line of the table of docs/server.md.
func row[T any](s setting[T]) string {
	fallback := ""
	if s.Default != "" {
		fallback = "`" + s.Default + "`"
		if s.Path == "purpose" {
			fallback = s.Default
		}
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", s.Path, fallback, s.Range, s.Meaning)
}

func table[T any](settings []setting[T]) string {
	var b strings.Builder
	b.WriteString("| setting | default | range | what it does |\n|---|---|---|---|\n")
	for _, s := range settings {
		b.WriteString(row(s))
	}
	return b.String()
}

func TestDocs_EverySettingWithItsDefaultAndRange(t *testing.T) {
	text, err := os.ReadFile("../../../docs/server.md")
	require.NoError(t, err)
	for _, want := range []string{table(settings), table(serviceSettings), table(callerSettings)} {
		require.True(t, strings.Contains(string(text), want), "docs/server.md must have this table:\n%s", want)
	}
}

func TestDocs_TheExampleOfTheSettingsIsTaken(t *testing.T) {
	text, err := os.ReadFile("../../../docs/server.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```yaml\n")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "```")
	_, err = load(t, example)
	require.NoError(t, err)
}
