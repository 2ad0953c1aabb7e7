// A list of up to tens of thousands of rows, of which only those near the window are elements.
//
// Rows have heights of their own (wrapped, opened): what was never shown is taken to be as high as most. Space
// above and below stands for what is not there. Whatever changes, the line under the reader's eyes stays where
// it is.

const MARGIN = 400; // pixels above and below the window that are made ahead

export class List {
  // `build(row, index)` makes a row's element; `near("start" | "end")` is called when few rows are left there.
  constructor(root, { build, near = () => {}, rows = [] }) {
    this.root = root;
    this.rows = rows;
    this.current = -1;
    this._build = build;
    this._near = near;
    this._elements = new Map();
    this._above = space();
    this._below = space();
    this._offsets = new Float64Array(1);
    this._width = 0;
    this._asked = false;
    this._usual = root.querySelector(".line")?.getBoundingClientRect().height ?? 20;
    this._place();
    this._space(0, 0); // before the rows of the server go, so that the page does not shrink meanwhile
    root.replaceChildren(this._above, this._below);
    this._onScroll = () => this.ask();
    addEventListener("scroll", this._onScroll, { passive: true });
    this._watch = new ResizeObserver(() => this._resized());
    this._watch.observe(root);
    this.render();
  }

  // Rows at the end; at the start. What stands in the window stays there, unless `follow` is set.
  append(rows) {
    for (const row of rows) this.rows.push(row);
    this._changed();
  }

  prepend(rows, { follow = false } = {}) {
    this.rows = [...rows, ...this.rows];
    if (this.current >= 0) this.current += rows.length;
    this._changed({ follow });
  }

  // Leaves no more than `most` rows, and takes away those at the start or at the end. Returns how many.
  trim(most, from) {
    const extra = this.rows.length - most;
    if (extra <= 0) return 0;
    this.rows.splice(from === "start" ? 0 : most, extra);
    if (from === "start") this.current = Math.max(-1, this.current - extra);
    else if (this.current >= most) this.current = -1;
    this._changed();
    return extra;
  }

  clear() {
    this.rows = [];
    this.current = -1;
    this._changed({ follow: true });
  }

  // A row's content changed: it is made anew.
  refresh(row) {
    const element = this._elements.get(row);
    if (!element) return;
    const focused = element.contains(document.activeElement);
    const made = this._make(row);
    element.replaceWith(made);
    if (focused) made.focus({ preventScroll: true });
    this._changed();
  }

  // All rows may have other heights: they are wrapped now, or no longer.
  remeasure() {
    for (const row of this.rows) row.height = 0;
    this._changed();
  }

