/** Rows are asked for by pages of this many. */
export const PAGE_ROWS = 200;
/** So many pages are kept; those that were not looked at for longest go first. */
const MOST_PAGES = 60;

/** The pages of rows that are at hand. It is replaced when a page comes. */
export class RowPages {
  constructor(private readonly pages: ReadonlyMap<number, readonly string[][]> = new Map()) {}

  row(index: number): readonly string[] | undefined {
    return this.pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
  }

  has(page: number): boolean {
    return this.pages.has(page);
  }

  /** With the rows of a page. `near` is the page that is looked at: the farthest from it go. */
  with(page: number, rows: readonly string[][], near: number): RowPages {
    const next = new Map(this.pages).set(page, rows);
    while (next.size > MOST_PAGES) {
      const farthest = [...next.keys()].reduce((far, one) => (Math.abs(one - near) > Math.abs(far - near) ? one : far));
      next.delete(farthest);
    }
    return new RowPages(next);
  }

  /** Without pages that were not full: the table has grown past them. */
  withoutShort(): RowPages {
    return new RowPages(new Map([...this.pages].filter(([, rows]) => rows.length === PAGE_ROWS)));
  }
}

/** Browsers draw nothing taller than about 16 million pixels; a longer table is scrolled in larger steps. */
const MOST_HEIGHT = 8_000_000;

/** So many rows below the edge are ready. */
const SPARE = 10;

export interface Window {
  /** The first row in view and how many fit. */
  first: number;
  count: number;
  /** How far the first row is moved up, in CSS pixels. */
  shift: number;
}

/** What of `rows` rows is in view. `top` and `room` are of the scrolling element, in CSS pixels. */
export function rowsInView(rows: number, rowHeight: number, top: number, room: number): Window {
  const count = Math.ceil(room / rowHeight) + 1 + SPARE;
  const whole = rows * rowHeight;
  const height = tallness(rows, rowHeight);
  const most = Math.max(0, whole - room);
  const offset = height >= whole ? Math.min(top, most) : Math.min(1, top / Math.max(1, height - room)) * most;
  const first = Math.max(0, Math.floor(offset / rowHeight));
  return { first, count: Math.min(count, Math.max(0, rows - first)), shift: offset - first * rowHeight };
}

/** The height of what is scrolled. */
export function tallness(rows: number, rowHeight: number): number {
  return Math.min(rows * rowHeight, MOST_HEIGHT);
}

/** Where to scroll so that a row is the first in view. */
export function topOf(row: number, rows: number, rowHeight: number, room: number): number {
  const whole = rows * rowHeight;
  const height = tallness(rows, rowHeight);
  if (height >= whole) return row * rowHeight;
  return ((row * rowHeight) / Math.max(1, whole - room)) * (height - room);
}

/** About how many digits wide a text is; East Asian characters take two. */
function digits(text: string): number {
  let sum = 0;
  for (const letter of text) sum += (letter.codePointAt(0) ?? 0) >= 0x2e80 ? 2 : 1;
  return sum;
}

/** How many cells the longest of these rows has. */
export function widest(rows: readonly (readonly string[])[]): number {
  return rows.reduce((most, row) => Math.max(most, row.length), 0);
}

/** The names of so many columns; those that have none are lettered as in a spreadsheet. */
export function columnNames(names: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, column) => names[column] ?? letters(column));
}

function letters(column: number): string {
  const rest = Math.floor(column / 26) - 1;
  return (rest >= 0 ? letters(rest) : '') + String.fromCharCode(65 + (column % 26));
}

/** Widths in digits: of the padding of a cell, and of the narrowest and the widest column at first. */
const PADDING = 3;
const NARROWEST = 7;
const WIDEST = 44;

/** How wide columns are at first, in digits, by their names and their first cells. */
export function columnWidths(names: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return names.map((name, column) => {
    const longest = rows.reduce((most, row) => Math.max(most, digits(row[column] ?? '')), digits(name) * 1.1);
    return Math.min(WIDEST, Math.max(NARROWEST, Math.ceil(longest) + PADDING));
  });
}

/** Whether a column reads as numbers. */
export function isNumeric(cells: readonly string[]): boolean {
  const given = cells.filter((cell) => cell !== '');
  return given.length > 0 && given.every((cell) => /^[-+−]?[\d.,\s%€$£¥]+$/.test(cell));
}

/** Cells as text that a spreadsheet takes: tabs between them, lines between rows. */
export function asTabs(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => (/[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => row.map(cell).join('\t')).join('\n');
}
