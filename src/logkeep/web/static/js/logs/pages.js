// The lines of an account, page by page, in both directions from where the address says.
import { json } from "../http.js";
import { CUT, rowsOfPage } from "./rows.js";

const PAGE = 500;
const OTHER = { newest: "oldest", oldest: "newest" };

export class Pages {
  constructor(boot) {
    this._boot = boot;
    this._scope = { account: boot.account, query: boot.query, from: boot.from, to: boot.to };
    this._ends = { start: null, end: null }; // the cursor to go on with, in that direction; null: there is no more
  }

  // The first rows, and how many of them stand before the time that was jumped to.
  async first() {
    const { order, after, before, at } = this._boot;
    if (at) return this._around(new Date(at).toISOString());
    if (before) {
      const page = await this._ask(OTHER[order], before);
      this._ends = { start: page.cursor, end: before };
      const rows = this._rows(page).reverse();
      this._ends.end = rows.at(-1)?.cursor ?? before;
      return { rows, split: null };
    }
    const page = await this._ask(order, after);
    const rows = this._rows(page);
    this._ends = { start: after ? rows[0]?.cursor ?? after : null, end: page.cursor };
    return { rows, split: null };
  }

  more(side) {
    return this._ends[side] !== null;
  }

  // The next rows at the list's "start" or "end", from top to bottom.
  async next(side) {
    const order = side === "end" ? this._boot.order : OTHER[this._boot.order];
    const page = await this._ask(order, this._ends[side]);
    this._ends[side] = page.cursor;
    const rows = this._rows(page);
    return side === "end" ? rows : rows.reverse();
  }

  // Rows were taken away at this side: from here on they can be had again.
  cutAt(side, row) {
    if (row?.cursor) this._ends[side] = row.cursor;
  }

  async _around(at) {
    const [older, newer] = await Promise.all([
      this._ask("newest", "", { to: at }),
      this._ask("oldest", "", { from: at }),
    ]);
    const [above, below] = this._boot.order === "newest" ? [newer, older] : [older, newer];
    this._ends = { start: above.cursor, end: below.cursor };
    const before = this._rows(above).reverse();
    return { rows: [...before, ...this._rows(below)], split: before.length };
  }

  _rows(page) {
    return rowsOfPage(page, this._boot.account);
  }

  _ask(order, cursor, changes = {}) {
    const params = {
      ...this._scope, order, cursor, limit: PAGE, cut: CUT, marks: "true", cursors: "true", ...changes,
    };
    return json("/v1/search", { params });
  }
}
