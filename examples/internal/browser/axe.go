package browser

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axeCore is the program axe-core, which testdata/axe pins. Pages do not load it: it is run in them from outside.
var axeCore = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	source, err := os.ReadFile(filepath.Join(filepath.Dir(here), "testdata", "axe", "node_modules", "axe-core", "axe.min.js"))
	return string(source), err
})

// audit runs each rule of axe-core, those that are best practice, too, and returns what is violated, and where.
const audit = `axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations.flatMap((v) =>
	v.nodes.map((n) => v.id + ": " + n.target.join(" ") + ": " + n.failureSummary)))`

// CheckAxe demands that axe-core finds nothing on the page. Where it is not installed that is told, but not in CI.
func (b *Browser) CheckAxe() {
	b.t.Helper()
	source, err := axeCore()
	if err != nil {
		require.NotEqual(b.t, "true", os.Getenv("CI"), "axe-core is missing, which .ci/run installs")
		b.tell("leaves axe-core out: npm ci --prefix examples/internal/browser/testdata/axe installs it")
		return
	}
	require.Empty(b.t, b.violations(source), "what axe-core finds on the page %q", b.Title())
}

func (b *Browser) violations(source string) (found []string) {
	b.t.Helper()
	if b.scriptOff { // the page has run none, and will not: it is loaded
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
		defer call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	for _, scheme := range schemes {
		b.prefer(scheme)
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		defer cancel()
		violated, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](source+";"+audit, chromedp.EvalAwaitPromise))
		require.NoError(b.t, err, "axe-core on the page %q", b.Title())
		for _, v := range violated {
			found = append(found, scheme+": "+v)
		}
	}
	b.prefer("")
	return found
}
