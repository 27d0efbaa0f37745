package main

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

var colours = map[string]string{ceiling: "#444444", empty: "#8c8c8c", otp: "#1f6fb4", asked: "#7b4fb0", token: "#c2570c", link: "#2a8a3e"}

// draw returns two panels of pairs a second as SVG: over callers and over pending codes.
func draw(results []result, c config) []byte {
	const width, height, panel = 1000, 470, 400
	var s bytes.Buffer
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="#222222">
<title>Pairs a second, over callers and over pending codes</title>
<rect width="%d" height="%d" fill="#ffffff"/>
`, width, height, width, height)

	low, high := math.Inf(1), 0.0
	for _, r := range results {
		low, high = min(low, r.pairs), max(high, r.pairs)
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	if low == high {
		high *= 10
	}
	drawPanel(&s, 70, panel, fmt.Sprintf("over callers, %s pending", short(float64(c.pending[0]))), c.callers, low, high,
		func(x int, client, operation string) (float64, bool) {
			return find(results, variant{c.pending[0], client, x, operation})
		})
	drawPanel(&s, 570, panel, fmt.Sprintf("over pending codes, %d callers", c.middle()), c.pending, low, high,
		func(x int, client, operation string) (float64, bool) {
			return find(results, variant{x, client, c.middle(), operation})
		})

	for i, operation := range operations {
		x := 70 + i*120
		fmt.Fprintf(&s, `<line x1="%d" y1="445" x2="%d" y2="445" stroke="%s" stroke-width="3"/><text x="%d" y="450">%s</text>`+"\n",
			x, x+18, colours[operation], x+24, operation)
	}
	for i, client := range clients {
		x := 775 + i*85
		fmt.Fprintf(&s, `<line x1="%d" y1="445" x2="%d" y2="445" stroke="#222222" stroke-width="2"%s/><text x="%d" y="450">%s</text>`+"\n",
			x, x+28, dashes(client), x+34, client)
	}
	s.WriteString("</svg>\n")
	return s.Bytes()
}

func dashes(client string) string {
	if client == automatic {
		return ` stroke-dasharray="6 4"`
	}
	return ""
}

func find(results []result, v variant) (float64, bool) {
	for _, r := range results {
		if r.variant == v {
			return r.pairs, true
		}
	}
	return 0, false
}

// drawPanel draws one line for each client and operation. Both axes are logarithmic.
func drawPanel(s *bytes.Buffer, left, width int, title string, xs []int, low, high float64, value func(x int, client, operation string) (float64, bool)) {
	const top, bottom = 50, 390
	first, last := math.Log(float64(xs[0])), math.Log(float64(xs[len(xs)-1]))
	across := func(x int) float64 {
		if first == last {
			return float64(left + width/2)
		}
		return float64(left) + float64(width)*(math.Log(float64(x))-first)/(last-first)
	}
	up := func(y float64) float64 {
		return bottom - (bottom-top)*math.Log(y/low)/math.Log(high/low)
	}
	fmt.Fprintf(s, `<text x="%d" y="28" font-size="15">Pairs a second %s</text>`+"\n", left, title)
	for decade := low; decade <= high*1.01; decade *= 10 {
		for _, step := range []float64{1, 2, 5} {
			if y := decade * step; y <= high*1.01 {
				fmt.Fprintf(s, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
					left, up(y), left+width, up(y), left-8, up(y)+4, short(y))
			}
		}
	}
	for _, x := range xs {
		fmt.Fprintf(s, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", across(x), bottom+20, short(float64(x)))
	}
	for _, client := range clients {
		for _, operation := range operations {
			var points, dots strings.Builder
			for _, x := range xs {
				if y, ok := value(x, client, operation); ok {
					fmt.Fprintf(&points, "%.1f,%.1f ", across(x), up(y))
					fmt.Fprintf(&dots, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, across(x), up(y), colours[operation])
				}
			}
			fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s><title>%s, %s</title></polyline>%s`+"\n",
				strings.TrimSpace(points.String()), colours[operation], dashes(client), operation, client, dots.String())
		}
	}
}

// short writes 1000 as 1k and 1000000 as 1M.
func short(x float64) string {
	switch {
	case x >= 1e6:
		return strconv.FormatFloat(x/1e6, 'g', 3, 64) + "M"
	case x >= 1e3:
		return strconv.FormatFloat(x/1e3, 'g', 3, 64) + "k"
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
