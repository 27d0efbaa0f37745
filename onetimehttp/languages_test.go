package onetimehttp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTexts_CataloguesOfThePackageAreRight(t *testing.T) {
	for language, catalogue := range builtin {
		require.Empty(t, catalogue.wrong(), language)
	}
	for name := range english {
		stem, form := cutLast(name)
		if form == "one" || form == "zero" {
			name = stem + ".other"
		}
		require.Contains(t, german, name)
	}
	for _, text := range noteTexts[1:] {
		require.NotEmpty(t, english[text], text)
	}
	for _, t2 := range reasons {
		require.NotEmpty(t, english[t2.text], t2.text)
	}
}
