/** A line of the tree of a JSON value. */
export interface JsonRow {
  /** The path to it; names it among the rows. */
  id: string;
  depth: number;
  /** The name or number in what holds it; `null` for the whole. */
  name: string | null;
  kind: 'object' | 'array' | 'part' | 'string' | 'number' | 'boolean' | 'null';
  /** The value in words, or how much is in it. */
  text: string;
  /** Entries of an object, array or part of an array. */
  count: number;
  open: boolean;
}

/** An array with more entries is shown in parts. */
export const PART = 500;
const MOST_TEXT = 2000;

type Holder = { id: string; name: string | null; depth: number; value: unknown; from?: number; to?: number };

/** The rows of a value, with the entries of those that are open. `open` holds their ids. */
export function jsonRows(value: unknown, open: ReadonlySet<string>): JsonRow[] {
  const rows: JsonRow[] = [];
  // Without recursion: a value may be nested deeper than the stack is.
  const left: Holder[] = [{ id: '$', name: null, depth: 0, value }];
  for (let next = left.pop(); next; next = left.pop()) {
    const row = rowOf(next, open);
    rows.push(row);
    if (row.open) {
      const inner = entries(next);
      for (let at = inner.length - 1; at >= 0; at -= 1) left.push(inner[at] as Holder);
    }
  }
  return rows;
}

function rowOf({ id, name, depth, value, from, to }: Holder, open: ReadonlySet<string>): JsonRow {
  const base = { id, name, depth };
  if (from !== undefined && to !== undefined) {
    return { ...base, kind: 'part', text: '', count: to - from, open: open.has(id) };
  }
  if (Array.isArray(value))
    return { ...base, kind: 'array', text: '', count: value.length, open: open.has(id) && value.length > 0 };
  if (typeof value === 'object' && value !== null) {
    const count = Object.keys(value).length;
    return { ...base, kind: 'object', text: '', count, open: open.has(id) && count > 0 };
  }
  const closed = { ...base, count: 0, open: false };
  if (value === null) return { ...closed, kind: 'null', text: 'null' };
  if (typeof value === 'string') return { ...closed, kind: 'string', text: JSON.stringify(value.slice(0, MOST_TEXT)) };
  return { ...closed, kind: typeof value === 'boolean' ? 'boolean' : 'number', text: String(value) };
}

function entries({ id, depth, value, from, to }: Holder): Holder[] {
  if (Array.isArray(value)) {
    const start = from ?? 0;
    const end = to ?? value.length;
    if (from === undefined && value.length > PART) {
      return Array.from({ length: Math.ceil(value.length / PART) }, (_, part) => {
        const first = part * PART;
        const last = Math.min(value.length, first + PART);
        return {
          id: `${id}[${first}…]`,
          name: `${first} … ${last - 1}`,
          depth: depth + 1,
          value,
          from: first,
          to: last,
        };
      });
    }
    return value.slice(start, end).map((entry: unknown, index) => ({
      id: `${id}[${start + index}]`,
      name: String(start + index),
      depth: depth + 1,
      value: entry,
    }));
  }
  return Object.entries(value as Record<string, unknown>).map(([name, entry]) => ({
    id: `${id}.${JSON.stringify(name)}`,
    name,
    depth: depth + 1,
    value: entry,
  }));
}

/** Ids that are open at first: the whole, and what stands right in it if that is little. */
export function openAtFirst(value: unknown): Set<string> {
  const open = new Set(['$']);
  const rows = jsonRows(value, open);
  if (rows.length <= 40) {
    for (const { id, kind, count } of rows) if (kind !== 'part' && count > 0 && count <= 20) open.add(id);
  }
  return open;
}
