package browser

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestContrast(t *testing.T) {
	for _, test := range []struct {
		front, back string
		want        float64
	}{
		{"rgb(0, 0, 0)", "rgb(255, 255, 255)", 21},
		{"rgb(255, 255, 255)", "rgb(0, 0, 0)", 21},
		{"rgb(119, 119, 119)", "rgb(255, 255, 255)", 4.48},
		{"color(srgb 0.466667 0.466667 0.466667)", "rgb(255, 255, 255)", 4.48},
		{"rgba(0, 0, 0, 0.5)", "rgb(255, 255, 255)", 3.98}, // as #808080
		{"color(srgb 0 0 0 / 0.5)", "rgb(255, 255, 255)", 3.98},
		{"rgba(0, 0, 0, 0)", "rgb(255, 255, 255)", 1},
		{"transparent", "rgb(0, 0, 0)", 1},
		{"rgb(255, 0, 0)", "rgb(0, 0, 255)", 2.15},
	} {
		got, err := ratio(test.front, []string{test.back}, []string{test.back}, colour{})
		require.NoError(t, err)
		require.InDelta(t, test.want, got, 0.05, "%s on %s", test.front, test.back)
	}
}

// What cannot be judged is not passed over.
func TestGround_WhatIsNoColour(t *testing.T) {
	for _, behind := range [][]string{{"picture", "rgb(0, 0, 0)"}, {"rgb(0, 0, 0)", "see-through"}, {"oklch(0.5 0.1 20)"}, {"color(display-p3 1 0 0)"}, {"rgb(1, 2)"}, {""}} {
		_, err := ground(behind, colour{1, 1, 1, 1})
		require.Error(t, err, behind)
	}
	covered, err := ground([]string{"rgba(0, 0, 0, 0)", "rgb(255, 0, 0)", "picture"}, colour{1, 1, 1, 1})
	require.NoError(t, err)
	require.Equal(t, colour{1, 0, 0, 1}, covered)
}
