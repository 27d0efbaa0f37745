// Package plural has the forms of words for numbers.
package plural

import "strings"

// Category returns the cardinal category of a whole number by the rules of Unicode CLDR 46. Languages that are not named here
// have one and other, which is right for most.
func Category(language string, n int) string {
	base, _, _ := strings.Cut(language, "-")
	ten, hundred := n%10, n%100
	switch base {
	case "ar":
		switch {
		case n == 0:
			return "zero"
		case n == 1:
			return "one"
		case n == 2:
			return "two"
		case hundred >= 3 && hundred <= 10:
			return "few"
		case hundred >= 11:
			return "many"
		}
		return "other"
	case "id", "ja", "ko", "lo", "ms", "my", "th", "vi", "zh":
		return "other"
	case "fr", "pt":
		if n <= 1 {
			return "one"
		}
		return "other"
	case "ru", "uk", "be", "sr", "hr", "bs":
		switch {
		case ten == 1 && hundred != 11:
			return "one"
		case ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14):
			return "few"
		case base == "ru" || base == "uk" || base == "be":
			return "many"
		}
		return "other"
	case "pl":
		switch {
		case n == 1:
			return "one"
		case ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14):
			return "few"
		}
		return "many"
	case "cs", "sk":
		switch {
		case n == 1:
			return "one"
		case n >= 2 && n <= 4:
			return "few"
		}
		return "other"
	case "he":
		switch n {
		case 1:
			return "one"
		case 2:
			return "two"
		}
		return "other"
	}
	if n == 1 {
		return "one"
	}
	return "other"
}
