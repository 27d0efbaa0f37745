package onetimehttp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestContrast_IsThatOfWCAG(t *testing.T) {
	require.InDelta(t, 21, contrast("#000000", "#ffffff"), 0.001)
	require.InDelta(t, 1, contrast("#123456", "#123456"), 0.001)
	require.InDelta(t, 4.54, contrast("#767676", "#ffffff"), 0.005)
	require.InDelta(t, 4.00, contrast("#ffffff", "#ff0000"), 0.005)
}

// Whatever accent is dark enough for white text, its colours can be read in light and dark.
func TestBrand_AccentIsReadableInLightAndDark(t *testing.T) {
	style, err := files.ReadFile("pages/style.css")
	require.NoError(t, err)
	light, dark, _ := strings.Cut(string(style), "prefers-color-scheme: dark")
	for _, ground := range []string{"--card: " + lightCard, "--note: " + lightNote} {
		require.Contains(t, light, ground, "what is checked is what pages have")
	}
	for _, ground := range []string{"--card: " + darkCard, "--note: " + darkNote} {
		require.Contains(t, dark, ground)
	}
	taken := 0
	for n := range 16 * 16 * 16 {
		accent := fmt.Sprintf("#%02x%02x%02x", (n>>8)*17, (n>>4&15)*17, (n&15)*17)
		rules, err := accentRules(accent)
		if contrast(accent, white) < minContrast {
			require.Error(t, err, accent)
			continue
		}
		require.NoError(t, err, accent)
		require.Contains(t, rules, "--accent: "+accent+";")
		taken++
	}
	require.Greater(t, taken, 1000)
}
