// Facts of the page for accessibility.go, which judges them. Run by the tests in the page; no page has it.
(() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0;
  const text = (e) => (e?.innerText ?? "").trim().replace(/\s+/g, " ");
  const name = (e) => {
    const said = text(e).slice(0, 30) || e.getAttribute("name") || e.id;
    return `<${e.localName}>` + (said ? ` ${said}` : "");
  };
  const said = (e, attribute) => (e.getAttribute(attribute) ?? "").split(/\s+/).map((id) => text(document.getElementById(id))).join(" ").trim();

  // The backgrounds behind what an element shows, from it on outwards, up to the first that covers all behind it.
  const behind = (e) => {
    const found = [];
    for (; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.backgroundImage !== "none") found.push("picture");
      if (style.opacity !== "1") found.push("see-through");
      found.push(style.backgroundColor);
    }
    return found;
  };

  const sheet = document.createElement("div"); // what browsers paint behind all backgrounds, in the colours that are preferred
  sheet.style.backgroundColor = "Canvas";
  document.documentElement.append(sheet);
  const canvas = getComputedStyle(sheet).backgroundColor;
  sheet.remove();

  const visible = [...document.body.querySelectorAll("*")].filter(shown);
  const words = visible.filter((e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim()));
  const fields = visible.filter((e) => e.matches("input, select, textarea"));
  const controls = visible.filter((e) => e.matches("a[href], button, input, select, textarea, summary, [tabindex]"));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);

  return {
    canvas,
    language: document.documentElement.lang,
    title: document.title.trim(),
    viewport: document.querySelector("meta[name=viewport]")?.content ?? "",
    mains: document.querySelectorAll("main, [role=main]").length,
    headings: visible.filter((e) => e.matches("h1, h2, h3, h4, h5, h6")).map((e) => ({ name: name(e), level: Number(e.localName[1]) })),
    twice: ids.filter((id, i) => ids.indexOf(id) !== i),
    width: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth,
    moving: visible.filter((e) => /[1-9]/.test(getComputedStyle(e).transitionDuration + getComputedStyle(e).animationDuration)).map(name),
    texts: [...words, ...fields.filter((e) => e.value || e.placeholder)].map((e) => ({
      name: name(e), color: getComputedStyle(e, !e.value && e.placeholder ? "::placeholder" : null).color, behind: behind(e),
    })),
    fields: fields.map((e) => ({
      name: name(e),
      labelled: [...(e.labels ?? [])].some((label) => shown(label) && text(label)) || said(e, "aria-labelledby") !== "" || e.matches("[type=submit], [type=button]"),
      invalid: e.getAttribute("aria-invalid") === "true",
      described: said(e, "aria-describedby") || said(e, "aria-errormessage"),
      focused: document.activeElement === e,
    })),
    controls: controls.map((e) => {
      const style = getComputedStyle(e), box = e.getBoundingClientRect();
      const inText = e.matches("a") && style.display === "inline" && text(e.parentElement) !== text(e);
      return {
        name: name(e), kind: e.localName, width: box.width, height: box.height, inText, order: e.tabIndex,
        borders: ["Top", "Right", "Bottom", "Left"].map((side) =>
          style[`border${side}Style`] === "none" || parseFloat(style[`border${side}Width`]) < 1 ? "transparent" : style[`border${side}Color`]),
        behind: behind(e), outside: behind(e.parentElement),
      };
    }),
    focus: visible.filter((e) => e === document.activeElement && e !== document.body).map((e) => {
      const style = getComputedStyle(e);
      const drawn = e.matches(":focus-visible") && style.outlineStyle !== "none";
      return { name: name(e), ring: drawn ? parseFloat(style.outlineWidth) : 0, color: style.outlineColor, outside: behind(e.parentElement) };
    })[0],
    announced: visible.filter((e) => e.matches("[role=alert], [role=status], [aria-live]")).map(text).filter(Boolean),
    alerts: visible.filter((e) => e.matches("[role=alert], [aria-live=assertive]")).map(text).filter(Boolean),
  };
})()
