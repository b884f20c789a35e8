package templates

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// defaultAccent is the colour of buttons and links without a brand's.
const defaultAccent = "#3b3f9f"

// leastContrast is what text needs against what is behind it (WCAG 2.2, 1.4.3).
const leastContrast = 4.5

// colour is red, green and blue, each 0 to 255.
type colour [3]float64

// The papers that text of the accent stands on, as signet.css has them: the worse one of each scheme.
var (
	white      = colour{255, 255, 255}
	black      = colour{0, 0, 0}
	lightPaper = colour{0xf6, 0xf6, 0xf9}
	darkPaper  = colour{0x1d, 0x1d, 0x24}
)

// themeOf returns the style sheet of an accent. Buttons have the colour as it is, under black or white
// text, whichever is read better: one of them always has the contrast. Links have its nearest shade that
// can be read on the page.
func themeOf(accent string) (string, error) {
	if accent == "" {
		accent = defaultAccent
	}
	fill, err := parseColour(accent)
	if err != nil {
		return "", err
	}
	ink := white
	if contrast(fill, black) > contrast(fill, white) {
		ink = black
	}
	light, dark := readable(fill, lightPaper, black), readable(fill, darkPaper, white)
	return fmt.Sprintf(`:root { --accent-fill: %s; --accent-ink: %s; --accent: %s; }
@supports (color: light-dark(#000, #fff)) {
  :root { --accent: light-dark(%[3]s, %s); }
}
`, fill, ink, light, dark), nil
}

// readable mixes a colour with another until it has enough contrast on a paper.
func readable(c, paper, towards colour) colour {
	mixed := c
	for step := 1; contrast(mixed, paper) < leastContrast && step <= 100; step++ {
		part := float64(step) / 100
		for i := range mixed {
			mixed[i] = math.Round(c[i]*(1-part) + towards[i]*part)
		}
	}
	return mixed
}

func parseColour(text string) (colour, error) {
	digits, ok := strings.CutPrefix(text, "#")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != 3 {
		return colour{}, fmt.Errorf("colour %q: want #rrggbb", text)
	}
	return colour{float64(raw[0]), float64(raw[1]), float64(raw[2])}, nil
}

// String is the colour as style sheets have it.
func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", uint8(c[0]), uint8(c[1]), uint8(c[2]))
}

// contrast is the ratio that WCAG 2.2 defines, 1 to 21.
func contrast(a, b colour) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func (c colour) luminance() float64 {
	var linear [3]float64
	for i, v := range c {
		v /= 255
		if v <= 0.04045 {
			linear[i] = v / 12.92
		} else {
			linear[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}
