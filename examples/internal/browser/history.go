package browser

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Back goes back in the history, and returns the status that the page was answered with.
func (b *Browser) Back() (status int) {
	b.t.Helper()
	return b.move(-1, "goes back")
}

// Forward goes forward in the history, and returns the status that the page was answered with.
func (b *Browser) Forward() (status int) {
	b.t.Helper()
	return b.move(1, "goes forward")
}

// Reload loads the page again, and returns the status of the answer.
func (b *Browser) Reload() (status int) {
	b.t.Helper()
	return b.load(chromedp.Reload(), "loads the page again")
}

// Discard lets the browser drop the page, as phones do to have its memory, and come back to it: another tab loads the address
// again, which has nothing of the page but its cookies. It returns the new tab and the status of the answer.
func (b *Browser) Discard() (tab *Browser, status int) {
	b.t.Helper()
	address := evaluate[string](b, "location.href")
	run(b, chromedp.Navigate("about:blank"), "loses the page")
	tab = b.Tab(b.who)
	return tab, tab.load(chromedp.Navigate(address), "comes back to a tab that was discarded")
}

// Away lets the person turn to another app, which freezes the page, do something there, and come back. The page is shown
// again as it was left, and script goes on.
func (b *Browser) Away(do func()) {
	b.t.Helper()
	b.tell("turns to another app")
	call(b, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateStateFrozen})
	do()
	call(b, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateStateActive})
	call(b, page.BringToFront, cdp.Empty{})
	b.tell("comes back")
}

// move goes through the history, and checks that everybody can use the page that it finds there. A page that was kept alive
// does not load again, and fires no event that one that loads does: so it asks where the browser is.
func (b *Browser) move(by int64, what string) (status int) {
	b.t.Helper()
	history := call(b, page.GetNavigationHistory, cdp.Empty{})
	to := history.CurrentIndex + by
	require.True(b.t, to >= 0 && to < int64(len(history.Entries)), "%s %s: nothing is there", b.who, what)
	call(b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[to].ID})
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		now, err := chromedp.Run(ctx, chromedp.NavigationEntries())
		if err == nil && now.CurrentIndex == to {
			const found = `[document.readyState, location.protocol, performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0]`
			// Until it is there the page of before may be asked, or none.
			is, err := chromedp.Run(ctx, chromedp.Evaluate[[]any](found))
			if err == nil && is[0] == "complete" {
				require.True(b.t, strings.HasPrefix(is[1].(string), "http"), "%s %s: the browser shows a page of its own: %s", b.who, what, b.Text())
				status = int(is[2].(float64))
				b.tell("%s: %d, %q", what, status, b.Title())
				b.check(status)
				return status
			}
		}
		require.NoError(b.t, ctx.Err(), "%s %s", b.who, what)
		time.Sleep(10 * time.Millisecond)
	}
}
