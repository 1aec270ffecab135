/* What a task logs, as it comes, after live.js. Without it, the lines that there were when the page was made. */
if (!customElements.get("celery-ops-log"))
  customElements.define("celery-ops-log", class Log extends HTMLElement {
  static pause = 800; // milliseconds: a worker sends once a second, and a line is to be seen two seconds after it
  static longest = 30_000;
  static most = 1000; // lines of an attempt in the page; of more the beginning and the end are left
  static kept = 200;

  connectedCallback() {
    this.backoff = 1;
    this.life = new AbortController();
    document.addEventListener("visibilitychange", () => this.schedule(0), { signal: this.life.signal });
    for (const list of this.querySelectorAll("ol")) list.scrollTop = list.scrollHeight;
    this.schedule();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.life.abort();
  }

  get isLive() { return CeleryOpsLive.remembered("celery-ops-refresh") !== "off"; }

  schedule(pause = Math.min(Log.longest, Log.pause * this.backoff)) {
    clearTimeout(this.timer);
    if (!this.isConnected || "final" in this.dataset || document.hidden) return;
    if (this.closest("dialog:not([open])") && this.timer) return; // another one is made for the next task
    this.timer = setTimeout(() => this.isLive ? this.ask() : this.schedule(Log.pause), pause);
  }

  async ask() {
    const headers = { "X-Celery-Ops": "fragment" };
    const options = { credentials: "same-origin", cache: "no-store", redirect: "manual", headers };
    try {
      const response = await fetch(this.dataset.url + this.dataset.next, { ...options, signal: this.life.signal });
      if ([401, 403, 404, 410].includes(response.status) || response.type === "opaqueredirect") return;
      if (!response.ok) throw new Error(response.statusText);
      this.take(CeleryOpsLive.parse(await response.text()).firstElementChild);
      this.backoff = 1;
    } catch {
      this.backoff *= 2;
    }
    this.schedule();
  }

  take(news) {
    for (const attempt of news.querySelectorAll("details")) this.add(attempt);
    this.dataset.next = news.dataset.next;
    if (!("final" in news.dataset)) return;
    this.dataset.final = "";
    this.querySelector("[data-waiting]")?.remove();
  }

  add(attempt) {
    const old = this.querySelector(`details[data-key="${CSS.escape(attempt.dataset.key)}"]`);
    const list = (old ?? attempt).querySelector("ol");
    const isAtEnd = !old || list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    if (old) list.append(...attempt.querySelector("ol").children);
    else this.place(attempt);
    for (const lines = list.children; lines.length > Log.most;) lines[Log.kept].remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }

  place(attempt) {
    const last = [...this.querySelectorAll("details")].at(-1);
    if (last) last.after(attempt);
    else this.prepend(attempt);
  }
});
