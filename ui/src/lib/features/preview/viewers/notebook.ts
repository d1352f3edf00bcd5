/** A cell of a notebook as it is shown. */
export interface Cell {
  kind: 'markdown' | 'code' | 'raw';
  source: string;
  /** `In [3]`; `null` where it was not run. */
  number: number | null;
  outputs: Output[];
}

export type Output =
  | { type: 'text'; text: string; error: boolean }
  | { type: 'image'; url: string }
  | { type: 'html'; html: string }
  | { type: 'markdown'; text: string }
  | { type: 'left'; mime: string };

export interface Notebook {
  language: string;
  cells: Cell[];
  /** There are more cells than are shown. */
  more: number;
  /** What is in them is cut: all of it would be too much. */
  cut: boolean;
}

const MOST_CELLS = 2000;
const MOST_OUTPUTS = 100;
const MOST_TEXT = 100_000;
const MOST_HTML = 200_000;
/** Characters of all that is written in the cells and their outputs, and of the pictures. */
const MOST_WRITTEN = 4_000_000;
const MOST_PICTURED = 24_000_000;
const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** What a text turned out to be; `null` is JSON that is no notebook, a problem says why it is not even that. */
export type ReadNotebook = { notebook: Notebook | null } | { problem: string };

export function parseNotebook(text: string): ReadNotebook {
  try {
    return { notebook: readNotebook(JSON.parse(text)) };
  } catch (thrown) {
    return { problem: (thrown as Error).message };
  }
}

/** Reads a notebook of format 4 (nbformat.readthedocs.io); `null` if it is none. */
export function readNotebook(value: unknown): Notebook | null {
  if (!isRecord(value) || !Array.isArray(value.cells)) return null;
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  const info = isRecord(metadata.language_info) ? metadata.language_info : {};
  const spec = isRecord(metadata.kernelspec) ? metadata.kernelspec : {};
  const room: Room = { written: MOST_WRITTEN, pictured: MOST_PICTURED, cut: false };
  const cells = value.cells
    .slice(0, MOST_CELLS)
    .filter(isRecord)
    .map((cell) => readCell(cell, room));
  return {
    language: String(info.name ?? spec.language ?? 'python'),
    cells,
    more: Math.max(0, value.cells.length - MOST_CELLS),
    cut: room.cut,
  };
}

/** How much more is taken of a notebook. */
interface Room {
  written: number;
  pictured: number;
  cut: boolean;
}

/** As much of a text as there is room for. */
function fit(text: string, most: number, room: Room): string {
  const length = Math.min(text.length, most, room.written);
  room.written -= length;
  if (length === text.length) return text;
  room.cut = true;
  return `${text.slice(0, length)}…`;
}

function readCell(cell: Record<string, unknown>, room: Room): Cell {
  const kind = cell.cell_type === 'markdown' || cell.cell_type === 'raw' ? cell.cell_type : 'code';
  return {
    kind,
    source: fit(joined(cell.source), MOST_TEXT, room),
    number: typeof cell.execution_count === 'number' ? cell.execution_count : null,
    outputs: outputsOf(cell, room),
  };
}

function outputsOf({ outputs }: Record<string, unknown>, room: Room): Output[] {
  if (!Array.isArray(outputs)) return [];
  if (outputs.length > MOST_OUTPUTS) room.cut = true;
  return outputs
    .slice(0, MOST_OUTPUTS)
    .filter(isRecord)
    .flatMap((output) => readOutput(output, room));
}

function readOutput(output: Record<string, unknown>, room: Room): Output[] {
  const text = (words: string, error: boolean): Output => ({
    type: 'text',
    text: fit(plain(words), MOST_TEXT, room),
    error,
  });
  if (output.output_type === 'stream') return [text(joined(output.text), output.name === 'stderr')];
  if (output.output_type === 'error') {
    return [text(joined(output.traceback, '\n') || `${String(output.ename)}: ${String(output.evalue)}`, true)];
  }
  const data = isRecord(output.data) ? output.data : {};
  const image = IMAGES.find((mime) => mime in data);
  if (image) return picture(`data:${image};base64,`, joined(data[image]).replace(/\s/g, ''), image, room);
  // As a picture nothing in it can run or fetch.
  const svg = 'image/svg+xml';
  if (svg in data) {
    const drawing = joined(data[svg]);
    if (drawing.length <= MOST_DRAWING) return picture(`data:${svg},`, encodeURIComponent(drawing), svg, room);
    return [{ type: 'left', mime: svg }];
  }
  if ('text/html' in data) return [{ type: 'html', html: fit(joined(data['text/html']), MOST_HTML, room) }];
  if ('text/markdown' in data) {
    return [{ type: 'markdown', text: fit(joined(data['text/markdown']), MOST_TEXT, room) }];
  }
  if ('text/plain' in data) return [text(joined(data['text/plain']), false)];
  const [mime] = Object.keys(data);
  return mime === undefined ? [] : [{ type: 'left', mime }];
}

/** A drawing that is larger may take long to be drawn. */
const MOST_DRAWING = 1_000_000;

function picture(head: string, body: string, mime: string, room: Room): Output[] {
  if (body.length > room.pictured) {
    room.cut = true;
    return [{ type: 'left', mime }];
  }
  room.pictured -= body.length;
  return [{ type: 'image', url: head + body }];
}

/** Text stands in one string or in several lines. */
function joined(value: unknown, between = ''): string {
  if (Array.isArray(value)) return value.filter((part) => typeof part === 'string').join(between);
  return typeof value === 'string' ? value : '';
}

/** Without the colours of a terminal. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.slice(0, 2 * MOST_TEXT).replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
