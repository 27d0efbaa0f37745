package browser

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

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
	return b.load(b.click("button, a", name), "presses %q", name)
}

// Type types into the field of this label, in place of what is there.
func (b *Browser) Type(label, text string) {
	b.t.Helper()
	b.tell("types %q into %q", text, label)
	b.enter(label)
	run(b, chromedp.KeyEvent(text), "types into %q", label)
}

// Send types a whole code into the field of this label and sends it: the script of the page does so at the last digit, and
// without script the button of this name.
func (b *Browser) Send(label, code, button string) (status int) {
	b.t.Helper()
	if b.scriptOff {
		b.Type(label, code)
		return b.Press(button)
	}
	b.enter(label)
	return b.load(chromedp.KeyEvent(code), "types %q into %q", code, label)
}

// KeysLead presses keys, the last of which leads to a page.
func (b *Browser) KeysLead(keys string) (status int) {
	b.t.Helper()
	return b.load(chromedp.KeyEvent(keys), "presses the keys %q", keys)
}

// Click clicks the button of this name, which leads nowhere.
func (b *Browser) Click(name string) {
	b.t.Helper()
	run(b, b.click("button", name), "clicks %q", name)
	b.tell("clicks %q", name)
}

// DoubleClick clicks where the button of this name is, and so much later again, whatever is there by then.
func (b *Browser) DoubleClick(name string, apart time.Duration) {
	b.t.Helper()
	click := b.click("button", name)
	b.tell("double-clicks %q, %s apart", name, apart)
	run(b, chromedp.Steps(click, chromedp.Sleep(apart), click), "double-clicks %q", name)
}

// Shows waits until the page says a text.
func (b *Browser) Shows(text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	said := ""
	for {
		if now, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body?.innerText ?? ''")); err == nil { // it may be on its way to another page
			said = now
		}
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

// Script evaluates an expression in the page, as a script of the page would, and returns the text that it promises.
func (b *Browser) Script(expression string) string {
	b.t.Helper()
	b.tell("has a script run")
	return run(b, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise), "runs a script")
}

// Attributes are those of the field of this label.
func (b *Browser) Attributes(label string) map[string]string {
	b.t.Helper()
	return find[map[string]string](b, "label", label, `((field) => Object.fromEntries([...field.attributes].map((a) => [a.name, a.value])))(e.control)`)
}

// click returns a click on the middle of the control of this name, where nothing else is in front of it.
func (b *Browser) click(selector, name string) chromedp.Action[chromedp.Void] {
	b.t.Helper()
	at := find[[2]float64](b, selector, name, `((box) => [box.x + box.width / 2, box.y + box.height / 2])((e.scrollIntoView({ block: "nearest" }), e.getClientRects()[0]))`)
	there := evaluate[string](b, fmt.Sprintf(`document.elementFromPoint(%f, %f)?.closest(%q)?.textContent.trim().replace(/\s+/g, " ") ?? ""`, at[0], at[1], selector))
	require.Equal(b.t, name, there, "%s: what is in front of it", b.who)
	return chromedp.MouseClickXY(at[0], at[1])
}

// enter puts the cursor into the field of this label, and takes away what is there.
func (b *Browser) enter(label string) {
	b.t.Helper()
	find[bool](b, "label", label, `(e.control.focus(), e.control.value = "", true)`)
}

// find waits for an element by what it says, and returns what an expression makes of it, e.
func find[T any](b *Browser, selector, name, expression string) T {
	b.t.Helper()
	const script = `[...document.querySelectorAll(%q)].filter((e) => e.checkVisibility() && e.textContent.trim().replace(/\s+/g, " ") === %q).slice(0, 1).map((e) => %s)`
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]T](fmt.Sprintf(script, selector, name, expression))) // it may be on its way to another page
		if err == nil && len(found) > 0 {
			return found[0]
		}
		require.NoError(b.t, ctx.Err(), "%s does not find %q: %v", b.who, name, err)
		time.Sleep(20 * time.Millisecond)
	}
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
