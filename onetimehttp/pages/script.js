// Adds to pages what they can do without. It signs nobody in and keeps nothing.
const find = (selector) => document.querySelector(selector);

// "Send again in 0:30". The button stays as it is: the limit is the server's. A wait of hours stays in the server's words.
const wait = find("[data-wait]");
if (wait) {
  const until = Date.now() + 1000 * wait.dataset.wait;
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    const time = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
    if (left < 3600) wait.textContent = left ? wait.dataset.text.replace("{time}", time) : "";
    if (left) setTimeout(tick, 250);
  };
  tick();
}

// Sends a code at its last digit, once: whoever corrects it then presses the button.
const code = find("[data-length]");
if (code) {
  const whole = new RegExp("^\\p{Nd}{" + Number(code.dataset.length) + "}$", "u");
  let sent = false;
  code.addEventListener("input", () => {
    if (sent || !whole.test(code.value.replace(/[\s\p{Pd}\p{Cf}]/gu, ""))) return;
    sent = true;
    code.form.requestSubmit();
  });
}

// Asks whether what the page waits for is over, and then loads the page again, which says so. A form that was sent goes first.
const page = find("[data-poll]");
if (page) {
  const path = page.dataset.poll;
  let idle = true;
  let sending = false;
  const ask = async () => {
    if (!idle || document.hidden) return;
    idle = false;
    try {
      const answer = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "error" });
      const told = await answer.json();
      if (sending || !(told.reason === "no-cookie" || answer.ok && told.state !== "waiting")) return;
      clearInterval(timer);
      location.replace(path);
    } catch { // no network, or no answer: it asks again
    } finally {
      idle = true;
    }
  };
  let timer = setInterval(ask, 5000);
  document.addEventListener("submit", () => { sending = true; clearInterval(timer); });
  document.addEventListener("visibilitychange", () => { if (!sending) ask(); });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return; // it was left, kept alive, and come back to
    clearInterval(timer);
    sending = false;
    timer = setInterval(ask, 5000);
    ask();
  });
}

// Shows the buttons that show what is typed into password fields. What is sent is a password again, which browsers keep to themselves.
for (const button of document.querySelectorAll("button[data-reveals]")) {
  const fields = button.dataset.reveals.split(" ").map((id) => document.getElementById(id)).filter(Boolean);
  const reveal = (on) => {
    for (const field of fields) field.type = on ? "text" : "password";
    button.setAttribute("aria-pressed", on);
  };
  reveal(false);
  button.hidden = false;
  button.addEventListener("click", () => reveal(fields.some((field) => field.type === "password")));
  button.form?.addEventListener("submit", () => reveal(false));
}
