// The bench: filters, the list, one image of it, and what the keys do.

const SINGLE_KEYS = {
  j: "next", k: "previous", a: "accept", u: "unsure", z: "undo", r: "write", l: "larger",
  e: "evidence", "/": "find", ArrowDown: "next", ArrowUp: "previous",
};
const FAR_KEYS = { PageDown: "pageDown", PageUp: "pageUp", Home: "first", End: "last" };

class Bench {
  constructor(night, corrections) {
    this.night = night;
    this.words = night.words;
    this.corrections = corrections;
    this.index = 0;
    this.places = [];
    this.filters = { text: "", label: "", reason: "", status: "", sort: "doubt" };
    this.said = document.getElementById("said");
    this.list = new List(this.words.list, (node, place) => this.drawRow(node, place), index => this.go(index));
    this.detail = new Detail(night, this.words, (action, value) => this.act(action, value));
    this.draw();
    this.refilter();
    document.addEventListener("keydown", event => this.press(event));
    window.addEventListener("beforeprint", () => this.print());
    window.addEventListener("beforeunload", event => {
      if (!corrections.keeps && corrections.unsaved) event.preventDefault();
    });
  }

  draw() {
    const { words } = this;
    const reasons = [...new Set(this.night.reviews.flat())];
    this.shown = make("output", { class: "count" });
    this.done = make("span", { class: "soft" });
    this.text = make("input", { type: "search", id: "text" });
    this.text.addEventListener("input", () => this.set("text", this.text.value));
    this.by = make("input", { type: "text", id: "by", autocomplete: "name", value: recall("by") || undefined });
    this.by.addEventListener("change", () => keep("by", this.by.value));
    this.keys = make("input", { type: "checkbox", id: "keys" });
    this.keys.checked = recall("keys") !== "no";
    this.keys.addEventListener("change", () => keep("keys", this.keys.checked ? "yes" : "no"));
    const save = make("button", { type: "button", class: "main", id: "save" }, words.save);
    save.addEventListener("click", () => this.save());
    const statuses = ["read", "unread", "open", "decided", "accept", "change", "unsure"];
    const sorts = ["doubt", ...(this.night.alerts ? ["alert"] : []), "unsure", "sure", "name", "file"];
    const help = make("dl", { class: "keys" });
    for (const [key, text] of words.keys_list) {
      help.append(make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, text)));
    }
    document.getElementById("bench").append(
      make("div", { class: "filters" },
        make("label", {}, words.search, this.text),
        this.select("label", words.label, this.night.classes.map((name, label) => [label, name])),
        this.select("reason", words.reason, [["any", words.any_reason], ["none", words.no_reason],
          ...reasons.map(one => [one, this.night.explain(one)[0]])]),
        this.select("status", words.status, statuses.map(one => [one, words[`status_${one}`]])),
        this.select("sort", words.sort, sorts.map(one => [one, words[`sort_${one}`]]), false),
        make("p", { class: "counts" }, this.shown, this.done)),
      make("div", { class: "sides main-sides" }, this.list.box, this.detail.box),
      make("div", { class: "saving" },
        make("label", {}, words.by, this.by), save,
        make("label", { class: "check" }, this.keys, words.keys),
        make("details", {}, make("summary", {}, words.help), help)),
      this.detail.dialog);
  }

  select(name, label, options, withAll = true) {
    const select = make("select", { id: name });
    if (withAll) select.append(make("option", { value: "" }, this.words.all));
    for (const [value, text] of options) select.append(make("option", { value }, text));
    select.addEventListener("change", () => this.set(name, select.value));
    return make("label", {}, label, select);
  }

  set(name, value) {
    this.filters[name] = value;
    this.refilter();
  }

  // Show what fits the filters; the image that was looked at stays if it does.
  refilter() {
    const before = this.places[this.index];
    this.places = this.night.choose(this.filters, this.corrections);
    const index = before === undefined ? 0 : this.places.indexOf(before);
    this.index = Math.max(0, index);
    this.list.show(this.places, this.places.length ? this.index : -1);
    this.look();
  }

  go(index) {
    if (!this.places.length) return;
    this.index = Math.min(Math.max(index, 0), this.places.length - 1);
    this.list.activate(this.index);
    this.look();
  }

  look() {
    const place = this.places[this.index];
    const count = this.places.length.toLocaleString("en");
    const position = fill(this.words.place, { place: (this.index + 1).toLocaleString("en"), count });
    this.detail.show(place, position, this.corrections.get(this.night.rows[place]));
    const total = this.night.size.toLocaleString("en");
    const shown = this.places.length === 1 ? this.words.shown_one : this.words.shown;
    this.shown.textContent = fill(shown, { count, total });
    this.done.textContent = fill(this.words.done, { count: this.corrections.count.toLocaleString("en") });
  }

  drawRow(node, place) {
    const { night, words } = this;
    const source = night.picture(place);
    const first = night.rank(place, 0);
    const record = this.corrections.get(night.rows[place]);
    const answer = first ? `${first.name} ${percent(first.probability)}` : words.status_unread;
    const alert = night.alerts?.[place];
    const urgent = alert ? [make("span", { class: "chip" }, fill(words.alert, { alert })), " "] : [];
    const chips = night.reasons(place).flatMap(
      one => [make("span", { class: "chip" }, night.explain(one)[0]), " "]);
    node.append(
      source ? make("img", { src: source, alt: "" }) : make("span", { class: "missing", "aria-hidden": "true" }),
      make("span", { class: "lines" },
        make("bdi", { class: "name" }, night.title(place).replace(/.*\/(?=.)/s, "")),
        make("span", { class: first ? "answer" : "answer wrong" }, make("bdi", {}, answer)),
        make("span", { class: "chips" }, ...this.mark(record), ...urgent, ...chips)));
  }

  mark(record) {
    if (!record?.decision) return [];
    const text = fill(this.words[`mark_${record.decision}`] ?? this.words.unsure, { label: record.label });
    return [make("span", { class: "chip decided" }, "✓ ", make("bdi", {}, text)), " "];
  }

  act(action, value) {
    const steps = {
      next: 1, previous: -1, pageDown: this.list.rowsInSight, pageUp: -this.list.rowsInSight,
      first: -this.index, last: this.places.length,
    };
    if (action in steps) this.go(this.index + steps[action]);
    else if (action === "undo") this.undo();
    else if (action === "find") this.text.focus();
    else if (action === "write") document.getElementById("remark")?.focus();
    else if (action === "larger") this.detail.enlarge();
    else if (action === "evidence") this.detail.toggleEvidence();
    else if (action === "remark") this.corrections.remark(this.night.rows[this.detail.place], value);
    else this.decide(action, value);
  }

  decide(decision, value) {
    const place = this.places[this.index];
    const label = decision === "accept" ? this.night.rank(place, 0)?.name : this.night.classes[value];
    if (place === undefined || (decision !== "unsure" && label === undefined)) return;
    document.activeElement?.blur?.(); // a remark that is being written is kept
    this.corrections.decide(this.night.rows[place], {
      image: this.night.name(place),
      predicted: this.night.rank(place, 0)?.name ?? "",
      label: label ?? "",
      decision,
      by: this.by.value.trim(),
      at: new Date().toISOString(),
    });
    const kept = this.corrections.keeps ? "" : ` ${this.words.said_unsaved}`;
    this.say(fill(this.words[`said_${decision}`], { image: this.night.title(place), label }) + kept);
    this.go(this.index + 1);
    this.list.box.focus({ preventScroll: true });
  }

  undo() {
    const row = this.corrections.undo();
    if (row === undefined) return this.say(this.words.said_nothing);
    const place = this.night.places.get(row);
    const index = this.places.indexOf(place);
    this.go(index < 0 ? this.index : index);
    if (place !== undefined) this.say(fill(this.words.said_undo, { image: this.night.title(place) }));
  }

  save() {
    const source = URL.createObjectURL(this.corrections.write());
    make("a", { href: source, download: "corrections.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(source), 60000);
    this.corrections.unsaved = 0;
    this.say(fill(this.words.said_saved, { count: this.corrections.count }));
  }

  say(text) {
    this.said.textContent = text;
  }

  // A key does what it says unless a field takes it, a dialog is open, or single keys are off.
  press(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || this.detail.dialog.open) return;
    if (target.matches("input:not([type=checkbox]), select, summary")) {
      if (key === "Escape" || (key === "Enter" && target.id === "remark")) this.list.box.focus({ preventScroll: true });
      return;
    }
    const inList = target === this.list.box;
    const isLetter = key.length === 1;
    if (isLetter ? !this.keys.checked : !inList) return;
    const label = "123456789".indexOf(key);
    const action = label >= 0 && isLetter ? "change" : SINGLE_KEYS[isLetter ? key.toLowerCase() : key] ?? FAR_KEYS[key];
    if (!action) return;
    event.preventDefault();
    this.act(action, label);
  }

  // A printer gets the first of those that are shown.
  print() {
    const { night, words } = this;
    const places = this.places.slice(0, 500);
    const body = make("tbody");
    for (const place of places) {
      const first = night.rank(place, 0);
      const record = this.corrections.get(night.rows[place]);
      body.append(make("tr", {}, make("th", { scope: "row" }, night.title(place)),
        make("td", {}, first ? `${first.name} ${percent(first.probability)}` : night.note(place)),
        make("td", {}, night.reasons(place).map(one => night.explain(one)[0]).join(", ")),
        make("td", {}, ...this.mark(record))));
    }
    const caption = fill(words.printed, { count: places.length, total: night.size });
    document.getElementById("printed").replaceChildren(make("table", {}, make("caption", {}, caption), body));
  }
}

function recall(name) {
  try {
    return localStorage.getItem(`trifuse ${name}`) ?? "";
  } catch {
    return "";
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(`trifuse ${name}`, value);
  } catch { /* it is asked for again the next time */ }
}

function openStore() {
  try {
    return localStorage;
  } catch {
    return undefined; // whose use fails, and says so
  }
}

const parse = id => JSON.parse(document.getElementById(id).textContent);
const night = new Night(parse("data"), parse("pictures"));
const bench = new Bench(night, new Corrections(night.digest, openStore(), night.audit));
