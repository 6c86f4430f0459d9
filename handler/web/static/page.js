// The pages are whole without this script. With it they follow the server's events, show times by the reader's clock and
// values under the pointer, show cited evidence beside its citation, and send forms without leaving the page.
"use strict";
(() => {
  const main = document.getElementById("main");
  const words = document.body.dataset; // what is said to the reader, in the page's language
  document.documentElement.classList.add("js");

  // --- Times: as the reader's clock shows them; what the server wrote stays in the title.

  const two = (n) => String(n).padStart(2, "0");

  function zoneOf(at) {
    const minutes = -at.getTimezoneOffset(), off = Math.abs(minutes);
    return "UTC" + (minutes < 0 ? "−" : "+") + Math.floor(off / 60) + (off % 60 ? ":" + two(off % 60) : "");
  }

  function localTimes(tree) {
    for (const t of tree.querySelectorAll("time[datetime]")) {
      const at = new Date(t.dateTime);
      if (isNaN(at) || at.getTimezoneOffset() === 0) continue;
      const written = t.textContent, zone = written.includes("UTC") ? "UTC" : document.body.dataset.times; // that the server has written
      t.title = written.includes(zone) ? written : written + " " + zone;
      t.textContent = written
        .replace(/\d{4}-\d\d-\d\d/, `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`)
        .replace(/\d\d:\d\d(:\d\d)?/, (_, s) => two(at.getHours()) + ":" + two(at.getMinutes()) + (s ? ":" + two(at.getSeconds()) : ""))
        .replace(zone, zoneOf(at));
    }
    const now = new Date();
    if (now.getTimezoneOffset() !== 0) for (const z of tree.querySelectorAll("[data-zone]")) z.textContent = zoneOf(now);
  }

  // --- Updates: the page is fetched anew, and what differs is changed in place. What is selected, open, focused, or typed stays.

  const keyOf = (n) => (n.nodeType === 1 ? n.id || n.dataset.key || "" : "");
  const alike = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
  const blocks = new Set(["MAIN", "ARTICLE", "SECTION", "TABLE", "TBODY", "TR", "UL", "OL"]);
  const theirs = "input, textarea, select"; // a person's

  function morph(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== 1) {
      if (from.data !== to.data) from.data = to.data;
      return;
    }
    if (from.matches(theirs)) return;
    for (const { name, value } of to.attributes) {
      if (name !== "open" && from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
    }
    morphChildren(from, to);
  }

  function morphChildren(from, to) {
    // Blanks between rows and blocks mean nothing; what is the script's own is not in the page that was fetched.
    const counts = (n) => !(n.dataset && n.dataset.own) && !(blocks.has(from.nodeName) && n.nodeType === 3 && !n.data.trim());
    const old = [...from.childNodes].filter(counts), fresh = [...to.childNodes].filter(counts);
    let start = 0, end = old.length, freshEnd = fresh.length; // what is equal at both ends is not touched
    while (start < end && start < freshEnd && old[start].isEqualNode(fresh[start])) start++;
    while (end > start && freshEnd > start && old[end - 1].isEqualNode(fresh[freshEnd - 1])) end--, freshEnd--;
    const left = old.slice(start, end);
    let last = 0; // matches are looked for behind the last one first: what is moved is deselected
    const place = fresh.slice(start, freshEnd).map((n) => {
      const is = [(o) => o && o.isEqualNode(n), (o) => o && alike(o, n)];
      let at = left.findIndex((o, i) => i >= last && is[0](o));
      if (at < 0) at = left.findIndex((o, i) => i >= last && is[1](o));
      if (at < 0 && keyOf(n)) at = left.findIndex(is[1]);
      if (at < 0) return document.importNode(n, true);
      const match = left[at];
      left[at] = null;
      last = Math.max(last, at);
      morph(match, n);
      return match;
    });
    for (const n of left) if (n) n.remove();
    const after = (n) => {
      do n = n.nextSibling;
      while (n && !counts(n) && !(n.dataset && n.dataset.own));
      return n;
    };
    let next = old[end] || [...from.childNodes].find((n) => n.dataset && n.dataset.own) || null;
    for (const n of place.reverse()) {
      if (n.parentNode !== from || after(n) !== next) from.insertBefore(n, next);
      next = n;
    }
  }

  function show(page) {
    const fresh = page.getElementById("main");
    if (!fresh) return false;
    localTimes(fresh);
    morph(main, fresh);
    document.title = page.title;
    return true;
  }

  let fetching = false, again = false, timer = 0;

  async function update() {
    timer = 0;
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // the stream says when the server is back
    }
    fetching = false;
    if (again) {
      again = false;
      updateSoon();
    }
  }

  function updateSoon() {
    timer ||= setTimeout(update, main.dataset.revision ? 100 : 1000); // a list changes with every incident
  }

  // --- The stream of events. A page that nobody sees has none: browsers share six connections among all tabs of a server.

  const state = document.getElementById("live");
  let source = null, opened = false;

  function connect() {
    if (source || !words.events || document.hidden) return;
    source = new EventSource(words.events);
    source.onopen = () => {
      if (state) state.textContent = words.live;
      if (opened || !main.dataset.revision) updateSoon(); // what came in between
      opened = true;
    };
    source.onmessage = (e) => {
      if (String(JSON.parse(e.data).revision) !== main.dataset.revision) updateSoon();
    };
    source.addEventListener("missed", updateSoon);
    source.onerror = () => {
      if (state) state.textContent = words.lost;
      if (source && source.readyState === EventSource.CLOSED) { // refused: the browser does not try again
        disconnect();
        setTimeout(connect, 30000);
      }
    };
  }

  function disconnect() {
    if (source) source.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);

  // --- Forms that do something are sent from here; the page that answers is shown in place of this one.

  const notice = document.getElementById("notice");

  document.addEventListener("submit", async (e) => {
    const form = e.target;
    if (!form.matches("form[data-act]")) return;
    e.preventDefault();
    const button = e.submitter;
    if (button) button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const said = page.getElementById(answer.ok ? "notice" : "reason");
      notice.replaceChildren(...(said ? [...said.childNodes].map((n) => document.importNode(n, true)) : [words.failed]));
      notice.classList.toggle("bad", !answer.ok);
      if (answer.ok) {
        form.reset();
        const box = form.closest("details");
        if (box) {
          box.open = false;
          box.querySelector("summary").focus();
        }
        show(page);
      }
    } catch {
      notice.textContent = words.failed;
      notice.classList.add("bad");
    }
    if (button) button.disabled = false;
  });

  // --- Copying. Without TLS a browser has no clipboard for us but the old command.

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("not copied");
  }

  document.addEventListener("click", async (e) => {
    const button = e.target.closest("button[data-copy]");
    if (!button) return;
    const label = button.dataset.label ||= button.textContent;
    try {
      await copy(button.parentElement.querySelector("pre").textContent.trimEnd());
      button.textContent = words.copied;
    } catch {
      button.textContent = words.failed;
    }
    setTimeout(() => (button.textContent = label), 2000);
  });

  // --- Citations: their evidence appears beside them, and is unfolded when they are followed.

  const peek = document.getElementById("peek");
  let hiding = 0;

  function showPeek(link) {
    const item = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!item || !peek) return;
    clearTimeout(hiding);
    const parts = [];
    const heading = item.closest("details")?.querySelector("summary h3");
    for (const part of [heading, item.querySelector(":scope > p"), item.querySelector(":scope > figure img")]) {
      if (part) parts.push(part.cloneNode(true));
    }
    for (const part of parts) part.removeAttribute("id"), part.removeAttribute("loading");
    peek.replaceChildren(...parts);
    peek.hidden = false;
    const at = link.getBoundingClientRect(), width = peek.offsetWidth, height = peek.offsetHeight;
    peek.style.left = Math.max(8, Math.min(at.left, innerWidth - width - 8)) + "px";
    peek.style.top = (at.bottom + height + 8 > innerHeight && at.top > height ? at.top - height - 4 : at.bottom + 4) + "px";
    link.setAttribute("aria-describedby", "peek");
  }

  function hidePeek() {
    if (peek) peek.hidden = true;
  }

  const hideSoon = () => (hiding = setTimeout(hidePeek, 200));
  const cited = (e) => e.target.closest?.("a.cite");
  document.addEventListener("pointerover", (e) => {
    const link = e.pointerType !== "touch" && cited(e);
    if (link) showPeek(link);
    else if (peek?.contains(e.target)) clearTimeout(hiding);
  });
  document.addEventListener("pointerout", (e) => (cited(e) || peek?.contains(e.target)) && hideSoon());
  document.addEventListener("focusin", (e) => cited(e) && showPeek(cited(e)));
  document.addEventListener("focusout", (e) => cited(e) && hideSoon());
  document.addEventListener("keydown", (e) => e.key === "Escape" && hidePeek());
  addEventListener("scroll", hidePeek, { passive: true });

  function unfold() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const box = target && target.closest("details");
    if (!box) return;
    box.open = true;
    box.scrollIntoView();
  }

  addEventListener("hashchange", unfold);
  document.addEventListener("click", (e) => {
    if (cited(e)) hidePeek(), setTimeout(unfold); // also when the hash is there already
  });

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...main.querySelectorAll("article details:not([open])")];
    for (const d of folded) d.open = true;
  });
  addEventListener("afterprint", () => {
    for (const d of folded) d.open = false;
  });

  // --- Charts: a line at the pointer's time in all charts that have it, with the values there. Arrow keys move it.

  const plots = new Map(); // by URL: a promise of what the server says is drawn

  function plotOf(figure) {
    const url = figure.dataset.plot;
    if (!plots.has(url)) plots.set(url, fetch(url).then((r) => (r.ok ? r.json() : null)).catch(() => null));
    return plots.get(url);
  }

  function part(figure, name) {
    let box = figure.querySelector(":scope > ." + name);
    if (!box) {
      box = document.createElement("div");
      box.className = name;
      box.dataset.own = "1";
      figure.append(box);
    }
    return box;
  }

  function nearest(points, at) {
    let lo = 0, hi = points.length - 1;
    while (hi - lo > 1) {
      const mid = (lo + hi) >> 1;
      points[mid][0] < at ? (lo = mid) : (hi = mid);
    }
    return points[Math.abs(points[lo][0] - at) <= Math.abs(points[hi][0] - at) ? lo : hi];
  }

  function drawAt(figure, plot, at) {
    const image = figure.querySelector("img"), line = part(figure, "cursor"), box = part(figure, "values");
    const inside = at >= plot.from && at <= plot.to && image.offsetWidth > 0;
    line.hidden = box.hidden = !inside;
    if (!inside) return;
    const scale = image.offsetWidth / plot.width;
    const x = plot.left + ((at - plot.from) / (plot.to - plot.from)) * (plot.right - plot.left);
    line.style.left = image.offsetLeft + x * scale + "px";
    line.style.top = image.offsetTop + plot.top * scale + "px";
    line.style.height = (plot.bottom - plot.top) * scale + "px";
    const when = new Date(at * 1000), time = document.createElement("b");
    time.textContent = when.toTimeString().slice(0, 8) + " " + (when.getTimezoneOffset() ? zoneOf(when) : "UTC");
    const rows = plot.series.map((s) => {
      const row = document.createElement("div"), [t, text] = nearest(s.points, at);
      row.textContent = Math.abs(t - at) <= s.reach ? (plot.series.length > 1 || s.name ? s.name + ": " : "") + text : s.name + ": –";
      return row;
    });
    box.replaceChildren(time, ...rows);
    const right = x > (plot.left + plot.right) / 2;
    box.style.left = right ? "" : image.offsetLeft + x * scale + 8 + "px";
    box.style.right = right ? figure.offsetWidth - image.offsetLeft - x * scale + 8 + "px" : "";
    box.style.top = line.style.top;
  }

  let cursor = 0; // the time that is looked at

  async function lookAt(at) {
    cursor = at;
    for (const figure of main.querySelectorAll("figure[data-plot]")) {
      if (figure.offsetParent === null) continue; // folded
      const plot = await plotOf(figure);
      if (plot && cursor === at) drawAt(figure, plot, at);
    }
  }

  function lookAway() {
    cursor = 0;
    for (const box of main.querySelectorAll("figure > [data-own]")) box.hidden = true;
  }

  document.addEventListener("pointermove", async (e) => {
    const figure = e.target.closest?.("figure[data-plot]");
    if (!figure) {
      if (cursor) lookAway();
      return;
    }
    const plot = await plotOf(figure);
    if (!plot) return;
    const image = figure.querySelector("img").getBoundingClientRect();
    const x = ((e.clientX - image.left) / image.width) * plot.width;
    const share = Math.max(0, Math.min(1, (x - plot.left) / (plot.right - plot.left)));
    lookAt(plot.from + share * (plot.to - plot.from));
  });

  document.addEventListener("keydown", async (e) => {
    const figure = e.target.closest?.("figure[data-plot]");
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!figure || !step) return;
    e.preventDefault();
    const plot = await plotOf(figure);
    if (!plot) return;
    const by = (plot.to - plot.from) / 60, from = cursor || (step > 0 ? plot.from - by : plot.to + by);
    lookAt(Math.max(plot.from, Math.min(plot.to, from + step * by)));
  });

  document.addEventListener("focusout", (e) => e.target.matches?.("figure[data-plot]") && lookAway());

  localTimes(document);
  unfold();
  connect();
})();
