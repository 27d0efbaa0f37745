package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/stretchr/testify/require"
)

// folder is where pictures go: that of ONETIME_PICTURES, else one of this user's for temporary files.
var folder = sync.OnceValues(func() (string, error) {
	dir := os.Getenv("ONETIME_PICTURES")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "onetime-pictures-"+strconv.Itoa(os.Getuid()))
	}
	return dir, os.MkdirAll(dir, 0o700)
})

// Screens on which pages are looked at.
var screens = []struct {
	name          string
	width, height int64
	density       float64
}{{"phone", 375, 667, 2}, {"desktop", 1280, 800, 1}}

// Colours that people can prefer.
var schemes = []string{"light", "dark"}

// Picture writes the page to files, one for each screen and scheme.
func (b *Browser) Picture(name string) {
	b.t.Helper()
	dir, err := folder()
	require.NoError(b.t, err)
	for _, screen := range screens {
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: screen.width, Height: screen.height, DeviceScaleFactor: screen.density,
		})
		for _, scheme := range schemes {
			b.prefer(scheme)
			shot := b.screenshot()
			file := filepath.Join(dir, fmt.Sprintf("%s-%s-%s.png", name, screen.name, scheme))
			require.NoError(b.t, os.WriteFile(file, shot, 0o600))
		}
	}
	b.prefer("")
	call(b, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
	b.tell("is pictured: %s", filepath.Join(dir, name+"-*.png"))
}

// prefer sets the colours that the person prefers, and that nothing shall move; "" is no preference.
func (b *Browser) prefer(scheme string) {
	b.t.Helper()
	motion := ""
	if scheme != "" {
		motion = "reduce"
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
}

// Examine looks at the page in each way: it writes pictures of it, and demands that it works on a narrow screen, enlarged and by
// keyboard, and that axe-core finds nothing.
func (b *Browser) Examine(name string) {
	b.t.Helper()
	b.Picture(name)
	b.CheckAxe()
	b.CheckNarrow()
	b.CheckKeyboard()
}

// Screenshot returns what the browser shows of the first element that a selector finds, four times as large, as PNG: what a
// camera sees that is near.
func (b *Browser) Screenshot(selector string) []byte {
	b.t.Helper()
	b.tell("takes a picture of %s", selector)
	at := evaluate[[4]float64](b, fmt.Sprintf(`((box) => [box.x + scrollX, box.y + scrollY, box.width, box.height])(document.querySelector(%q).getBoundingClientRect())`, selector))
	yes := true
	return call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &yes, Clip: &page.Viewport{X: at[0], Y: at[1], Width: at[2], Height: at[3], Scale: 4},
	}).Data
}

func (b *Browser) screenshot() []byte {
	b.t.Helper()
	yes := true
	return call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &yes, OptimizeForSpeed: &yes}).Data
}
