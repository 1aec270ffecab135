/* What pages and panels do alike: ask again, bear with silence, say how long ago a time is. */
globalThis.CeleryOpsLive ??= class Live extends HTMLElement {
  static focusable = "a[href], button, summary, [tabindex], input:not([type=hidden]), select, textarea";
  static nonce = document.currentScript?.nonce;

  /* Without storage a choice holds for the page. */
  static remember(key, value) { try { localStorage.setItem(key, value); } catch {} }
  static remembered(key) { try { return localStorage.getItem(key); } catch { return null; } }

  static parse(html) { return new DOMParser().parseFromString(html, "text/html").body; }

  static parts(root, name) {
    return new Map([...root.querySelectorAll(`[data-${name}]`)].map((part) => [part.dataset[name], part]));
  }

  /* As the server wrote them, but for what is new each time or for readers without script. */
  static sources(root, name) {
    return new Map([...Live.parts(root, name)].map(([key, part]) => {
      const copy = part.cloneNode(true);
      for (const unseen of copy.querySelectorAll("input[type=hidden], [data-apply]")) unseen.remove();
      for (const time of copy.querySelectorAll("time")) time.textContent = time.title = "";
      return [key, copy.outerHTML];
    }));
  }

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
    Object.assign(this, { etag: "", backoff: 1, skew: 0, fresh: Date.now(), gone: false });
    this.interval = Math.max(1, Number(this.dataset.refresh) || 5) * 1000;
    this.switch = this.one("[data-switch]"); // a public panel has none
    this.begin();
    for (const name of ["pointerenter", "focusin"]) this.on(name, () => this.load().catch(() => {}));
    this.on("visibilitychange", () => (document.hidden ? this.schedule() : this.asks && this.refresh()), document);
    this.clock = setInterval(() => document.hidden || this.tick(), 1000);
    this.turn(Live.remembered("celery-ops-refresh") !== "off");
    this.tick();
  }

  get asks() { return this.isLive && !this.isFinal; }
  one(selector) { return this.querySelector(selector); }
  all(selector) { return [...this.querySelectorAll(selector)]; }
  on(name, handle, target = this) { target.addEventListener(name, handle.bind(this), { signal: this.life.signal }); }

  turn(isLive) {
    this.isLive = isLive || !this.switch;
    this.switch?.setAttribute("aria-checked", isLive);
    this.schedule();
  }

  onSwitch() {
    const isLive = !this.isLive;
    Live.remember("celery-ops-refresh", isLive ? "on" : "off");
    for (const live of document.querySelectorAll("celery-ops-page, celery-ops-panel")) {
      live.turn?.(isLive);
      if (isLive) live.refresh?.();
    }
  }

  schedule() {
    clearTimeout(this.timer);
    if (!this.asks || this.gone || document.hidden) return;
    this.timer = setTimeout(() => this.refresh(), Math.max(this.interval, Math.min(60_000, this.interval * this.pace)));
  }

  cancel() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.request = null;
  }

  /* A person's replaces the one under way, the timer's lets it finish. */
  async refresh(asked = false) {
    if (!this.address || this.gone || (this.request && !asked)) return;
    this.cancel();
    const request = (this.request = new AbortController());
    const deadline = setTimeout(() => request.abort(), 30_000);
    try {
      const headers = this.etag ? { "If-None-Match": this.etag } : {};
      const response = await this.fetch(this.address, { headers, signal: request.signal });
      const html = response.status === 200 ? await response.text() : "";
      if (this.request === request) this.receive(response, html, asked);
    } catch {
      if (this.request === request) this.falter();
    }
    clearTimeout(deadline);
    if (this.request !== request) return;
    this.request = null;
    this.schedule();
  }

  /* A redirect leads to a login page, and no POST must be sent twice. */
  fetch(address, { headers, ...options } = {}) {
    headers = { "X-Celery-Ops": "fragment", ...headers };
    return fetch(address, { credentials: "same-origin", cache: "no-store", redirect: "manual", headers, ...options });
  }

  receive(response, html, asked) {
    if (response.type === "opaqueredirect" || [401, 403, 404, 410].includes(response.status)) return this.stop();
    if (response.status !== 304 && response.status !== 200) return this.falter();
    this.skew = Date.parse(response.headers.get("Date")) - Date.now() || 0;
    if (response.status === 200 && !this.take(Live.parse(html), response, asked)) return;
    const isAvailable = !this.one("[data-unavailable]");
    this.backoff = isAvailable ? 1 : this.backoff * 2;
    if (isAvailable) this.fresh = Date.now();
    this.write("note", "");
  }

  falter() {
    this.backoff *= 2;
    const time = new Date(this.fresh).toLocaleTimeString(this.language);
    this.write("note", this.text(this.asks ? "stale" : "still", { time }));
  }

  stop() {
    this.gone = true;
    this.write("note", this.text("gone"));
  }

  /* Who looks on needs no actions.js: it comes with pointer or focus. */
  load() {
    return Live.loading ??= new Promise((onload, onerror) => document.head.append(Object.assign(
      document.createElement("script"), { nonce: Live.nonce, src: this.dataset.actions, onload, onerror },
    ))).catch(() => Promise.reject(Live.loading = null));
  }

  act(name, ...values) {
    return this.load().then(() => this[name](...values), () => this.write("note", this.text("gone")));
  }

  get language() {
    try { return Intl.getCanonicalLocales(this.closest("[lang]")?.lang || [])[0]; } catch { return undefined; }
  }

  tick() {
    for (const time of this.all("time")) {
      const words = this.wordsOf(new Date(time.dateTime));
      if (words && time.textContent !== words) time.textContent = words;
    }
  }

  /* Empty from four weeks on: a date then. */
  relative(seconds) {
    const length = Math.abs(seconds);
    if (!(length < 28 * 86400)) return "";
    if (length < 1) return this.text("now");
    const units = this.text("units").split("|");
    const [size, unit] = [[86400, 3], [3600, 2], [60, 1], [1, 0]].find(([size]) => length >= size);
    const time = units[unit].replace("%(n)s", Math.floor(length / size));
    return this.text(seconds > 0 ? "ago" : "to-come").replace("%(time)s", time);
  }

  text(name, values = {}) {
    return (this.getAttribute(`data-text-${name}`) ?? "").replace(/\{(\w+)\}/g, (whole, word) => values[word] ?? whole);
  }

  write(place, words) {
    const element = this.one(`[data-${place}]`);
    if (element && element.textContent !== words) element.textContent = words;
  }
};
