"use strict";
// What was decided: kept in the browser, row by row, and written as corrections.csv.

const CORRECTIONS = ["image", "predicted", "label", "decision", "by", "at", "remark"];
const NUMBER = /^[+-]?([0-9]+([.,][0-9]+)*|[.,][0-9]+)([eE][+-]?[0-9]+)?$/;

// The store may be missing, full or forbidden: then it keeps nothing, and says so once.
class Corrections {
  constructor(digest, store, audit) {
    this.audit = audit && { rows: new Set(audit.rows), mark: audit.mark };
    this.prefix = `trifuse ${digest} `;
    this.store = store;
    this.records = new Map(); // by row of the file
    this.history = [];
    this.keeps = true;
    this.unsaved = 0;
    this.load();
  }

  load() {
    try {
      for (let index = 0; index < this.store.length; index++) {
        const key = this.store.key(index);
        if (key.startsWith(this.prefix)) this.read(key);
      }
    } catch {
      this.keeps = false;
    }
    const decided = [...this.records].filter(([, record]) => record.decision);
    decided.sort((one, other) => (one[1].at < other[1].at ? -1 : 1));
    this.history = decided.map(([row]) => ({ row, before: undefined }));
  }

  // Other pages may write here: what is no record is passed over.
  read(key) {
    try {
      const record = JSON.parse(this.store.getItem(key));
      const isRecord = record && CORRECTIONS.every(
        name => ["string", "undefined"].includes(typeof record[name]));
      if (isRecord) this.records.set(Number(key.slice(this.prefix.length)), record);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  get(row) {
    return this.records.get(row);
  }

  get count() {
    let n = 0;
    for (const record of this.records.values()) if (record.decision) n++;
    return n;
  }

  // The decision is an object with the columns of corrections.csv but for the remark.
  decide(row, decision) {
    const before = this.records.get(row);
    this.history.push({ row, before });
    this.put(row, { ...decision, remark: before?.remark ?? "" });
  }

  remark(row, remark) {
    const before = this.records.get(row) ?? { decision: "" };
    this.put(row, remark || before.decision ? { ...before, remark } : undefined);
  }

  // Give the row of the last decision, which is as it was before; nothing where there is none.
  undo() {
    const last = this.history.pop();
    if (!last) return undefined;
    const remark = this.records.get(last.row)?.remark;
    const before = last.before ?? (remark ? { decision: "", remark } : undefined);
    this.put(last.row, before);
    return last.row;
  }

  put(row, record) {
    if (record) this.records.set(row, record);
    else this.records.delete(row);
    this.unsaved++;
    try {
      const key = this.prefix + row;
      if (record) this.store.setItem(key, JSON.stringify(record));
      else this.store.removeItem(key);
    } catch {
      this.keeps = false;
    }
  }

  // Give corrections.csv, in the order of the file.
  write() {
    const decided = [...this.records].filter(([, record]) => record.decision);
    decided.sort((one, other) => one[0] - other[0]);
    const lines = [[...CORRECTIONS], ...decided.map(([, record]) => CORRECTIONS.map(name => record[name] ?? ""))];
    if (this.audit) {
      lines[0].push("audit");
      decided.forEach(([row], place) => lines[place + 1].push(this.audit.rows.has(row) ? this.audit.mark : ""));
    }
    return encodeText(lines.map(line => line.map(writeCell).join(",") + "\n").join(""));
  }
}

// A text that a spreadsheet would run gets an apostrophe, as in every CSV file of trifuse.
function writeCell(text) {
  const safe = !NUMBER.test(text) && /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// UTF-8; half a surrogate pair stands for a byte of a name that is none, and becomes it again.
function encodeText(text) {
  const encoder = new TextEncoder();
  const parts = text.split(/([\ud800-\udfff])/u).map(part => {
    const code = part.length === 1 ? part.charCodeAt(0) : 0;
    if (code >= 0xdc80 && code <= 0xdcff) return Uint8Array.of(code - 0xdc00);
    if (code < 0xd800 || code > 0xdfff) return encoder.encode(part);
    return Uint8Array.of(0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
  });
  return new Blob(parts, { type: "text/csv" });
}
