package onetime_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestReadme_IsShort(t *testing.T) {
	require.LessOrEqual(t, strings.Count(rig.Text(t, "README.md"), "\n"), 250)
}

func TestReadme_QuickStartIsTheProgram(t *testing.T) {
	program, err := os.ReadFile("examples/quickstart/main.go")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("left out: examples is a module of its own, and not here")
	}
	require.NoError(t, err)
	_, rest, found := strings.Cut(rig.Text(t, "README.md"), "\n```go\n")
	require.True(t, found, "README has no block of Go code")
	block, _, found := strings.Cut(rest, "\n```\n")
	require.True(t, found, "the block of Go code has no end")
	require.Equal(t, string(program), block+"\n", "the first block of Go code in README.md and examples/quickstart/main.go")
}

func TestDocs_EveryTestTheyNameExists(t *testing.T) {
	declared := map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Example|Benchmark|Fuzz)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			declared[found[1]] = true
		}
		return err
	}))
	for path, text := range rig.Documents(t) {
		named := regexp.MustCompile(`\b(?:Test|Example|Benchmark|Fuzz)[A-Z_]\w*`).FindAllString(text, -1)
		require.True(t, len(named) > 0 || path != "README.md")
		for _, name := range named {
			require.True(t, declared[name], "%s names %s, which does not exist", path, name)
		}
	}
}

func TestDocs_EveryLinkLeadsSomewhere(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^#+ (.+)$`)
	for path, text := range rig.Documents(t) {
		links := regexp.MustCompile(`\]\(([^):#]*)(#[^)]*)?\)`).FindAllStringSubmatch(text, -1)
		require.True(t, len(links) > 0 || path != "README.md")
		for _, link := range links {
			target, place := filepath.Join(filepath.Dir(path), link[1]), strings.TrimPrefix(link[2], "#")
			if link[1] == "" {
				target = path
			}
			linked, err := os.ReadFile(target)
			require.NoError(t, err, path)
			var places []string
			for _, found := range heading.FindAllStringSubmatch(string(linked), -1) {
				places = append(places, strings.ReplaceAll(strings.ToLower(found[1]), " ", "-"))
			}
			if place != "" {
				require.Contains(t, places, place, "%s links to %s", path, link[0])
			}
		}
	}
}

// rows are the rows of the table of errors: name, status, what to tell the person.
var rows = regexp.MustCompile("(?m)^\\| (?:`(Err\\w+)`|any other)[^|]* \\| (\\d{3}) \\| (.+) \\|$")

func TestReadme_TableOfErrorsIsWholeAndTrue(t *testing.T) {
	values := map[string]error{
		"ErrDenied": onetime.ErrDenied, "ErrInvalid": onetime.ErrInvalid, "ErrMalformed": onetime.ErrMalformed,
		"ErrMismatch": onetime.ErrMismatch, "ErrNotFound": onetime.ErrNotFound, "ErrUsed": onetime.ErrUsed,
		"ErrExhausted": onetime.ErrExhausted, "ErrBinding": onetime.ErrBinding, "ErrSubject": onetime.ErrSubject,
		"ErrThrottled": onetime.ErrThrottled, "ErrLocked": onetime.ErrLocked, "ErrDisabled": onetime.ErrDisabled,
		"": errors.New("undecided"),
	}
	told := map[string]bool{}
	for _, row := range rows.FindAllStringSubmatch(rig.Text(t, "README.md"), -1) {
		err, known := values[row[1]]
		require.True(t, known, "the table has %s, the test does not", row[1])
		status, text := response(err) // of Example_errors
		require.Equal(t, row[2:], []string{strconv.Itoa(status), text}, "README and Example_errors differ on %s", row[1])
		told[row[1]] = true
	}
	require.True(t, told[""], "the table does not tell what to do when undecided")

	text, err := os.ReadFile("errors.go")
	require.NoError(t, err)
	declared := regexp.MustCompile(`(?m)^(?:var |\t)(Err\w+)\s+= `).FindAllStringSubmatch(string(text), -1)
	for _, found := range declared {
		require.True(t, told[found[1]], "%s is not in the table of errors", found[1])
	}
	require.Len(t, told, len(declared)+1, "with undecided")

	// Each row of the table of statuses is a row here, under the name of a variable, with the status for pages.
	pages := map[string]string{}
	for _, row := range rows.FindAllStringSubmatch(rig.Text(t, "README.md"), -1) {
		pages[row[1]] = row[2]
	}
	for _, s := range fault.Statuses {
		name := ""
		for variable, err := range values {
			if err == s.Err {
				name = variable
			}
		}
		require.NotEmpty(t, name, "%s: no variable has this reason", s.Name)
		require.Equal(t, strconv.Itoa(s.Page), pages[name], name)
	}
	require.Len(t, fault.Statuses, len(declared)-2, "all but ErrDenied and ErrInvalid")
}

func TestDocs_TableOfOptionsIsWhole(t *testing.T) {
	page := rig.Documents(t)["docs/options.md"]
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, option := range regexp.MustCompile(`(?m)^func (\w+)\(.*\) (?:Option|IssueOption|VerifyOption|CallOption) \{`).FindAllStringSubmatch(string(text), -1) {
			if option[1][0] < 'A' || 'Z' < option[1][0] {
				continue
			}
			found++
			require.Contains(t, page, "\n| `"+option[1]+"`", "docs/options.md has no row of %s", option[1])
		}
	}
	require.Len(t, regexp.MustCompile("(?m)^\\| `").FindAllString(page, -1), found, "rows of options that there are no more")
}
