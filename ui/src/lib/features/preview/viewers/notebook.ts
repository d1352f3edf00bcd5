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
}

const MOST_CELLS = 2000;
const MOST_TEXT = 100_000;
const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** Reads a notebook of format 4 (nbformat.readthedocs.io); `null` if it is none. */
export function readNotebook(value: unknown): Notebook | null {
  if (!isRecord(value) || !Array.isArray(value.cells)) return null;
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  const info = isRecord(metadata.language_info) ? metadata.language_info : {};
  const spec = isRecord(metadata.kernelspec) ? metadata.kernelspec : {};
  return {
    language: String(info.name ?? spec.language ?? 'python'),
    cells: value.cells.slice(0, MOST_CELLS).filter(isRecord).map(readCell),
    more: Math.max(0, value.cells.length - MOST_CELLS),
  };
}

function readCell(cell: Record<string, unknown>): Cell {
  const kind = cell.cell_type === 'markdown' || cell.cell_type === 'raw' ? cell.cell_type : 'code';
  return {
    kind,
    source: joined(cell.source),
    number: typeof cell.execution_count === 'number' ? cell.execution_count : null,
    outputs: Array.isArray(cell.outputs) ? cell.outputs.filter(isRecord).flatMap(readOutput) : [],
  };
}

function readOutput(output: Record<string, unknown>): Output[] {
  if (output.output_type === 'stream') {
    return [{ type: 'text', text: plain(joined(output.text)), error: output.name === 'stderr' }];
  }
  if (output.output_type === 'error') {
    const trace = joined(output.traceback, '\n') || `${String(output.ename)}: ${String(output.evalue)}`;
    return [{ type: 'text', text: plain(trace), error: true }];
  }
  const data = isRecord(output.data) ? output.data : {};
  const image = IMAGES.find((mime) => mime in data);
  if (image) return [{ type: 'image', url: `data:${image};base64,${joined(data[image]).replace(/\s/g, '')}` }];
  // As a picture nothing in it can run or fetch.
  if ('image/svg+xml' in data) {
    return [{ type: 'image', url: `data:image/svg+xml,${encodeURIComponent(joined(data['image/svg+xml']))}` }];
  }
  if ('text/html' in data) return [{ type: 'html', html: joined(data['text/html']).slice(0, 10 * MOST_TEXT) }];
  if ('text/markdown' in data) return [{ type: 'markdown', text: joined(data['text/markdown']) }];
  if ('text/plain' in data) return [{ type: 'text', text: plain(joined(data['text/plain'])), error: false }];
  const [mime] = Object.keys(data);
  return mime === undefined ? [] : [{ type: 'left', mime }];
}

/** Text stands in one string or in several lines. */
function joined(value: unknown, between = ''): string {
  if (Array.isArray(value)) return value.filter((part) => typeof part === 'string').join(between);
  return typeof value === 'string' ? value : '';
}

/** Without the colours of a terminal, and not endless. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  const clean = text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
  return clean.length > MOST_TEXT ? `${clean.slice(0, MOST_TEXT)}…` : clean;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
