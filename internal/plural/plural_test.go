package plural_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/plural"
)

func TestCategory_IsThatOfTheLanguage(t *testing.T) {
	for _, c := range []struct {
		language string
		want     map[int]string
	}{
		{"en", map[int]string{0: "other", 1: "one", 2: "other", 11: "other"}},
		{"de-AT", map[int]string{1: "one", 2: "other"}},
		{"fr", map[int]string{0: "one", 1: "one", 2: "other"}},
		{"ar", map[int]string{0: "zero", 1: "one", 2: "two", 3: "few", 11: "many", 100: "other"}},
		{"ja", map[int]string{1: "other"}},
		{"ru", map[int]string{1: "one", 2: "few", 5: "many", 11: "many", 21: "one"}},
	} {
		for n, want := range c.want {
			require.Equal(t, want, plural.Category(c.language, n), "%s %d", c.language, n)
		}
	}
}
