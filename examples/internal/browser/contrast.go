package browser

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A colour is red, green, blue and how much it covers, each from 0 to 1.
type colour [4]float64

var numbers = regexp.MustCompile(`-?[\d.]+(e-?\d+)?`)

// parseColour takes a colour as browsers compute it: rgb(28, 30, 33), rgba(0, 0, 0, 0.2) or color(srgb 0.1 0.1 0.1 / 0.5).
func parseColour(text string) (colour, error) {
	if text == "transparent" {
		return colour{}, nil
	}
	kind, inside, _ := strings.Cut(text, "(")
	scale := 255.0
	if kind == "color" {
		var space string
		space, inside, _ = strings.Cut(inside, " ")
		if scale = 1; space != "srgb" {
			return colour{}, fmt.Errorf("colour %s: want one of sRGB", text)
		}
	}
	found := numbers.FindAllString(inside, -1)
	if (kind != "rgb" && kind != "rgba" && kind != "color") || len(found) < 3 || len(found) > 4 {
		return colour{}, fmt.Errorf("colour %s: want rgb, rgba or color", text)
	}
	c := colour{3: 1}
	for i, number := range found {
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return colour{}, fmt.Errorf("colour %s: %w", text, err)
		}
		if i < 3 {
			n /= scale
		}
		c[i] = n
	}
	return c, nil
}

// over is what is seen of c in front of another colour.
func (c colour) over(back colour) colour {
	covers := c[3] + back[3]*(1-c[3])
	if covers == 0 {
		return colour{}
	}
	seen := colour{3: covers}
	for i := range 3 {
		seen[i] = (c[i]*c[3] + back[i]*back[3]*(1-c[3])) / covers
	}
	return seen
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(s float64) float64 {
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	light, dark := a.luminance(), b.luminance()
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

// ground is the colour that is seen behind something: backgrounds from it on outwards, in front of the browser's canvas.
func ground(behind []string, canvas colour) (colour, error) {
	seen := colour{}
	for _, text := range behind {
		if seen[3] == 1 && text != "see-through" {
			continue
		}
		c, err := parseColour(text)
		if err != nil {
			return colour{}, err
		}
		seen = seen.over(c)
	}
	return seen.over(canvas), nil
}
