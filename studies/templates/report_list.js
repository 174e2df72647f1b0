// A list of any length: only the rows in sight are there.

const ROW_PIXELS = 76;
const MARGIN_ROWS = 6;

class List {
  constructor(label, draw, choose) {
    this.draw = draw;
    this.choose = choose;
    this.places = [];
    this.active = -1;
    this.nodes = new Map();
    this.box = make("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": label });
    this.height = make("div", { class: "height", role: "none" });
    this.box.append(this.height);
    this.box.addEventListener("scroll", () => this.refresh(), { passive: true });
    new ResizeObserver(() => this.refresh()).observe(this.box);
    this.box.addEventListener("click", event => {
      const node = event.target.closest("[role=option]");
      if (node) this.choose(Number(node.dataset.index));
    });
  }

  // Show other places; the active one is then at an index, or none is.
  show(places, active) {
    this.places = places;
    this.active = active;
    this.height.style.height = `${places.length * ROW_PIXELS}px`;
    this.redraw();
    this.reveal();
  }

  activate(index) {
    this.active = index;
    this.reveal();
    this.redraw();
  }

  get rowsInSight() {
    return Math.max(1, Math.floor(this.box.clientHeight / ROW_PIXELS));
  }

  reveal() {
    const top = this.active * ROW_PIXELS;
    const bottom = top + ROW_PIXELS - this.box.clientHeight;
    if (this.active < 0) this.box.scrollTop = 0;
    else if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (bottom > this.box.scrollTop) this.box.scrollTop = bottom;
  }

  redraw() {
    this.height.replaceChildren();
    this.nodes.clear();
    this.refresh();
  }

  // Draw what has come into sight, and drop what has left it.
  refresh() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_PIXELS) - MARGIN_ROWS);
    const end = Math.min(this.places.length, first + this.rowsInSight + 2 * MARGIN_ROWS + 2);
    for (const [index, node] of this.nodes) {
      if (index >= first && index < end) continue;
      node.remove();
      this.nodes.delete(index);
    }
    for (let index = first; index < end; index++) {
      if (!this.nodes.has(index)) this.add(index);
    }
    const node = this.nodes.get(this.active);
    if (node) this.box.setAttribute("aria-activedescendant", node.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  add(index) {
    const node = make("div", {
      class: "row", role: "option", id: `row-${index}`, "data-index": index,
      "aria-selected": index === this.active, "aria-posinset": index + 1,
      "aria-setsize": this.places.length,
    });
    node.style.top = `${index * ROW_PIXELS}px`;
    this.draw(node, this.places[index]);
    this.nodes.set(index, node);
    const next = this.nodes.get(index + 1); // readers go by the document's order
    if (next) next.before(node);
    else this.height.append(node);
  }
}

// Make an element; text is set as text, and never as markup.
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false || name.startsWith("aria-")) node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== undefined && child !== ""));
  return node;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What is rounded to all or nothing is said to be less than that.
function percent(share) {
  if (share >= 0.9995) return "> 99.9 %";
  if (share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}
