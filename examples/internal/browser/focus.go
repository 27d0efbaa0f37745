package browser

import (
	"fmt"
	"slices"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/stretchr/testify/require"
)

// Focused says what has the focus, such as "<button> Sign in", "" for nothing. It must be seen that it has.
func (b *Browser) Focused() string {
	b.t.Helper()
	f := b.facts()
	if f.Focus == nil {
		return ""
	}
	require.Empty(b.t, f.ring(), "where the focus is")
	return f.Focus.Name
}

// ring judges whether it is seen what has the focus.
func (f facts) ring() (found []string) {
	if f.Focus.Ring < ringWidth {
		found = append(found, fmt.Sprintf("%s has no ring around it", f.Focus.Name))
	}
	canvas, err := parseColour(f.Canvas)
	if err != nil {
		return append(found, err.Error())
	}
	seen, err := ratio(f.Focus.Color, f.Focus.Outside, f.Focus.Outside, canvas)
	if err != nil {
		return append(found, err.Error())
	}
	if seen < controlContrast {
		found = append(found, fmt.Sprintf("the ring around %s has a contrast of %.2f", f.Focus.Name, seen))
	}
	return found
}

// CheckKeyboard demands that the Tab key reaches each control of the page, and that it is seen where it is.
func (b *Browser) CheckKeyboard() {
	b.t.Helper()
	require.Empty(b.t, b.unreached(), "who cannot use the page %q by keyboard", b.Title())
}

// unreached says what the Tab key does not reach, or reaches unseen.
func (b *Browser) unreached() (found []string) {
	b.t.Helper()
	for _, scheme := range schemes {
		b.prefer(scheme)
		var reached []string
		controls := b.facts().Controls
		for range len(controls) + 1 { // after the last it leaves the page once
			b.press(Tab)
			if f := b.facts(); f.Focus != nil {
				reached = append(reached, f.Focus.Name)
				for _, finding := range f.ring() {
					found = append(found, scheme+": "+finding)
				}
			}
		}
		for _, c := range controls {
			if !slices.Contains(reached, c.Name) {
				found = append(found, fmt.Sprintf("the Tab key does not reach %s", c.Name))
			}
		}
	}
	b.prefer("")
	slices.Sort(found)
	return slices.Compact(found)
}

// Screens on which pages have to fit: 320 pixels, which is 1280 by 1024 at 400 % (WCAG 2.2, 1.4.10), and 1280 by 800 at 200 %.
var narrow = []struct{ width, height int64 }{{320, 256}, {640, 400}}

// CheckNarrow demands that nobody has to scroll sideways on a narrow screen, or on one that is enlarged, with text of twice the
// size, too (1.4.4).
func (b *Browser) CheckNarrow() {
	b.t.Helper()
	require.Empty(b.t, b.wide(), "who has to scroll on the page %q", b.Title())
}

// wide says where the page is wider than the screen.
func (b *Browser) wide() (found []string) {
	b.t.Helper()
	for _, screen := range narrow {
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: screen.width, Height: screen.height, DeviceScaleFactor: 2})
		for _, size := range []string{"100%", "200%"} {
			evaluate[string](b, "document.documentElement.style.fontSize = '"+size+"'")
			if f := b.facts(); f.Width > f.Room {
				found = append(found, fmt.Sprintf("with text of %s the page is %d wide, and %d are there", size, f.Width, f.Room))
			}
		}
	}
	evaluate[string](b, "document.documentElement.style.fontSize = ''")
	call(b, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
	return found
}
