/* The live half of a panel, after live.js: without it, the same list with plain links and forms. */
if (!customElements.get("celery-ops-panel"))
  customElements.define("celery-ops-panel", class Panel extends CeleryOpsLive {
  begin() {
    [this.url, this.query] = [this.dataset.url, this.own(location.search)];
    this.region = this.one("[data-region]");
    this.sources = Panel.sources(this.region, "part");
    this.on("click", this.onClick);
    this.on("submit", this.onSubmit);
    this.on("keydown", (event) => event.key === "Escape" && this.act("fold", event.target));
    this.on("change", (event) => event.target.closest("[data-part=filters] select")?.form.requestSubmit());
    this.on("click", this.closeMenus, document);
    if (this.switch) this.switch.hidden = !this.url;
    this.tidy();
  }

  get address() { return this.url && !this.posting && this.url + (this.query && `?${this.query}`); }

  /* Six times as slow while nothing runs: what others publish appears, too. */
  get pace() {
    const isBusy = Date.now() < this.busyUntil || this.backoff > 1 || this.one("[data-active='1']");
    return isBusy ? this.backoff : 6;
  }

  take(body, response, asked) {
    const next = body.querySelector("[data-active]");
    if (!next) return this.stop();
    const selection = getSelection();
    if (!asked && !selection.isCollapsed && this.region.contains(selection.anchorNode)) return false;
    this.swap(next, asked === "quietly");
    this.etag = response.headers.get("ETag") || "";
    return true;
  }

  /* Replaces only what changed, so that an open menu is left alone. */
  swap(next, quietly) {
    const before = new Map(this.rows.map((row) => [row.dataset.key, row.dataset.state]));
    const opened = this.all("details[data-key][open]").map((details) => details.dataset.key);
    const focus = this.focusPath();
    const root = this.one("[data-active]");
    const [olds, news, sources] = [Panel.parts(root, "part"), Panel.parts(next, "part"), Panel.sources(next, "part")];
    const isAlike = [...olds.keys()].join() === [...news.keys()].join();
    for (const [name, part] of news) {
      const old = sources.get(name) === this.sources.get(name) && olds.get(name);
      if (old) this.renew(old, part);
      if (old && !isAlike) part.replaceWith(old);
      if (!old && isAlike) olds.get(name).replaceWith(part);
    }
    root.dataset.active = next.dataset.active;
    root.toggleAttribute("data-unavailable", next.hasAttribute("data-unavailable"));
    if (!isAlike) root.replaceWith(next);
    this.sources = sources;
    for (const key of opened) this.keyed(key)?.setAttribute("open", "");
    this.tidy();
    if (focus && !this.region.contains(document.activeElement)) this.restoreFocus(focus);
    if (!quietly) this.announceChanges(before);
  }

  /* What was chosen stays; its forms get new keys. */
  renew(old, part) {
    const keys = (root) => root.querySelectorAll("[name=csrfmiddlewaretoken], [name=submission], [name=shown_at]");
    const news = keys(part);
    keys(old).forEach((key, at) => { key.value = news[at].value; });
  }

  get rows() { return this.all("tr[data-key]"); }
  keyed(key) { return this.one(`[data-key="${CSS.escape(key)}"]`); }

  focusPath(element = document.activeElement) {
    const owner = this.region.contains(element) && element.closest("[data-key]");
    return owner ? [owner.dataset.key, [...owner.querySelectorAll(Panel.focusable)].indexOf(element)] : null;
  }

  restoreFocus(path) {
    const place = path && (this.keyed(path[0])?.querySelectorAll(Panel.focusable)[path[1]] ?? this.region);
    place?.focus({ preventScroll: true });
  }

  announceChanges(before) {
    const words = (row, selector) => row.querySelector(selector)?.textContent.trim();
    const changed = this.rows.filter((row) => before.get(row.dataset.key) !== row.dataset.state).slice(0, 5);
    const said = changed.map((row) =>
      this.text("change", { label: words(row, "strong"), state: words(row, ".celery-ops-state") }));
    if (said.length) this.write("announce", said.join(". "));
  }

  onClick(event) {
    const target = event.target.closest("[data-copy], [data-switch], a[data-page], a[data-detail]");
    if (!target || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (target.matches("[data-copy]")) return this.act("copy", target);
    if (target.matches("[data-switch]")) return this.onSwitch();
    if (!this.url) return;
    event.preventDefault();
    return target.matches("[data-page]") ? this.show(this.own(target.search)) : this.act("openDetail", target);
  }

  onSubmit(event) {
    const { target, submitter } = event;
    const method = target.getAttribute("method");
    if (event.defaultPrevented || method === "dialog" || !this.url || "leaves" in target.dataset) return;
    event.preventDefault();
    if (method !== "post") return this.show(this.own(new URLSearchParams(new FormData(target))));
    this.load().then(() => this.post(target, submitter), () => {
      this.url = ""; // as without script
      target.requestSubmit(submitter);
    });
  }

  closeMenus(event) {
    for (const menu of this.all("details[data-pop][open]")) {
      if (event.target.isConnected && !menu.contains(event.target)) menu.open = false;
    }
  }

  show(query) {
    [this.query, this.etag] = [query, ""];
    history.replaceState(history.state, "", this.hostAddress(query));
    this.refresh("quietly");
  }

  /* A panel's parameters live in the host page's query, under the panel's prefix. */
  isOwn(name) { return name.startsWith(this.dataset.prefix); }

  own(search) {
    const own = [...new URLSearchParams(search)].filter(([name, value]) => value && this.isOwn(name));
    return String(new URLSearchParams([...new Map(own)]));
  }

  hostAddress(query) {
    const others = [...new URLSearchParams(location.search)].filter(([name]) => !this.isOwn(name));
    const search = String(new URLSearchParams([...others, ...new URLSearchParams(query)]));
    return location.pathname + (search && `?${search}`) + location.hash;
  }

  /* What only a script can do. A fragment does not know its page's address, nor do its links. */
  tidy() {
    this.tick();
    for (const time of this.all("time")) {
      time.title = new Date(time.dateTime).toLocaleString(this.language, { dateStyle: "medium", timeStyle: "long" });
    }
    const button = this.one("[data-copy-button]")?.content;
    if (button) for (const id of this.all("code[title]:not(:has(+ [data-copy]))")) id.after(button.cloneNode(true));
    if (!this.url) return;
    for (const link of this.all("a[data-page]")) link.href = this.hostAddress(this.own(link.search));
    const base = new URL(this.url, location);
    for (const link of this.all("a[data-detail]")) link.href = new URL(link.getAttribute("href"), base);
  }

  wordsOf(moment) {
    const seconds = (Date.now() + this.skew - moment) / 1000;
    return this.relative(Math.max(0, seconds)) || moment.toLocaleDateString(this.language);
  }
});
