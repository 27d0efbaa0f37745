package browser

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/stretchr/testify/require"
)

//go:embed facts.js
var factsScript string

// facts are what facts.js tells of a page.
type facts struct {
	Canvas, Language, Title, Viewport string
	Mains, Width, Room                int
	Twice, Moving, Announced, Alerts  []string
	Headings                          []struct {
		Name  string
		Level int
	}
	Texts []struct {
		Name, Color string
		Behind      []string
	}
	Fields []struct {
		Name, Described            string
		Labelled, Invalid, Focused bool
	}
	Controls []control
	Focus    *struct {
		Name, Color string
		Ring        float64
		Outside     []string
	}
}

type control struct {
	Name, Kind               string
	Width, Height            float64
	InText                   bool
	Order                    int
	Borders, Behind, Outside []string
}

// What WCAG 2.2 wants at level AA: 1.4.3, without its allowance for large text, 1.4.11 and 2.5.8.
const (
	textContrast    = 4.5
	controlContrast = 3.0
	targetSize      = 24.0
	ringWidth       = 2.0 // 2.4.13, which is of level AAA
)

// check demands that everybody can use the page, in the light and in the dark.
func (b *Browser) check(status int) {
	b.t.Helper()
	require.Empty(b.t, b.findings(status), "who cannot use the page %q", b.Title())
}

// findings says what keeps people from using the page, which was answered with a status.
func (b *Browser) findings(status int) (found []string) {
	b.t.Helper()
	found = append(b.facts().structure(status), b.nameless()...)
	for _, scheme := range schemes {
		b.prefer(scheme)
		for _, finding := range b.facts().colours() {
			found = append(found, scheme+": "+finding)
		}
	}
	b.prefer("")
	return found
}

func (b *Browser) facts() (f facts) {
	b.t.Helper()
	require.NoError(b.t, json.Unmarshal(evaluate[[]byte](b, factsScript), &f))
	return f
}

// structure judges all but colours.
func (f facts) structure(status int) (found []string) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if f.Language == "" {
		add("the page has no language")
	}
	if f.Title == "" {
		add("the page has no title")
	}
	if !strings.Contains(f.Viewport, "width=device-width") || strings.Contains(f.Viewport, "user-scalable") || strings.Contains(f.Viewport, "maximum-scale") {
		add("the viewport %q does not fit a phone, or cannot be zoomed", f.Viewport)
	}
	if f.Mains != 1 {
		add("the page has %d main parts", f.Mains)
	}
	if f.Width > f.Room {
		add("the page is %d wide, and %d are there", f.Width, f.Room)
	}
	first, level := 0, 0
	for _, h := range f.Headings {
		if h.Level == 1 {
			first++
		}
		if h.Level > level+1 {
			add("%s comes after a heading of level %d", h.Name, level)
		}
		level = h.Level
	}
	if first != 1 {
		add("the page has %d headings of level 1", first)
	}
	for _, id := range f.Twice {
		add("two elements have the id %s", id)
	}
	for _, c := range f.Controls {
		if c.Order > 0 {
			add("%s puts itself before others in the order of the Tab key", c.Name)
		}
		if !c.InText && (c.Width < targetSize || c.Height < targetSize) {
			add("%s is %.0f by %.0f, too small to hit", c.Name, c.Width, c.Height)
		}
	}
	return append(found, f.errors(status)...)
}

// errors judges whether people who do not see the page learn what went wrong, and where.
func (f facts) errors(status int) (found []string) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	told, marked := len(f.Announced) > 0, false
	for _, field := range f.Fields {
		if !field.Labelled {
			add("%s has no label", field.Name)
		}
		if !field.Invalid {
			continue
		}
		marked = true
		if field.Described == "" {
			add("%s is wrong, and nothing says why", field.Name)
		}
		told = told || field.Focused && field.Described != ""
	}
	if status >= 400 && !told {
		add("the error is not announced")
	}
	if len(f.Alerts) > 0 && len(f.Fields) > 0 && !marked {
		add("the error is of no field")
	}
	return found
}

// colours judges whether texts and controls stand out, and whether they keep still for who prefers that.
func (f facts) colours() (found []string) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, name := range f.Moving {
		add("%s moves", name)
	}
	canvas, err := parseColour(f.Canvas)
	if err != nil {
		add("the page: %v", err)
	}
	for _, text := range f.Texts {
		ratio, err := ratio(text.Color, text.Behind, text.Behind, canvas)
		if err != nil {
			add("%s: %v", text.Name, err)
		} else if ratio < textContrast {
			add("%s has a contrast of %.2f", text.Name, ratio)
		}
	}
	for _, c := range f.Controls {
		if c.Kind == "a" || c.Kind == "summary" {
			continue // known by their text
		}
		edges, err := edges(c, canvas)
		if err != nil {
			add("%s: %v", c.Name, err)
		} else if edges < controlContrast {
			add("%s has edges with a contrast of %.2f", c.Name, edges)
		}
	}
	return found
}

// edges is the contrast that shows where a control ends: that of its border, or of its surface, with what is around it.
func edges(c control, canvas colour) (float64, error) {
	best, err := ratio(c.Behind[0], c.Outside, c.Outside, canvas)
	if err != nil {
		return 0, err
	}
	weakest := 21.0
	for _, border := range c.Borders {
		r, err := ratio(border, c.Behind, c.Outside, canvas)
		if err != nil {
			return 0, err
		}
		weakest = min(weakest, r)
	}
	return max(best, weakest), nil
}

// ratio is the contrast of a colour that is painted on something with what is around it.
func ratio(front string, on, around []string, canvas colour) (float64, error) {
	painted, err := ground(append([]string{front}, on...), canvas)
	if err != nil {
		return 0, err
	}
	back, err := ground(around, canvas)
	if err != nil {
		return 0, err
	}
	return contrast(painted, back), nil
}

// nameless are the controls and pictures that Chromium's accessibility tree, which screen readers are told, has no name for.
func (b *Browser) nameless() (found []string) {
	b.t.Helper()
	tree := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	for _, node := range tree.Nodes {
		role := word(node.Role)
		wants := slices.Contains([]string{"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "spinbutton", "image", "heading", "dialog"}, role)
		if wants && !node.Ignored && strings.TrimSpace(word(node.Name)) == "" {
			found = append(found, "a "+role+" has no name")
		}
	}
	return found
}

func word(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}
