// One image, large: what the model says of it, and what may be decided.

const KEYS = "123456789";

class Detail {
  constructor(night, words, act) {
    this.night = night;
    this.words = words;
    this.act = act;
    this.withEvidence = false;
    this.box = make("div", { class: "detail" });
    this.dialog = make("dialog", { class: "larger", "aria-label": words.larger });
    this.dialog.addEventListener("click", () => this.dialog.close());
  }

  // Draw the image at a place; nothing where there is none.
  show(place, position, record) {
    this.place = place;
    if (place === undefined) {
      this.box.replaceChildren(make("p", { class: "empty" }, this.words.none));
      return;
    }
    const { night, words } = this;
    const name = make("h3", { class: "name" }, make("bdi", {}, night.title(place)));
    if (night.hidesNames) name.title = night.name(place);
    this.box.replaceChildren(
      make("div", { class: "head" }, name, make("span", { class: "soft" }, position)),
      make("div", { class: "sides" }, this.drawPicture(place),
        make("div", {}, night.isRead(place) ? this.drawAnswer(place) : this.drawError(place))),
      this.drawDecision(place, record));
  }

  drawPicture(place) {
    const { night, words } = this;
    const figure = make("figure", { class: "picture" });
    const evidence = night.evidence(place);
    const isEvidence = this.withEvidence && evidence;
    const source = isEvidence ? evidence.source : night.picture(place);
    if (!source) {
      figure.append(make("div", { class: "missing" }, words.no_picture));
      return figure;
    }
    const text = isEvidence ? words.picture_evidence : words.picture;
    figure.append(make("img", { src: source, alt: fill(text, { name: night.title(place) }) }));
    const buttons = make("div", { class: "buttons" }, this.button(words.larger, "L", "larger"));
    if (evidence) {
      const toggle = this.button(words.evidence, "E", "evidence");
      toggle.setAttribute("aria-pressed", Boolean(isEvidence));
      buttons.append(toggle);
    }
    figure.append(buttons);
    if (isEvidence) figure.append(make("figcaption", {}, fill(words.evidence_note, { name: evidence.name })));
    return figure;
  }

  drawAnswer(place) {
    const { night, words } = this;
    const part = document.createDocumentFragment();
    const list = make("ol", { class: "answers", "aria-label": words.probabilities });
    for (let rank = 0; rank < night.top; rank++) {
      const answer = night.rank(place, rank);
      if (!answer) break;
      const bar = make("span", { class: "meter", "aria-hidden": "true" }, make("span"));
      bar.firstChild.style.width = `${100 * answer.probability}%`;
      list.append(make("li", {}, make("bdi", {}, answer.name), bar,
        make("span", { class: "number" }, percent(answer.probability))));
    }
    const set = night.predictionSet(place);
    part.append(list, make("h4", {}, words.prediction_set),
      make("p", {}, set.length ? set.join(", ") : words.no_set));
    if (night.coverage !== null && set.length) {
      const share = Math.round(100 * night.coverage);
      part.append(make("p", { class: "soft" }, fill(words.prediction_set_note, { share })));
    }
    const alert = night.alerts?.[place];
    if (alert) {
      const share = Number((100 * alert).toFixed(2));
      part.append(make("h4", {}, fill(words.alert, { alert })),
        make("p", { class: "soft" }, fill(words.alert_note, { share })));
    }
    part.append(make("h4", {}, words.why), this.drawReasons(place));
    return part;
  }

  drawReasons(place) {
    const reasons = this.night.reasons(place);
    if (!reasons.length) return make("p", { class: "soft" }, this.words.no_why);
    const list = make("ul", { class: "why" });
    for (const reason of reasons) {
      const [title, sentence] = this.night.explain(reason);
      const flaws = reason === "low-quality" ? `: ${this.night.note(place)}.` : "";
      list.append(make("li", {}, make("span", { class: "chip" }, title), ` ${sentence}${flaws}`));
    }
    return list;
  }

  drawError(place) {
    return make("div", { class: "error" }, make("h4", {}, this.words.unread), make("p", {}, this.night.note(place)));
  }

  drawDecision(place, record) {
    const { night, words } = this;
    const part = make("div", { class: "decision", role: "group", "aria-label": words.decide });
    const main = make("div", { class: "buttons" });
    const first = night.rank(place, 0);
    if (first) {
      const accept = this.button(fill(words.accept_class, { name: first.name }), "A", "accept");
      main.append(this.press(accept, record?.decision === "accept"));
    }
    const unsure = this.button(words.unsure, "U", "unsure");
    main.append(this.press(unsure, record?.decision === "unsure"), this.button(words.undo, "Z", "undo"));
    const classes = make("div", { class: "buttons classes", role: "group", "aria-label": words.or });
    night.classes.forEach((name, label) => {
      const button = this.button(name, KEYS[label] ?? "", "change", label);
      classes.append(this.press(button, record?.decision === "change" && record.label === name));
    });
    const remark = make("input", { type: "text", id: "remark", value: record?.remark || undefined });
    remark.addEventListener("change", () => this.act("remark", remark.value));
    part.append(make("h4", {}, words.decide), main, make("p", { class: "soft" }, words.or), classes,
      make("label", { class: "remark" }, words.remark, remark));
    return part;
  }

  press(button, isPressed) {
    button.setAttribute("aria-pressed", isPressed);
    return button;
  }

  button(text, key, action, value) {
    const button = make("button", { type: "button", "data-action": action }, make("bdi", {}, text));
    if (key) button.append(make("kbd", { "aria-hidden": "true" }, key));
    button.addEventListener("click", () => this.act(action, value));
    return button;
  }

  toggleEvidence() {
    if (!this.night.evidence(this.place)) return;
    this.withEvidence = !this.withEvidence;
    const figure = this.box.querySelector(".picture");
    figure.replaceWith(this.drawPicture(this.place));
  }

  enlarge() {
    const image = this.box.querySelector(".picture img");
    if (!image || this.dialog.open) return;
    const close = make("button", { type: "button" }, this.words.close);
    this.dialog.replaceChildren(image.cloneNode(), close);
    this.dialog.showModal();
  }
}
