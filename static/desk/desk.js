// What the pages gain with JavaScript: fresh tables, a connection light, countdowns, copying, shortcuts. Nothing here decides anything.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const title = document.title;

  // --- theme
  $("#theme")?.addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).colorScheme.trim() === "dark"
      || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    const theme = dark ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("_x_adminTheme", JSON.stringify(theme)); } catch { /* private mode: this page only */ }
  });

  // --- login: fill in a demo login
  for (const button of $$("[data-fill-name]")) {
    button.addEventListener("click", () => {
      $("#username").value = button.dataset.fillName;
      $("#password").value = button.dataset.fillPassword;
      $("#password").form.requestSubmit();
    });
  }

  // --- copy
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.preventDefault();
    try { await navigator.clipboard.writeText(button.dataset.copy); } catch { return; }
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
  });

  // --- times: the reader's own in the title; countdowns from what the server said was left
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  function dress(root) {
    for (const time of $$("time[datetime]", root)) time.title = `${time.dateTime} · here ${local.format(new Date(time.dateTime))}`;
    const now = performance.now();
    for (const bar of $$("progress[data-left]", root)) bar.dataset.until = String(now + Number(bar.dataset.left));
    tick();
  }
  function tick() {
    const now = performance.now();
    for (const bar of $$("progress[data-until]")) {
      const left = Math.max(0, Number(bar.dataset.until) - now);
      bar.value = left;
      bar.classList.toggle("low", left < 5000);
      const text = bar.nextElementSibling;
      if (text) text.textContent = left ? `${Math.ceil(left / 1000)} s` : "over";
    }
    const light = $("#light");
    if (light && light.dataset.state !== "none") say_age();
  }
  setInterval(tick, 500);

  // --- the live part of a page: asked for again every 2 s, or as soon as the desk's socket says that something happened
  const live = $("#live");
  let fresh = performance.now(), asked = 0, seen = null, failed = false;
  let pressed = 0, sent = "", mine = null, waiting = null;  // mine: the answer on its way is one that the person asked for, with these values
  const typed = () => ($("#quote") ? new URLSearchParams(new FormData($("#quote"))).toString() : "");
  const is_held = () => is_busy(document.activeElement)
    || $$("input[type=checkbox]:checked:not([data-kept]), details[open][data-form], .htmx-request", live).length > 0;
  function refresh() {
    if (live && !document.hidden && window.htmx && !is_held()) ask(null);
  }
  // One question at a time: a second waits for the first answer, which is then not shown if it knows less than the form does.
  function ask(values) {
    if (live.classList.contains("htmx-request")) {
      const is_asked = mine && values && !Object.keys(values).length && typed() === sent;  // Enter in a field is a change and a submit
      if (!is_asked) waiting = { values: values || waiting?.values || null };
      return;
    }
    [asked, sent, mine] = [performance.now(), typed(), values];
    if (values) window.htmx.ajax("POST", live.getAttribute("hx-post"), { source: "#live", target: "#live", swap: "innerHTML", values });
    else window.htmx.trigger(live, "desk-refresh");
  }
  const is_pressed = () => pressed && performance.now() - pressed < 3000;  // a release outside the window is never told
  // Nothing is swapped from under a pressed button, nor over what was typed or opened while the answer was on its way.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!live || event.detail.target !== live) return;
    const is_old = mine ? typed() !== sent || $(".htmx-request", live) : typed() !== sent || is_held();
    if (!is_pressed() && !waiting?.values && !is_old) return;
    event.detail.shouldSwap = false;
    if (is_pressed()) waiting = { values: waiting?.values || mine };
  });
  document.addEventListener("pointerdown", (event) => { pressed = live?.contains(event.target) ? performance.now() : 0; }, true);
  for (const over of ["pointerup", "pointercancel"]) document.addEventListener(over, () => setTimeout(() => { pressed = 0; }), true);
  function ask_waiting() {
    if (!waiting || live.classList.contains("htmx-request")) return;
    if (is_pressed()) { setTimeout(ask_waiting, 50); return; }
    const { values } = waiting;
    waiting = null;
    if (values) ask(values); else refresh();
  }
  // What somebody is typing or choosing is left alone; a field with an id and nothing new in it keeps its focus over a refresh.
  function is_busy(field) {
    if (!live.contains(field) || !field.matches("input, textarea, select")) return false;
    return !field.id || field.matches("select") || field.value !== field.defaultValue;
  }
  function remember(quiet) {
    const rows = $$("[data-row]", live || document);
    const now = performance.now(), before = seen;
    seen = new Map(rows.map((r) => [r.dataset.row, before?.get(r.dataset.row) ?? (before && !quiet ? now : -Infinity)]));
    for (const row of rows) {
      const since = seen.get(row.dataset.row);
      if (now - since < 2500) row.classList.add("new");  // also where the next answer comes at once
      if (now === since && row.dataset.say) $("#say").textContent = row.dataset.say;
    }
    const count = $("[data-count]", live || document)?.dataset.count;
    document.title = count && count !== "0" ? `(${count}) ${title}` : title;
  }
  // What was refused is said again beside its field.
  function mark_wrong(told, form) {
    for (const note of $$(".wrong")) note.remove();
    for (const field of $$("[aria-invalid]")) field.removeAttribute("aria-invalid");
    const field = told && form?.matches("form") && $(`[name="${CSS.escape(told.dataset.field)}"]:not([type=hidden])`, form);
    if (!field) return;
    const note = document.createElement("small");
    note.className = "wrong";
    note.textContent = told.dataset.detail;
    field.setAttribute("aria-invalid", "true");
    field.after(note);
    field.focus();
  }
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "live") { remember(false); dress(event.target); }
    if (event.target.id !== "verdict") return;
    // A refused form keeps what was typed; its key has been used, so the next try gets another.
    const once = $("[data-once]", event.target)?.dataset.once;
    if (once) for (const field of $$("input[name=once]")) field.value = once;
    event.target.scrollIntoView({ block: "nearest" });
    mark_wrong($("[data-field]", event.target), event.detail.requestConfig?.elt);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.target.id !== "live") return;
    failed = !event.detail.successful;
    if (!failed) fresh = performance.now();
    setTimeout(ask_waiting);
  });
  setInterval(() => { if (performance.now() - asked >= (open && heard + 12000 > performance.now() ? 10000 : 2000)) refresh(); }, 500);

  // --- the desk's socket: nudges only; the page fetches what it shows
  let open = false, heard = 0, wait = 1000, nudge = 0;
  function connect() {
    const url = document.body.dataset.live;
    if (!url || !window.WebSocket) return;
    let socket;
    try { socket = new WebSocket(url, ["otc.v1.json"]); } catch { return; }
    socket.onopen = () => { open = true; wait = 1000; heard = performance.now(); socket.send('{"op":"sub","ch":"desk"}'); say_age(); };
    socket.onmessage = (event) => {
      heard = performance.now();
      let message;
      try { message = JSON.parse(event.data); } catch { return; }
      if (message.ch === "desk" && message.type) { clearTimeout(nudge); nudge = setTimeout(refresh, Math.max(0, 250 - (heard - asked))); }
    };
    socket.onclose = () => { open = false; say_age(); setTimeout(connect, wait); wait = Math.min(30000, wait * 2); };
  }
  function say_age() {
    const light = $("#light"), text = $("#light-text");
    if (!light) return;
    const age = Math.floor((performance.now() - fresh) / 1000);
    const state = failed || (live && age > 15) ? "bad" : open ? "good" : "warn";
    light.dataset.state = state;
    light.title = open ? "The desk's socket is open" : "The desk's socket is closed; the page asks every 2 s";
    const how = state === "bad" ? "connection lost" : open ? "live" : "polling";
    const words = live ? `${how} · data ${age} s old` : how;
    if (text.textContent !== words) text.textContent = words;
  }

  // --- keys: "/" searches, j and k walk rows, Enter opens. Never a bare key to send or accept.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (event.key === "/" && $("#search")) { event.preventDefault(); $("#search").focus(); $("#search").select(); }
    if (event.key === "j" || event.key === "k") {
      const links = $$("tr[data-row] a.open");
      if (!links.length) return;
      const at = links.indexOf(document.activeElement);
      links[Math.max(0, Math.min(links.length - 1, at + (event.key === "j" ? 1 : -1)))].focus();
    }
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (row && !event.target.closest("a, button, input, label, summary") && !String(getSelection())) $("a.open", row)?.click();
  });
  document.addEventListener("submit", (event) => {
    const ask = event.target.dataset.confirm;
    if (ask && !confirm(ask)) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("form[data-auto]")) event.target.form.requestSubmit();
    if (event.target.form?.matches("form[data-live]") && window.htmx) ask({});
  });
  // A form that is worked out on the server: Enter works it out again, and only the button that says so sends it.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-live]") || !window.htmx) return;
    event.preventDefault();
    const chosen = event.submitter?.name ? { [event.submitter.name]: event.submitter.value } : {};
    ask(chosen);
  });

  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted?.matches("details")) { wanted.open = true; $("input:not([type=hidden]), select", wanted)?.focus(); }
  dress(document);
  remember(true);
  if ($("#light")) { say_age(); connect(); }
})();
