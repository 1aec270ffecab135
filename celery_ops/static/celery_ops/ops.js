/* The live half of the operations pages. Without it they are plain pages with links and forms. */
(() => {
  "use strict";
  if (customElements.get("celery-ops-page")) return;

  const SLOWEST = 60_000; // between two refreshes of a server that does not answer
  const DEADLINE = 30_000; // after which a refresh counts as unanswered
  const WEEKS = 4 * 7 * 86400; // from which a time is a date
  const LIVE = "celery-ops-refresh"; // the switch of the panels too
  const THEME = "celery-ops-theme";
  const TYPED = "input:not([type=hidden]), select, textarea";
  const FOCUSABLE = `a[href], button, summary, [tabindex], ${TYPED}`;

  /* Storage may be forbidden; then a choice holds for the page only. */
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch {} };
  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

  const regionsOf = (root) => new Map([...root.querySelectorAll("[data-region]")].map((region) => [region.dataset.region, region]));
  const nameOf = (details) => details.dataset.key ?? details.querySelector("summary")?.textContent.trim();

  /* A region as the server wrote it, but for what it writes anew each time and nobody sees. */
  const sourceOf = (region) => {
    const copy = region.cloneNode(true);
    copy.querySelectorAll("time").forEach((time) => { time.textContent = ""; time.removeAttribute("title"); });
    copy.querySelectorAll("input[type=hidden]").forEach((field) => field.remove());
    return copy.outerHTML;
  };
  const sourcesOf = (root) => new Map([...regionsOf(root)].map(([name, region]) => [name, sourceOf(region)]));

  /* Where no option says that it is the chosen one, a browser chooses the first. */
  const isTyped = (field) => (field.matches("select")
    ? field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected))
    : field.value !== field.defaultValue || field.checked !== field.defaultChecked);

  /* What has the focus is found again by what it says in its row, not by where it stood. */
  const likeness = (element) => [element.tagName, element.getAttribute("href"), element.getAttribute("aria-label"),
    element.textContent.trim(), element.closest("[data-key]")?.dataset.key].join("\n");
  const alike = (region, element) => [...region.querySelectorAll(FOCUSABLE)].filter((other) => likeness(other) === likeness(element));

  class Page extends HTMLElement {
    /* At the start tag, before anything is painted: a remembered theme must not flash. */
    connectedCallback() {
      this.paint(remembered(THEME) ?? "");
      if (document.readyState !== "loading") return this.start();
      document.addEventListener("DOMContentLoaded", () => this.start(), { once: true });
    }

    disconnectedCallback() {
      this.life?.abort();
      this.life = null;
      this.request?.abort();
      clearTimeout(this.timer);
      clearInterval(this.clock);
    }

    start() {
      if (!this.isConnected || this.life) return;
      this.life = new AbortController();
      const on = (target, name, handle) => target.addEventListener(name, handle.bind(this), { signal: this.life.signal });
      Object.assign(this, { request: null, backoff: 1, skew: 0, fresh: Date.now(), gone: false });
      this.interval = Math.max(1, Number(this.dataset.refresh) || 5) * 1000;
      this.sources = sourcesOf(this);
      this.querySelectorAll("[data-tabs]").forEach((place) => this.show(place, place.dataset.tabs));
      this.querySelector("[data-goal]")?.focus();
      on(this, "click", this.onClick);
      on(this, "keydown", this.turnTab);
      on(this, "change", this.onChange);
      on(this, "formdata", (event) => event.target.method === "get" && this.leaveOutEmpty(event.formData));
      on(document, "keydown", this.onKey);
      on(document, "visibilitychange", () => (document.hidden ? clearTimeout(this.timer) : this.isLive && this.refresh()));
      this.clock = setInterval(() => document.hidden || this.tick(), 1000);
      this.querySelector("[data-theme-choice]").value = remembered(THEME) ?? "";
      this.turn(remembered(LIVE) !== "off");
      this.count();
      this.tick();
      this.goOn();
    }

    /* Refreshing */

    turn(isLive) {
      this.isLive = isLive;
      this.querySelector("[data-switch]").setAttribute("aria-checked", String(isLive));
      this.schedule();
    }

    /* What says that it is final is not asked for again, unless a person asks. */
    schedule() {
      clearTimeout(this.timer);
      if (!this.isLive || this.gone || document.hidden || this.querySelector("[data-final]")) return;
      this.timer = setTimeout(() => this.refresh(), Math.max(this.interval, Math.min(SLOWEST, this.interval * this.backoff)));
    }

    /* One at a time, whoever asks. A redirect is not followed: it leads to a login page. */
    async refresh() {
      if (this.request || this.gone || !this.sources.size) return;
      clearTimeout(this.timer);
      const request = (this.request = new AbortController());
      const deadline = setTimeout(() => request.abort(), DEADLINE);
      try {
        const response = await fetch(location.pathname + location.search, {
          credentials: "same-origin", cache: "no-store", redirect: "manual", headers: { "X-Celery-Ops": "fragment" }, signal: request.signal,
        });
        const html = response.status === 200 ? await response.text() : "";
        if (this.life) this.receive(response, html);
      } catch {
        if (this.life) this.falter();
      }
      clearTimeout(deadline);
      this.request = null;
      if (this.life) this.schedule();
    }

    receive(response, html) {
      if (response.type === "opaqueredirect" || [401, 403, 404, 410].includes(response.status)) return this.stop();
      if (response.status !== 200) return this.falter();
      const next = new DOMParser().parseFromString(html, "text/html");
      if (!next.querySelector("[data-region]")) return this.stop();
      this.skew = Date.parse(response.headers.get("Date")) - Date.now() || 0;
      this.swap(next);
      this.backoff = 1;
      this.fresh = Date.now();
      this.write("note", "");
      this.goOn();
    }

    /* Long work goes on by itself while its page is open: the server does a part of it in each request. */
    async goOn() {
      const form = this.querySelector("form[data-goes-on]");
      if (!form || this.going || this.gone) return;
      this.going = true;
      try {
        const response = await fetch(form.action, {
          method: "POST", body: new FormData(form), credentials: "same-origin", redirect: "manual", headers: { "X-Celery-Ops": "fragment" },
        });
        const html = response.status === 200 ? await response.text() : "";
        this.going = false;
        if (this.life) this.receive(response, html);
      } catch {
        this.going = false;
        if (this.life) this.falter();
      }
    }

    falter() {
      this.backoff = Math.min(this.backoff * 2, 1024);
      this.write("note", this.text("stale", { time: new Date(this.fresh).toLocaleTimeString() }));
    }

    stop() {
      this.gone = true;
      this.write("note", this.text("gone"));
    }

    /* Only what changed is replaced, and nothing that a person has in hand: that waits for a later refresh. */
    swap(next) {
      const [olds, sources] = [regionsOf(this), sourcesOf(next)];
      for (const [name, region] of regionsOf(next)) {
        const old = olds.get(name);
        if (!old || sources.get(name) === this.sources.get(name) || this.isInHand(old)) continue;
        this.replace(old, region);
        this.sources.set(name, sources.get(name));
      }
      this.count();
      this.tick();
    }

    isInHand(region) {
      const selection = getSelection();
      const isSelected = !selection.isCollapsed && (region.contains(selection.anchorNode) || region.contains(selection.focusNode));
      const active = document.activeElement;
      return isSelected || (region.contains(active) && active.matches(TYPED)) || [...region.querySelectorAll(TYPED)].some(isTyped);
    }

    replace(old, region) {
      const open = new Map([...old.querySelectorAll("details")].map((details) => [nameOf(details), details.open]));
      const scrolled = [...old.querySelectorAll("pre, .table-container")].map((place) => [place.scrollTop, place.scrollLeft]);
      const focused = old.contains(document.activeElement) ? document.activeElement : null;
      const index = focused && alike(old, focused).indexOf(focused);
      old.replaceWith(region);
      for (const details of region.querySelectorAll("details")) details.open = open.get(nameOf(details)) ?? details.open;
      region.querySelectorAll("pre, .table-container").forEach((place, index) => { [place.scrollTop, place.scrollLeft] = scrolled[index] ?? [0, 0]; });
      if (!focused) return;
      const found = alike(region, focused);
      region.tabIndex = -1; // where the focus goes when what had it is gone
      (found[index] ?? found[0] ?? region).focus({ preventScroll: true });
    }

    /* What a person does */

    onClick(event) {
      const target = event.target.closest("[data-copy], [data-switch], [data-shortcuts], [data-show], [data-choose-all]");
      if (!target || target.closest("celery-ops-panel")) return;
      if (target.matches("[data-copy]")) this.copy(target);
      else if (target.matches("[data-choose-all]")) this.chooseAll(target.dataset.chooseAll);
      else if (target.matches("[data-show]")) this.show(target.closest("[data-tabs]"), target.dataset.show);
      else if (target.matches("[data-shortcuts]")) this.showShortcuts();
      else this.onSwitch();
    }

    /* All that are shown, or none when all are chosen already. */
    chooseAll(form) {
      const boxes = [...this.querySelectorAll(`input[type=checkbox][form="${form}"]`)];
      const chosen = !boxes.every((box) => box.checked);
      boxes.forEach((box) => { box.checked = chosen; });
      this.count();
    }

    /* What is done with rows waits until one is selected, and says why the list stands still meanwhile. */
    count() {
      for (const form of this.querySelectorAll("form.celery-ops-choice")) {
        const boxes = this.querySelectorAll(`input[type=checkbox][form="${form.id}"]`);
        const number = [...boxes].filter((box) => box.checked).length;
        form.querySelectorAll("[data-needs-choice]").forEach((button) => { button.disabled = !number; });
        form.querySelectorAll("[data-chosen]").forEach((place) => { place.textContent = number ? this.text("chosen", { n: number }) : ""; });
      }
    }

    onSwitch() {
      remember(LIVE, this.isLive ? "off" : "on");
      this.turn(!this.isLive);
      if (this.isLive) this.refresh();
    }

    onChange(event) {
      if (event.target.matches("input[type=checkbox]")) this.count();
      if (!event.target.matches("[data-theme-choice]")) return;
      remember(THEME, event.target.value);
      this.paint(event.target.value);
    }

    onKey(event) {
      const target = event.composedPath()[0];
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || target.isContentEditable) return;
      if (target.matches?.(TYPED) || document.querySelector("dialog[open]")) return;
      const search = this.querySelector("[data-search]");
      if (event.key === "?") this.showShortcuts();
      else if (event.key === "r") this.refresh();
      else if (event.key === "/" && search) this.goTo(search);
      else return;
      event.preventDefault();
    }

    /* Of two ways to enter the same one is sent: the one that shows. */
    show(place, name) {
      place.querySelector("[role=tablist]").hidden = false;
      for (const tab of place.querySelectorAll("[data-show]")) {
        tab.setAttribute("aria-selected", String(tab.dataset.show === name));
        tab.tabIndex = tab.dataset.show === name ? 0 : -1;
      }
      for (const panel of place.querySelectorAll("[data-tab]")) {
        panel.hidden = panel.disabled = panel.dataset.tab !== name;
        panel.querySelectorAll(":scope > details").forEach((details) => { details.open = true; });
      }
    }

    /* The arrow keys go from tab to tab, as the pattern for tabs has it. */
    turnTab(event) {
      const tab = event.target.closest?.("[data-show]");
      if (!tab || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[data-show]")];
      const next = tabs[(tabs.indexOf(tab) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
      this.show(tab.closest("[data-tabs]"), next.dataset.show);
      next.focus();
      event.preventDefault();
    }

    goTo(field) {
      field.focus();
      field.select();
    }

    showShortcuts() {
      const dialog = this.querySelector("[data-shortcuts-dialog]");
      if (!dialog.open) dialog.showModal();
    }

    /* The address of a filtered list says what was asked for, and nothing else. */
    leaveOutEmpty(data) {
      for (const [name, value] of [...data]) if (value === "") data.delete(name);
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
      this.append(field);
      field.select();
      const copied = document.execCommand("copy");
      field.remove();
      focused?.focus({ preventScroll: true });
      return copied;
    }

    /* Our own pages are painted whole, a host's page only where it is ours. Bootstrap knows its theme by the second name. */
    paint(theme) {
      const root = this.closest("html.celery-ops") ?? this;
      for (const name of ["data-theme", "data-bs-theme"]) {
        if (theme) root.setAttribute(name, theme);
        else root.removeAttribute(name);
      }
    }

    /* Words and times */

    tick() {
      for (const time of this.querySelectorAll("time")) {
        const words = this.relative((Date.now() + this.skew - new Date(time.dateTime)) / 1000);
        if (words && time.textContent !== words) time.textContent = words;
      }
    }

    relative(seconds) {
      const length = Math.abs(seconds);
      if (!(length < WEEKS)) return "";
      if (length < 1) return this.text("now");
      const units = this.dataset.textUnits.split("|");
      const [size, unit] = [[86400, 3], [3600, 2], [60, 1], [1, 0]].find(([size]) => length >= size);
      const time = units[unit].replace("%(n)s", Math.floor(length / size));
      return this.text(seconds > 0 ? "ago" : "toCome").replace("%(time)s", time);
    }

    text(name, values = {}) {
      const words = this.dataset[`text${name[0].toUpperCase()}${name.slice(1)}`] ?? "";
      return words.replace(/\{(\w+)\}/g, (whole, word) => values[word] ?? whole);
    }

    write(place, words) {
      const element = this.querySelector(`[data-${place}]`);
      if (element.textContent !== words) element.textContent = words;
    }
  }

  customElements.define("celery-ops-page", Page);
})();
