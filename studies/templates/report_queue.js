// The night's images as columns, and which of them are shown in which order.

class Night {
  constructor(data, shown) {
    Object.assign(this, data);
    this.shown = shown;
    this.size = data.images.length;
    this.places = new Map(data.rows.map((row, place) => [row, place]));
    this.lower = null;
  }

  name(place) {
    return this.images[place];
  }

  // Of what hides a name the first digits are enough for the eye.
  title(place) {
    const name = this.name(place);
    return this.hidesNames && name.length > 20 ? name.replace(/^(.{16})[^#]*/s, "$1…") : name;
  }

  isRead(place) {
    return this.labels[place * this.top] >= 0;
  }

  // Give the class and the probability of a rank, from 0; nothing behind the last.
  rank(place, rank) {
    const label = this.labels[place * this.top + rank];
    if (label < 0) return undefined;
    const probability = this.probabilities[place * this.top + rank] / this.scale;
    return { label, name: this.classes[label], probability };
  }

  reasons(place) {
    return this.reviews[this.review[place]];
  }

  // Give what a reason is called, and the sentence that explains it; a stranger's has none.
  explain(reason) {
    return Object.hasOwn(this.words.reasons, reason) ? this.words.reasons[reason] : [reason, ""];
  }

  predictionSet(place) {
    return this.sets[this.set[place]].map(label => this.classes[label]);
  }

  note(place) {
    return this.messages[this.message[place]];
  }

  picture(place) {
    const found = this.shown.pictures[place];
    return found && `data:image/jpeg;base64,${found}`;
  }

  evidence(place) {
    const found = this.shown.evidence[place];
    return found && { name: found[0], source: `data:image/jpeg;base64,${found[1]}` };
  }

  // Give the places that fit all of the filters, in the order asked for.
  choose(filters, corrections) {
    const fits = this.filter(filters, corrections);
    const places = [];
    for (let place = 0; place < this.size; place++) if (fits(place)) places.push(place);
    return this.sort(places, filters.sort);
  }

  filter({ label, reason, status, text }, corrections) {
    const checks = [];
    if (label !== "") checks.push(place => this.labels[place * this.top] === Number(label));
    if (reason !== "") {
      const wanted = this.reviews.map(
        one => (reason === "any" ? one.length > 0 : reason === "none" ? !one.length : one.includes(reason)));
      checks.push(place => wanted[this.review[place]]);
    }
    if (status === "read" || status === "unread") {
      checks.push(place => this.isRead(place) === (status === "read"));
    } else if (status !== "") {
      checks.push(place => {
        const decision = corrections.get(this.rows[place])?.decision ?? "";
        if (status === "open") return !decision;
        return status === "decided" ? decision !== "" : decision === status;
      });
    }
    if (text) {
      this.lower ??= this.images.map(name => name.toLowerCase());
      const wanted = text.toLowerCase();
      checks.push(place => this.lower[place].includes(wanted));
    }
    return place => checks.every(check => check(place));
  }

  // They stand doubts first.
  sort(places, order) {
    const first = place => this.probabilities[place * this.top];
    const alert = place => this.alerts[place] ?? 1;
    const compare = {
      alert: (one, other) => alert(one) - alert(other),
      unsure: (one, other) => first(one) - first(other),
      sure: (one, other) => first(other) - first(one),
      name: (one, other) => (this.images[one] < this.images[other] ? -1 : 1),
      file: (one, other) => this.rows[one] - this.rows[other],
    }[order];
    return compare ? places.sort(compare) : places;
  }
}
