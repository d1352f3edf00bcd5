/** A number as it is written: 1.10 is not 1.1, and many digits are more than a number of this language holds. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

/** What stands in an object, in its order, double names included. */
export class JsonObject {
  readonly entries: [name: string, value: unknown][] = [];
}

/** A JSON text with nothing of it lost: objects as `JsonObject`, numbers as `JsonNumber`. Throws if it is none. */
export function parseJson(text: string): unknown {
  JSON.parse(text);
  // What follows is right, so that only its pieces are told apart. Without recursion, as it may be nested deeply.
  let whole: unknown;
  let name: string | null = null;
  const holders: (unknown[] | JsonObject)[] = [];
  const put = (value: unknown): void => {
    const holder = holders.at(-1);
    if (holder instanceof JsonObject) holder.entries.push([name ?? '', value]);
    else if (holder) holder.push(value);
    else whole = value;
    name = null;
  };
  const word = /[^\s,:[\]{}"]+/y;
  for (let at = 0; at < text.length;) {
    const mark = text[at] as string;
    if (mark === '{' || mark === '[') {
      const holder = mark === '{' ? new JsonObject() : [];
      put(holder);
      holders.push(holder);
    } else if (mark === '}' || mark === ']') holders.pop();
    else if (mark === '"') {
      const end = endOfString(text, at);
      const words = JSON.parse(text.slice(at, end)) as string;
      if (holders.at(-1) instanceof JsonObject && name === null) name = words;
      else put(words);
      at = end;
      continue;
    } else {
      word.lastIndex = at;
      const found = word.exec(text)?.[0];
      if (found) {
        put(found === 'null' ? null : found === 'true' || found === 'false' ? found === 'true' : new JsonNumber(found));
        at += found.length;
        continue;
      }
    }
    at += 1;
  }
  return whole;
}

function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
}

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

/** The rows of what `parseJson` gave, with the entries of those that are open. `open` holds their ids. */
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
  if (value instanceof JsonObject) {
    const count = value.entries.length;
    return { ...base, kind: 'object', text: '', count, open: open.has(id) && count > 0 };
  }
  const closed = { ...base, count: 0, open: false };
  if (value === null) return { ...closed, kind: 'null', text: 'null' };
  if (typeof value === 'string') return { ...closed, kind: 'string', text: JSON.stringify(value.slice(0, MOST_TEXT)) };
  if (value instanceof JsonNumber) return { ...closed, kind: 'number', text: value.text.slice(0, MOST_TEXT) };
  return { ...closed, kind: 'boolean', text: String(value) };
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
  // A name that stands there again is a row of its own.
  const times = new Map<string, number>();
  return (value as JsonObject).entries.map(([name, entry]) => {
    const before = times.get(name) ?? 0;
    times.set(name, before + 1);
    return {
      id: `${id}.${JSON.stringify(name)}${before > 0 ? `#${before}` : ''}`,
      name,
      depth: depth + 1,
      value: entry,
    };
  });
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
