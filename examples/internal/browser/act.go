package browser

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// Visit opens an address, as a link in a mail program does, and returns the status of the answer.
func (b *Browser) Visit(address string) (status int) {
	b.t.Helper()
	return b.load(chromedp.Navigate(address), "opens %s", path(address))
}

// Press clicks the button or link of this name, which leads to a page.
func (b *Browser) Press(name string) (status int) {
	b.t.Helper()
	return b.load(chromedp.Click(named("button", name)+" | "+named("a", name)), "presses %q", name)
}

// Type types into the field of this label, in place of what is there.
func (b *Browser) Type(label, text string) {
	b.t.Helper()
	b.tell("types %q into %q", text, label)
	run(b, chromedp.Steps(chromedp.Clear(field(label)), chromedp.SendKeys(field(label), text)), "types into %q", label)
}

// Send types a whole code into the field of this label and sends it: the script of the page does so at the last digit, and
// without script the button of this name.
func (b *Browser) Send(label, code, button string) (status int) {
	b.t.Helper()
	if b.scriptOff {
		b.Type(label, code)
		return b.Press(button)
	}
	return b.load(chromedp.Steps(chromedp.Clear(field(label)), chromedp.SendKeys(field(label), code)), "types %q into %q", code, label)
}

// KeysLead presses keys, the last of which leads to a page.
func (b *Browser) KeysLead(keys string) (status int) {
	b.t.Helper()
	return b.load(chromedp.KeyEvent(keys), "presses the keys %q", keys)
}

// Click clicks the button of this name, which leads nowhere.
func (b *Browser) Click(name string) {
	b.t.Helper()
	run(b, chromedp.Click(named("button", name)), "clicks %q", name)
	b.tell("clicks %q", name)
}

// DoubleClick clicks where the button of this name is, and so much later again, whatever is there by then.
func (b *Browser) DoubleClick(name string, apart time.Duration) {
	b.t.Helper()
	at := evaluate[[2]float64](b, fmt.Sprintf(`[...document.querySelectorAll("button")].filter((e) => e.innerText.trim() === %q).map((e) => {
		e.scrollIntoView({ block: "nearest" });
		const box = e.getBoundingClientRect();
		return [box.x + box.width / 2, box.y + box.height / 2];
	})[0]`, name))
	click := chromedp.MouseClickXY(at[0], at[1])
	b.tell("double-clicks %q, %s apart", name, apart)
	run(b, chromedp.Steps(click, chromedp.Sleep(apart), click), "double-clicks %q", name)
}

// Shows waits until the page says a text.
func (b *Browser) Shows(text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		said, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body?.innerText ?? ''")) // it may be on its way to another page
		if strings.Contains(said, text) {
			b.tell("sees %q", text)
			return
		}
		require.NoError(b.t, ctx.Err(), "%s does not see %q, but %q", b.who, text, said)
		time.Sleep(20 * time.Millisecond)
	}
}

// Later lets the clock of the page show a later time.
func (b *Browser) Later(d time.Duration) {
	b.t.Helper()
	evaluate[bool](b, fmt.Sprintf("{ const now = Date.now; Date.now = () => now.call(Date) + %d; true }", d.Milliseconds()))
	b.tell("is %s later", d)
}

// Leads waits until the page leads to another by itself, which do lets happen.
func (b *Browser) Leads(do func()) (status int) {
	b.t.Helper()
	return b.load(func(context.Context, *chromedp.Target) (chromedp.Void, error) { do(); return chromedp.Void{}, nil }, "waits")
}

// Tab is the key, for Keys.
const Tab = kb.Tab

// Keys presses keys one after the other, wherever the focus is.
func (b *Browser) Keys(keys string) {
	b.t.Helper()
	b.tell("presses the keys %q", strings.ReplaceAll(keys, Tab, "<Tab>"))
	b.press(keys)
}

func (b *Browser) press(keys string) {
	b.t.Helper()
	run(b, chromedp.KeyEvent(keys), "presses keys")
}

// Enter presses Enter, which leads to a page.
func (b *Browser) Enter() (status int) {
	b.t.Helper()
	return b.load(chromedp.KeyEvent(kb.Enter), "presses the key Enter")
}

// Back goes back in the history. Where the browser cannot show the page again, it shows one of its own.
func (b *Browser) Back() {
	b.t.Helper()
	history := call(b, page.GetNavigationHistory, cdp.Empty{})
	require.Positive(b.t, history.CurrentIndex, "nothing to go back to")
	entry := page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID}
	// A page that was kept alive does not load again.
	run(b, chromedp.WaitEvent(page.FrameNavigated, nil, func(ctx context.Context, t *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, t, page.NavigateToHistoryEntry, entry)
	}), "goes back")
	run(b, chromedp.WaitReady(chromedp.CSS("body")), "goes back")
	b.tell("goes back: %q", b.Title())
}

// load does something that leads to a page, waits for the page, and checks that everybody can use it.
func (b *Browser) load(action chromedp.Action[chromedp.Void], what string, args ...any) (status int) {
	b.t.Helper()
	what = fmt.Sprintf(what, args...)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, action)
	require.NoError(b.t, err, b.who+" "+what)
	status = int(response.Status)
	b.settle()
	b.tell("%s: %d, %q", what, status, b.Title())
	b.check(status)
	return status
}

// settle waits for the focus to be where the page wants it: browsers move it there after they have loaded the page.
func (b *Browser) settle() {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if evaluate[bool](b, `document.readyState === "complete" && (!document.querySelector("[autofocus]") || document.activeElement !== document.body)`) {
			return
		}
		require.True(b.t, time.Now().Before(deadline), "the focus does not move to where the page wants it")
	}
}

// Title is that of the page.
func (b *Browser) Title() string {
	b.t.Helper()
	return evaluate[string](b, "document.title")
}

// Text is what the page says, as it is shown.
func (b *Browser) Text() string {
	b.t.Helper()
	return evaluate[string](b, "document.body.innerText")
}

// Path is that of the page.
func (b *Browser) Path() string {
	b.t.Helper()
	return path(evaluate[string](b, "location.href"))
}

// Attributes are those of the field of this label.
func (b *Browser) Attributes(label string) map[string]string {
	b.t.Helper()
	return run(b, chromedp.Attributes(field(label)), "looks at %q", label)
}

// named is the XPath of elements by what they say.
func named(element, text string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf("//%s[normalize-space()=%q]", element, text))
}

// field is the XPath of the field of a label.
func field(label string) chromedp.Search {
	return "//input[@id=" + named("label", label) + "/@for]"
}

// path is an address without its query, which may be a secret.
func path(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address"
	}
	return cmp.Or(u.Path, "/")
}

// Addresses are all that the page leads to or would load, those of forms, too.
func (b *Browser) Addresses() []string {
	b.t.Helper()
	return evaluate[[]string](b, `["href", "src", "action"].flatMap((name) =>
		[...document.querySelectorAll("[" + name + "]")].map((e) => new URL(e.getAttribute(name), location).href))`)
}
