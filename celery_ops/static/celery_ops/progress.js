/* The live half of a workflow's bar, after live.js: without it, the bar as it was when the page was made. */
if (!customElements.get("celery-ops-progress"))
  customElements.define("celery-ops-progress", class Progress extends CeleryOpsLive {
  begin() { this.region = this.one("[data-region]"); }

  get address() { return this.dataset.url; }
  get pace() { return this.backoff; }
  get isFinal() { return Boolean(this.one("[data-final]")); }

  /* A region that is announced says each change: only what is another one is put in. */
  take(body, response) {
    const next = body.querySelector("[data-region]");
    if (!next) return this.stop();
    if (next.innerHTML !== this.region.innerHTML) this.region.replaceChildren(...next.childNodes);
    this.etag = response.headers.get("ETag") || "";
    return true;
  }

  load() { return Promise.resolve(); }
  tick() {}
});
