/* What a person does with a panel or a page. Loaded by live.js, once there is one who may. */
Object.assign(CeleryOpsLive.prototype, {
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
      const headers = { Accept: "application/json" };
      const response = await this.fetch(form.getAttribute("action"), { method: "POST", body, headers });
      const answer = await response.json().catch(() => ({}));
      const errors = Object.values(answer.errors ?? {}).flat().join(" ");
      this.message(errors || answer.message || this.text(response.ok ? "done" : "refused"), response.ok && !errors);
      this.fold(button);
    } catch {
      this.message(this.text("unanswered"), false);
    }
    if (button) button.disabled = false;
    this.posting = false;
    this.etag = ""; // its forms get new keys, also where nothing that shows has changed
    this.busyUntil = Date.now() + 3 * this.interval; // asked at full speed, even when nothing is active yet
    this.refresh(true);
  },

  message(words, ok = true) {
    this.one("[data-message]")?.setAttribute("data-tone", ok ? "ok" : "error");
    this.write("message", words);
  },

  fold(element) {
    const menu = element?.closest("details[data-pop][open]");
    if (!menu) return;
    for (const details of [menu, ...menu.querySelectorAll("details")]) details.open = false;
    menu.querySelector("summary").focus({ preventScroll: true });
  },

  async openDetail(link) {
    const [path, dialog] = [this.focusPath(link), this.one("dialog")];
    if (!dialog) return location.assign(link.href); // a template of the site's own has none
    try {
      const response = await this.fetch(link.href);
      if (!response.ok) throw new Error(response.statusText);
      const body = CeleryOpsLive.parse(await response.text());
      for (const link of body.querySelectorAll("link")) link.nonce = CeleryOpsLive.nonce; // not the answer's own
      this.one("[data-dialog-body]").replaceChildren(...body.childNodes);
      this.tidy();
      this.follow(dialog.querySelector("[data-script]"));
      dialog.addEventListener("close", () => this.restoreFocus(path), { once: true });
      if (!dialog.open) dialog.showModal();
    } catch {
      this.message(this.text("undetailed"), false);
    }
  },

  /* Lines of a log come by its own script, which a page needs only here. */
  follow(log) {
    if (!log || document.querySelector(`script[src="${log.dataset.script}"]`)) return;
    const [script, src] = [document.createElement("script"), log.dataset.script];
    document.head.append(Object.assign(script, { nonce: CeleryOpsLive.nonce, src }));
  },

  async copy(button) {
    const source = button.previousElementSibling;
    const text = source.title || source.textContent;
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false) || this.copySelected(text);
    this.write("announce", this.text(copied ? "copied" : "uncopied"));
    button.toggleAttribute("data-copied", copied);
    setTimeout(() => button.removeAttribute("data-copied"), 1500);
  },

  /* navigator.clipboard is there on secure origins only; many a site inside a network is plain http. */
  copySelected(text) {
    const focused = document.activeElement;
    const field = Object.assign(document.createElement("textarea"), { value: text, className: "celery-ops-unseen" });
    (this.one("dialog[open]") ?? this).append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused?.focus({ preventScroll: true });
    return copied;
  },
});
