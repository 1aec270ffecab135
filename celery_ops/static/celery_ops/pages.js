/* The live half of the operations pages, after live.js. Without it they are plain pages with links and forms. */
if (!customElements.get("celery-ops-page"))
  customElements.define("celery-ops-page", class Page extends CeleryOpsLive {
  static theme = "celery-ops-theme";
  static typed = "input:not([type=hidden]), select, textarea";

  /* Where no option says that it is the chosen one, a browser chooses the first. */
  static isTyped(field) {
    if (!field.matches("select")) return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
    return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
  }

  static nameOf(details) { return details.dataset.key ?? details.querySelector("summary")?.textContent.trim(); }

  /* What has the focus is found again by what it says in its row, not by where it stood. */
  static alike(region, element) {
    const likeness = (other) => [other.tagName, other.getAttribute("href"), other.getAttribute("aria-label"),
      other.textContent.trim(), other.closest("[data-key]")?.dataset.key].join("\n");
    return [...region.querySelectorAll(Page.focusable)].filter((other) => likeness(other) === likeness(element));
  }

  /* At the start tag, before anything is painted: a remembered theme must not flash. */
  connectedCallback() {
    this.paint(Page.remembered(Page.theme) ?? "");
    super.connectedCallback();
  }

  begin() {
    this.sources = Page.sources(this, "region");
    this.all("[data-tabs]").forEach((place) => this.show(place, place.dataset.tabs));
    this.one("[data-goal]")?.focus();
    this.on("click", this.onClick);
    this.on("keydown", this.turnTab);
    this.on("change", this.onChange);
    this.on("formdata", (event) => event.target.method === "get" && this.leaveOutEmpty(event.formData));
    this.on("keydown", this.onKey, document);
    const choice = this.one("[data-theme-choice]"); // a template of the site's own may have none
    if (choice) choice.value = Page.remembered(Page.theme) ?? "";
    this.count();
    this.goOn();
    if (this.one("[data-unfinished]")) this.refresh(); // the workers were still being asked
  }

  /* Refreshing */

  get address() { return this.sources.size ? location.pathname + location.search : ""; }
  get pace() { return this.backoff; }

  /* What says that it is final is not asked for again, unless a person asks. */
  get isFinal() { return Boolean(this.one("[data-final]")); }

  take(body) {
    if (!body.querySelector("[data-region]")) return this.stop();
    this.swap(body);
    this.goOn();
    return true;
  }

  /* Long work goes on by itself while its page is open: the server does a part of it in each request. */
  async goOn() {
    const form = this.one("form[data-goes-on]");
    if (!form || this.going || this.gone) return;
    this.going = true;
    try {
      const response = await this.fetch(form.action, { method: "POST", body: new FormData(form) });
      const html = response.status === 200 ? await response.text() : "";
      this.going = false;
      if (this.life) this.receive(response, html);
    } catch {
      this.going = false;
      if (this.life) this.falter();
    }
  }

  /* Only what changed is replaced, and nothing that a person has in hand: that waits for a later refresh. */
  swap(next) {
    const [olds, sources] = [Page.parts(this, "region"), Page.sources(next, "region")];
    for (const [name, region] of Page.parts(next, "region")) {
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
    const ends = [selection.anchorNode, selection.focusNode];
    const isSelected = !selection.isCollapsed && ends.some((node) => region.contains(node));
    const active = document.activeElement;
    const isTyping = region.contains(active) && active.matches(Page.typed);
    return isSelected || isTyping || [...region.querySelectorAll(Page.typed)].some(Page.isTyped);
  }

  replace(old, region) {
    const open = new Map([...old.querySelectorAll("details")].map((details) => [Page.nameOf(details), details.open]));
    const scrolling = "pre, .table-container";
    const scrolled = [...old.querySelectorAll(scrolling)].map((place) => [place.scrollTop, place.scrollLeft]);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const index = focused && Page.alike(old, focused).indexOf(focused);
    old.replaceWith(region);
    for (const details of region.querySelectorAll("details")) {
      details.open = open.get(Page.nameOf(details)) ?? details.open;
    }
    region.querySelectorAll(scrolling).forEach((place, index) => {
      [place.scrollTop, place.scrollLeft] = scrolled[index] ?? [0, 0];
    });
    if (!focused) return;
    const found = Page.alike(region, focused);
    region.tabIndex = -1; // where the focus goes when what had it is gone
    (found[index] ?? found[0] ?? region).focus({ preventScroll: true });
  }

  /* What a person does */

  onClick(event) {
    const target = event.target.closest("[data-copy], [data-switch], [data-shortcuts], [data-show], [data-choose-all]");
    if (!target || target.closest("celery-ops-panel")) return;
    if (target.matches("[data-copy]")) this.act("copy", target);
    else if (target.matches("[data-choose-all]")) this.chooseAll(target.dataset.chooseAll);
    else if (target.matches("[data-show]")) this.show(target.closest("[data-tabs]"), target.dataset.show);
    else if (target.matches("[data-shortcuts]")) this.showShortcuts();
    else this.onSwitch();
  }

  /* All that are shown, or none when all are chosen already. */
  chooseAll(form) {
    const boxes = this.all(`input[type=checkbox][form="${form}"]`);
    const chosen = !boxes.every((box) => box.checked);
    boxes.forEach((box) => { box.checked = chosen; });
    this.count();
  }

  /* What is done with rows waits until one is selected, and says why the list stands still meanwhile. */
  count() {
    for (const form of this.all("form.celery-ops-choice")) {
      const number = this.all(`input[type=checkbox][form="${form.id}"]`).filter((box) => box.checked).length;
      form.querySelectorAll("[data-needs-choice]").forEach((button) => { button.disabled = !number; });
      const words = number ? this.text("chosen", { n: number }) : "";
      form.querySelectorAll("[data-chosen]").forEach((place) => { place.textContent = words; });
    }
  }

  onChange(event) {
    if (event.target.matches("input[type=checkbox]")) this.count();
    if (!event.target.matches("[data-theme-choice]")) return;
    Page.remember(Page.theme, event.target.value);
    this.paint(event.target.value);
  }

  onKey(event) {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || target.isContentEditable) return;
    if (target.matches?.(Page.typed) || document.querySelector("dialog[open]")) return;
    const search = this.one("[data-search]");
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
    const dialog = this.one("[data-shortcuts-dialog]");
    if (dialog && !dialog.open) dialog.showModal();
  }

  /* The address of a filtered list says what was asked for, and nothing else. */
  leaveOutEmpty(data) {
    const empty = [...data].filter(([, value]) => value === "");
    for (const [name] of empty) data.delete(name);
  }

  /* Our own pages are painted whole, a host's page only where it is ours. Bootstrap reads the second name. */
  paint(theme) {
    const root = this.closest("html.celery-ops") ?? this;
    for (const name of ["data-theme", "data-bs-theme"]) {
      if (theme) root.setAttribute(name, theme);
      else root.removeAttribute(name);
    }
  }

  wordsOf(moment) { return this.relative((Date.now() + this.skew - moment) / 1000); }
});