  // Goes to a row: marks it, shows it, and puts the focus there.
  select(index) {
    if (!this.rows.length) return;
    const before = this.rows[this.current];
    this.current = this._line(index);
    const row = this.rows[this.current];
    if (!this._elements.has(row)) this.show(this.current);
    for (const each of [before, row]) this._dress(each);
    const element = this._elements.get(row);
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  // Scrolls to where a row is seen.
  show(index) {
    scrollTo(0, this._top() + this._offsets[index] - innerHeight / 3);
    this.render();
  }

  indexOf(element) {
    for (const [row, made] of this._elements) if (made === element) return this.rows.indexOf(row);
    return -1;
  }

  // Soon, once for all that asks until then.
  ask() {
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame(() => this.render());
  }

  render() {
    this._asked = false;
    const anchor = this._anchor;
    this._anchor = undefined;
    const kept = anchor === undefined ? this._inWindow() : anchor;
    const [first, last] = this._shown();
    this._sync(first, last);
    if (this._measure(first, last)) this._space(first, last);
    this._hold(kept);
    if (this.rows.length && first < 50) this._near("start");
    if (this.rows.length - last < 50) this._near("end");
  }

  close() {
    removeEventListener("scroll", this._onScroll);
    this._watch.disconnect();
    this._elements.clear();
    this.root.replaceChildren();
  }

  // The row at an index that is a line, or the nearest beyond it, seen from the current one.
  _line(index) {
    const last = this.rows.length - 1;
    const step = index < this.current ? -1 : 1;
    let at = Math.max(0, Math.min(index, last));
    while (this.rows[at].note && this.rows[at + step]) at += step;
    return at;
  }

  _changed({ follow = false } = {}) {
    const kept = follow ? null : this._inWindow();
    this._place();
    this._follow(kept);
    this._anchor = kept;
    this.render();
  }

  // Scrolls by what came, or went, before a row.
  _follow(kept) {
    const index = kept ? this.rows.indexOf(kept.row) : -1;
    if (index < 0) return;
    const moved = this._offsets[index] - kept.offset;
    if (Math.abs(moved) < 0.5) return;
    this._below.style.height = `${this._offsets[this.rows.length]}px`; // so that there is room to scroll
    scrollBy(0, moved);
  }

  _resized() {
    const width = this.root.clientWidth;
    if (width === this._width) return;
    const first = this._width === 0;
    this._width = width;
    if (!first) this.remeasure();
  }

  _top() {
    return this.root.getBoundingClientRect().top + scrollY;
  }

  _place(from = 0) {
    const { rows } = this;
    if (this._offsets.length < rows.length + 1) {
      const larger = new Float64Array(Math.ceil((rows.length + 1) * 1.5));
      larger.set(this._offsets.subarray(0, Math.min(from + 1, this._offsets.length)));
      this._offsets = larger;
    }
    let at = from ? this._offsets[from] : 0;
    for (let n = from; n < rows.length; n += 1) {
      this._offsets[n] = at;
      at += rows[n].height || this._usual;
    }
    this._offsets[rows.length] = at;
  }

  // The rows from `first` up to `last` that are in the window, or nearly.
  _shown() {
    const top = this.root.getBoundingClientRect().top;
    const first = this._indexAt(-top - MARGIN);
    const last = Math.min(this.rows.length, this._indexAt(innerHeight - top + MARGIN) + 1);
    return [Math.min(first, last), last];
  }

  _indexAt(offset) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this._offsets[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return Math.min(low, Math.max(0, this.rows.length - 1));
  }

  _sync(first, last) {
    const wanted = new Set(this.rows.slice(first, last));
    for (const [row, element] of this._elements) {
      if (wanted.has(row)) continue;
      if (element.contains(document.activeElement)) this.root.focus({ preventScroll: true });
      element.remove();
      this._elements.delete(row);
    }
    let next = this._above.nextSibling;
    for (const [n, row] of [...wanted].entries()) {
      const element = this._elements.get(row) ?? this._make(row);
      element.setAttribute("aria-posinset", first + n + 1);
      element.setAttribute("aria-setsize", this.rows.length);
      if (element === next) next = next.nextSibling;
      else this.root.insertBefore(element, next);
    }
    this._space(first, last);
  }

  _make(row) {
    const element = this._build(row);
    this._elements.set(row, element);
    this._dress(row);
    return element;
  }

  _dress(row) {
    const element = this._elements.get(row);
    if (!element || row.note) return;
    const current = row === this.rows[this.current];
    element.tabIndex = current ? 0 : -1;
    if (current) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
  }

  _space(first, last) {
    this._above.style.height = `${this._offsets[first]}px`;
    this._below.style.height = `${this._offsets[this.rows.length] - this._offsets[last]}px`;
  }

  // Takes the heights of what is shown. Returns whether any is another than it was taken for.
  _measure(first, last) {
    let from = -1;
    for (let n = first; n < last; n += 1) {
      const row = this.rows[n];
      const height = this._elements.get(row).getBoundingClientRect().height;
      if (Math.abs(height - (row.height || this._usual)) > 0.1 && from < 0) from = n;
      row.height = height;
    }
    if (from < 0) return false;
    const heights = this.rows.slice(first, last).filter((row) => !row.open).map((row) => row.height).sort((a, b) => a - b);
    const usual = heights[heights.length >> 1] || this._usual;
    if (Math.abs(usual - this._usual) > 0.5) {
      this._usual = usual;
      from = 0;
    }
    this._place(from);
    return true;
  }

  // The first row that can be seen, and where: in the window, and in the list.
  _inWindow() {
    const list = this.root.getBoundingClientRect().top;
    const bar = document.querySelector(".logs-bar")?.getBoundingClientRect().bottom ?? 0;
    let first = null;
    for (const [row, element] of this._elements) {
      const { top, bottom } = element.getBoundingClientRect();
      if (bottom > bar && top < innerHeight && (!first || top < first.top)) first = { row, top, offset: top - list };
    }
    return first;
  }

  _hold(kept) {
    const element = kept && this._elements.get(kept.row);
    if (!element) return;
    const moved = element.getBoundingClientRect().top - kept.top;
    if (Math.abs(moved) > 0.5) scrollBy(0, moved);
  }
}

function space() {
  const made = document.createElement("li");
  made.className = "space";
  made.setAttribute("aria-hidden", "true");
  return made;
}
