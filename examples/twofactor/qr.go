package main

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"
)

// quiet is how many modules around a QR code stay light (ISO/IEC 18004 6.3.8).
const quiet = 4

// draw draws a text as QR code: SVG that stands in the page, so that no picture with the secret is loaded, cached or logged. It is
// dark on light whatever colours the person prefers, since not every app reads the other.
func draw(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	size := code.Size + 2*quiet
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" width="240" height="240" role="img" aria-label="QR code" shape-rendering="crispEdges">`+
		`<rect width="%[1]d" height="%[1]d" fill="#fff"/><path fill="#000" d="`, size)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for code.Black(x, y) { // outside of the code it is false
				x++
			}
			if x > from {
				fmt.Fprintf(&svg, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	svg.WriteString(`"/></svg>`)
	return template.HTML(svg.String()), nil // numbers only
}
