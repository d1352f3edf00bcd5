/** Row and column, from 0. */
export interface Cell {
  row: number;
  column: number;
}

/** What there is to walk over. */
export interface Extent {
  /** The row to begin with. */
  first: number;
  rows: number;
  columns: number;
  /** Rows of a page. */
  page: number;
}

/** A block of cells of a table, from where it was begun to where it was drawn. */
export class TableSelection {
  #span = $state.raw<{ from: Cell; to: Cell } | null>(null);

  readonly box = $derived.by(() => {
    if (!this.#span) return null;
    const { from, to } = this.#span;
    return {
      top: Math.min(from.row, to.row),
      bottom: Math.max(from.row, to.row),
      left: Math.min(from.column, to.column),
      right: Math.max(from.column, to.column),
    };
  });

  has(row: number, column: number): boolean {
    const { box } = this;
    return box !== null && row >= box.top && row <= box.bottom && column >= box.left && column <= box.right;
  }

  clear(): void {
    this.#span = null;
  }

  pick(event: { button: number; shiftKey: boolean }, to: Cell): void {
    if (event.button === 0) this.#to(to, event.shiftKey);
  }

  stretch(event: { buttons: number }, to: Cell): void {
    if (event.buttons === 1 && this.#span) this.#to(to, true);
  }

  /** Moves by a key; the answer is the cell it came to, or nothing if the key means nothing here. */
  key(event: KeyboardEvent, { first, rows, columns, page }: Extent): Cell | null {
    const moves: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      PageUp: [-page, 0],
      PageDown: [page, 0],
      Home: event.ctrlKey || event.metaKey ? [-Infinity, 0] : [0, -Infinity],
      End: event.ctrlKey || event.metaKey ? [Infinity, 0] : [0, Infinity],
    };
    const move = moves[event.key];
    if (!move || rows === 0 || columns === 0) return null;
    const at = this.#span?.to ?? { row: first, column: 0 };
    const clamp = (value: number, most: number) => Math.min(most, Math.max(0, value));
    const to = { row: clamp(at.row + move[0], rows - 1), column: clamp(at.column + move[1], columns - 1) };
    this.#to(to, event.shiftKey);
    return to;
  }

  #to(to: Cell, longer: boolean): void {
    this.#span = longer && this.#span ? { from: this.#span.from, to } : { from: to, to };
  }
}
