/* The live half of a panel. Without it the panel is the same list, with plain links and forms. */
(() => {
  "use strict";
  if (customElements.get("celery-ops-panel")) return;

  const SLOWEST = 60_000; // between two polls of a server that does not answer
  const DEADLINE = 30_000; // after which a poll counts as unanswered
  const IDLE = 6; // times as long between two polls while nothing runs: what others publish appears all the same
  const AFTERGLOW = 3; // polls after an action even when nothing is active yet
  const REMEMBERED = "celery-ops-refresh";
  const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, summary";
  const WEEKS = 4 * 7 * 86400; // from which a time is a date

  const parse = (html) => new DOMParser().parseFromString(html, "text/html").body;
  const partsOf = (root) => new Map([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const tokensOf = (root) => root.querySelectorAll("input:is([name=csrfmiddlewaretoken], [name=submission])"); // new in each answer

  /* Parts as the server sent them, but for what is not seen: the token is masked anew in each answer, and a page says
     more than a poll, for those without script. So a choice made before the first poll is left alone, too. */
  const sourcesOf = (root) => new Map([...partsOf(root)].map(([name, part]) => {
    const copy = part.cloneNode(true);
    copy.querySelectorAll("input[type=hidden], [data-apply]").forEach((unseen) => unseen.remove());
    return [name, copy.outerHTML];
  }));

  /* What a person has chosen or opened in a part stays with it; only the tokens of its forms are new. */
  const renewed = (old, part) => {
    tokensOf(old).forEach((token, index) => (token.value = tokensOf(part)[index].value));
    return old;
  };

  /* Storage may be forbidden; then the switch is remembered for the page only. */
  const remember = (off) => { try { localStorage.setItem(REMEMBERED, off ? "off" : "on"); } catch {} };
  const remembered = () => { try { return localStorage.getItem(REMEMBERED) === "off"; } catch { return false; } };

  class Panel extends HTMLElement {
    connectedCallback() {
      if (document.readyState !== "loading") return this.start();
      document.addEventListener("DOMContentLoaded", () => this.start(), { once: true });
    }

    disconnectedCallback() {
      this.life?.abort();
      this.life = null;
      this.cancel();
      clearInterval(this.clock);
    }

    start() {
      if (!this.isConnected || this.life) return;
      this.life = new AbortController();
      const on = (target, name, handle) => target.addEventListener(name, handle.bind(this), { signal: this.life.signal });
      Object.assign(this, { request: null, etag: "", backoff: 1, afterglow: 0, skew: 0, fresh: Date.now(), gone: false, posting: false });
      this.url = this.dataset.url;
      this.interval = Math.max(1, Number(this.dataset.refresh) || 5) * 1000;
      this.region = this.querySelector("[data-region]");
      this.dialog = this.querySelector("dialog");
      this.query = this.own(location.search);
      this.sources = sourcesOf(this.region);
      on(this, "click", this.onClick);
      on(this, "submit", this.onSubmit);
      on(this, "keydown", this.onKey);
      on(this, "change", (event) => event.target.closest("[data-part=filters] select")?.form.requestSubmit());
      if (this.dialog) on(this.dialog, "close", () => this.restoreFocus(this.returnTo));
      on(document, "click", this.closeMenus);
      on(document, "visibilitychange", () => (document.hidden ? clearTimeout(this.timer) : this.off || this.refresh()));
      this.clock = setInterval(() => document.hidden || this.tick(), 5000);
      this.switch = this.querySelector("[data-switch]"); // a public panel has none
      if (this.switch) this.switch.hidden = !this.url;
      this.turn(remembered());
      this.tidy();
    }

    /* Polling */

    schedule() {
      clearTimeout(this.timer);
      const live = this.region.querySelector("[data-active='1']") || this.afterglow > 0 || this.backoff > 1;
      if (!this.url || this.gone || this.off || document.hidden) return;
      const pause = this.interval * (live ? this.backoff : IDLE);
      this.timer = setTimeout(() => this.refresh(), Math.max(this.interval, Math.min(SLOWEST, pause)));
    }

    cancel() {
      clearTimeout(this.timer);
      this.request?.abort();
      this.request = null;
    }

    /* Asked for by a person, it replaces the request under way; by the timer, it lets that one finish. */
    async refresh({ asked = false, quiet = false } = {}) {
      if (!this.url || this.gone || this.posting || (this.request && !asked)) return;
      this.cancel();
      const request = (this.request = new AbortController());
      const deadline = setTimeout(() => request.abort(), DEADLINE);
      try {
        const response = await this.fetch(this.query ? `${this.url}?${this.query}` : this.url, {
          headers: this.etag ? { "If-None-Match": this.etag } : {},
          signal: request.signal,
        });
        const html = response.status === 200 ? await response.text() : "";
        if (this.request === request) this.receive(response, html, asked, quiet);
      } catch {
        if (this.request === request) this.falter();
      }
      clearTimeout(deadline);
      if (this.request !== request) return;
      this.request = null;
      this.schedule();
    }

    /* A redirect is not followed: it leads to a login page, and a POST must not be sent twice. */
    fetch(address, { headers, ...options }) {
      return fetch(address, { credentials: "same-origin", cache: "no-store", redirect: "manual", headers: { "X-Celery-Ops": "fragment", ...headers }, ...options });
    }

    receive(response, html, asked, quiet) {
      if (response.type === "opaqueredirect" || [401, 403, 404, 410].includes(response.status)) return this.stop();
      if (response.status !== 304 && response.status !== 200) return this.falter();
      this.skew = Date.parse(response.headers.get("Date")) - Date.now() || 0;
      this.afterglow = Math.max(0, this.afterglow - 1);
      if (response.status === 200) {
        const next = parse(html).querySelector("[data-active]");
        if (!next) return this.stop();
        if (!asked && this.selecting) return;
        this.swap(next, quiet);
        this.etag = response.headers.get("ETag") || "";
      }
      const available = !this.region.querySelector("[data-unavailable]");
      this.backoff = available ? 1 : Math.min(this.backoff * 2, 1024);
      if (available) this.fresh = Date.now();
      this.write("note", "");
    }

    falter() {
      this.backoff = Math.min(this.backoff * 2, 1024);
      this.write("note", this.text("stale", { time: new Date(this.fresh).toLocaleTimeString(this.language) }));
    }

    stop() {
      this.gone = true;
      this.write("note", this.text("gone"));
    }

    turn(off) {
      this.off = off && Boolean(this.switch);
      this.switch?.setAttribute("aria-checked", String(!off));
      this.schedule();
    }

    /* Replacing: only the parts that changed, so that an open menu is left alone. */

    get selecting() {
      const selection = getSelection();
      return !selection.isCollapsed && this.region.contains(selection.anchorNode);
    }

    swap(next, quiet) {
      const before = new Map(this.rows.map((row) => [row.dataset.key, row.dataset.state]));
      const opened = [...this.region.querySelectorAll("details[data-key][open]")].map((details) => details.dataset.key);
      const focus = this.focusPath();
      const root = this.region.querySelector("[data-active]");
      const [olds, news, sources] = [partsOf(root), partsOf(next), sourcesOf(next)];
      const same = (name) => sources.get(name) === this.sources.get(name);
      if ([...olds.keys()].join() === [...news.keys()].join()) {
        root.dataset.active = next.dataset.active;
        root.toggleAttribute("data-unavailable", next.hasAttribute("data-unavailable"));
        for (const [name, part] of news) same(name) ? renewed(olds.get(name), part) : olds.get(name).replaceWith(part);
      } else {
        for (const [name, part] of news) if (same(name)) part.replaceWith(renewed(olds.get(name), part));
        this.region.replaceChildren(next);
      }
      this.sources = sources;
      for (const key of opened) this.keyed(key)?.setAttribute("open", "");
      this.tidy();
      if (focus && !this.region.contains(document.activeElement)) this.restoreFocus(focus);
      if (!quiet) this.announceChanges(before);
    }

    get rows() { return [...this.region.querySelectorAll("tr[data-key]")]; }
    keyed(key) { return this.region.querySelector(`[data-key="${CSS.escape(key)}"]`); }

    focusPath(element = document.activeElement) {
      if (!this.region.contains(element)) return null;
      const owner = element.closest("[data-key]");
      return { key: owner?.dataset.key ?? "", index: owner ? [...owner.querySelectorAll(FOCUSABLE)].indexOf(element) : -1 };
    }

    restoreFocus(path) {
      const place = path && (this.keyed(path.key)?.querySelectorAll(FOCUSABLE)[path.index] ?? this.region);
      place?.focus({ preventScroll: true });
    }

    announceChanges(before) {
      const words = (row, selector) => row.querySelector(selector).textContent.trim();
      const changed = this.rows.filter((row) => before.get(row.dataset.key) !== row.dataset.state).slice(0, 5);
      const lines = changed.map((row) => this.text("change", { label: words(row, "strong"), state: words(row, ".celery-ops-state") }));
      if (lines.length) this.write("announce", lines.join(". "));
    }

    /* What a person does */

    onClick(event) {
      const target = event.target.closest("[data-copy], [data-switch], a[data-page], a[data-detail]");
      if (!target || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      if (target.matches("[data-copy]")) return this.copy(target);
      if (target.matches("[data-switch]")) return this.onSwitch();
      if (!this.url) return;
      event.preventDefault();
      return target.matches("[data-page]") ? this.show(this.own(target.search)) : this.openDetail(target);
    }

    onSwitch() {
      const off = !this.off;
      remember(off);
      for (const panel of document.querySelectorAll("celery-ops-panel")) {
        panel.turn(off);
        if (!off) panel.refresh();
      }
    }

    onSubmit(event) {
      const method = event.target.getAttribute("method");
      if (event.defaultPrevented || method === "dialog" || !this.url) return;
      event.preventDefault();
      if (method === "post") this.post(event.target, event.submitter);
      else this.show(this.own(new URLSearchParams(new FormData(event.target))));
    }

    onKey(event) {
      if (event.key === "Escape") this.fold(event.target.closest("details[data-pop][open]"));
    }

    fold(menu) {
      if (!menu) return;
      for (const details of [menu, ...menu.querySelectorAll("details")]) details.open = false;
      menu.querySelector("summary").focus({ preventScroll: true });
    }

    closeMenus(event) {
      for (const menu of this.region.querySelectorAll("details[data-pop][open]")) {
        if (event.target.isConnected && !menu.contains(event.target)) menu.open = false;
      }
    }

    show(query) {
      this.query = query;
      this.etag = "";
      history.replaceState(history.state, "", this.hostAddress(query));
      this.refresh({ asked: true, quiet: true });
    }

    /* The flag, not the button, is what makes a second request impossible: a swap may bring a new button. */
    async post(form, button) {
      if (this.posting) return;
      this.posting = true;
      this.cancel();
      this.message("");
      const body = new FormData(form);
      if (button?.name) body.append(button.name, button.value);
      if (button) button.disabled = true;
      try {
        const response = await this.fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" } });
        const answer = await response.json().catch(() => ({}));
        const errors = Object.values(answer.errors ?? {}).flat().join(" ");
        this.message(errors || answer.message || this.text(response.ok ? "done" : "refused"), response.ok && !errors);
        this.fold(button?.closest("details[data-pop]"));
      } catch {
        this.message(this.text("unanswered"), false);
      }
      if (button) button.disabled = false;
      this.posting = false;
      this.afterglow = AFTERGLOW;
      this.refresh({ asked: true });
    }

    async openDetail(link) {
      this.returnTo = this.focusPath(link);
      try {
        const response = await this.fetch(link.href, {});
        if (!response.ok) throw new Error(response.statusText);
        this.dialog.querySelector("[data-dialog-body]").replaceChildren(...parse(await response.text()).childNodes);
        this.tidy();
        if (!this.dialog.open) this.dialog.showModal();
      } catch {
        this.message(this.text("undetailed"), false);
      }
    }

    async copy(button) {
      const source = button.previousElementSibling;
      const text = source.title || source.textContent;
      const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false) || this.copySelected(text);
      this.write("announce", this.text(copied ? "copied" : "uncopied"));
      button.toggleAttribute("data-copied", copied);
      setTimeout(() => button.removeAttribute("data-copied"), 1500);
    }

    /* navigator.clipboard is there on secure origins only; many a site inside a network is plain http. */
    copySelected(text) {
      const focused = document.activeElement;
      const field = Object.assign(document.createElement("textarea"), { value: text, className: "celery-ops-unseen" });
      (this.dialog?.open ? this.dialog : this).append(field);
      field.select();
      const copied = document.execCommand("copy");
      field.remove();
      focused?.focus({ preventScroll: true });
      return copied;
    }

    /* Addresses: this panel's parameters live in the host page's query, each under the panel's prefix. */

    own(search) {
      const own = [...new URLSearchParams(search)].filter(([name, value]) => name.startsWith(this.dataset.prefix) && value);
      return new URLSearchParams([...new Map(own)]).toString();
    }

    hostAddress(query) {
      const others = [...new URLSearchParams(location.search)].filter(([name]) => !name.startsWith(this.dataset.prefix));
      const search = new URLSearchParams([...others, ...new URLSearchParams(query)]).toString();
      return location.pathname + (search && `?${search}`) + location.hash;
    }

    /* Adds what only a script can do. A fragment does not know its host page's address, so neither do its links. */
    tidy() {
      this.tick();
      const button = this.querySelector("[data-copy-button]")?.content;
      const ids = this.querySelectorAll("code[title]:not(:has(+ [data-copy]))");
      if (button) ids.forEach((id) => id.after(button.cloneNode(true)));
      if (!this.url) return;
      const panel = new URL(this.url, location);
      for (const link of this.region.querySelectorAll("a[data-page]")) link.href = this.hostAddress(this.own(link.search));
      for (const link of this.region.querySelectorAll("a[data-detail]")) link.href = new URL(link.getAttribute("href"), panel);
    }

    /* Words and times */

    get language() {
      try { return Intl.getCanonicalLocales(this.closest("[lang]")?.lang || [])[0]; } catch { return undefined; }
    }

    tick() {
      const exact = new Intl.DateTimeFormat(this.language, { dateStyle: "medium", timeStyle: "long" });
      for (const time of this.querySelectorAll("time")) {
        const moment = new Date(time.dateTime);
        if (Number.isNaN(moment.getTime())) continue;
        const words = this.relative(Math.max(0, (Date.now() + this.skew - moment) / 1000)) || moment.toLocaleDateString(this.language);
        if (time.textContent !== words) time.textContent = words;
        time.title = exact.format(moment);
      }
    }

    /* As the pages say it; empty for what reads as a date. */
    relative(seconds) {
      if (seconds >= WEEKS) return "";
      if (seconds < 1) return this.text("now");
      const units = this.dataset.textUnits.split("|");
      const [size, unit] = [[86400, 3], [3600, 2], [60, 1], [1, 0]].find(([size]) => seconds >= size);
      return this.text("ago").replace("%(time)s", units[unit].replace("%(n)s", Math.floor(seconds / size)));
    }

    text(name, values = {}) {
      const words = this.dataset[`text${name[0].toUpperCase()}${name.slice(1)}`] ?? "";
      return words.replace(/\{(\w+)\}/g, (whole, word) => values[word] ?? whole);
    }

    write(place, words) { this.querySelector(`[data-${place}]`).textContent = words; }

    message(words, ok = true) {
      this.querySelector("[data-message]").dataset.tone = ok ? "ok" : "error";
      this.write("message", words);
    }
  }

  customElements.define("celery-ops-panel", Panel);
})();
