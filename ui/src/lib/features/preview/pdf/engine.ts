import * as pdfjs from 'pdfjs-dist/legacy/build/pdf.mjs';
import PdfWorker from 'pdfjs-dist/legacy/build/pdf.worker.min.mjs?worker';
import type { PDFDocumentLoadingTask, PDFPageProxy } from 'pdfjs-dist';
import { fetchBlob, fetchPart } from '../fetchBytes';
import type { PageText } from './find';

export type { PDFDocumentProxy } from 'pdfjs-dist';
export const { TextLayer } = pdfjs;

/** Above this size only those parts of a file are read that are shown. */
const MOST_AT_ONCE = 8 * 1024 * 1024;
const CHUNK = 512 * 1024;
/** Larger pictures on a page are left out instead of filling the memory. */
const MOST_PIXELS = 60_000_000;

/** Parts of a file, read as they are needed. */
class PartTransport extends pdfjs.PDFDataRangeTransport {
  readonly #ending = new AbortController();

  constructor(
    private readonly url: string,
    size: number,
    private readonly failed: () => void,
  ) {
    super(size, null);
  }

  override requestDataRange(begin: number, end: number): void {
    fetchPart(this.url, begin, end, this.#ending.signal)
      .then((part) => part.arrayBuffer())
      .then((bytes) => this.onDataRange(begin, new Uint8Array(bytes)))
      .catch(() => {
        if (!this.#ending.signal.aborted) this.failed();
      });
  }

  override abort(): void {
    this.#ending.abort();
  }
}

/**
 * Opens a PDF in a worker of its own. Nothing in it is run: neither scripts nor forms. `onlost` hears when a part of it
 * cannot be read any more, which ends the task.
 */
export async function openPdf(
  url: string,
  size: number,
  signal: AbortSignal,
  onlost: () => void,
): Promise<PDFDocumentLoadingTask> {
  const base = (name: string) => new URL(`pdf/${name}/`, document.baseURI).href;
  const given: Record<string, unknown> = {};
  let failed: () => void = () => undefined;
  if (size > MOST_AT_ONCE) given.range = new PartTransport(url, size, () => failed());
  else given.data = new Uint8Array(await (await fetchBlob(url, { size, signal })).arrayBuffer());
  signal.throwIfAborted();
  const worker = new pdfjs.PDFWorker({ port: new PdfWorker() as unknown as null });
  const task = pdfjs.getDocument({
    ...given,
    worker,
    rangeChunkSize: CHUNK,
    disableAutoFetch: true,
    disableStream: true,
    isEvalSupported: false,
    enableXfa: false,
    useWorkerFetch: false,
    useWasm: false,
    cMapUrl: base('cmaps'),
    standardFontDataUrl: base('fonts'),
    wasmUrl: base('decoders'),
    maxImageSize: MOST_PIXELS,
    verbosity: 0,
  });
  // A part that cannot be read would be waited for without an end.
  failed = () => {
    onlost();
    void task.destroy();
  };
  const end = task.destroy.bind(task);
  task.destroy = async () => {
    await end();
    worker.destroy();
    worker.port?.terminate?.();
  };
  return task;
}

/** More text of one page is not looked through. */
const MOST_TEXT = 200_000;

/** The text of a page, as the elements that lie over it hold it, one after the other. */
export async function textOf(page: PDFPageProxy): Promise<PageText> {
  // Not by `getTextContent`, which walks the stream in a way that not every engine knows.
  const content = page.streamTextContent() as ReadableStream<{ items: ({ str: string; hasEOL: boolean } | object)[] }>;
  const reader = content.getReader();
  let text = '';
  const breaks = new Set<number>();
  for (let part = await reader.read(); !part.done && text.length < MOST_TEXT; part = await reader.read()) {
    for (const item of part.value.items) {
      if (!('str' in item)) continue;
      text += item.str;
      if (item.hasEOL) breaks.add(text.length);
    }
  }
  // What is left of it is not made.
  void reader.cancel(new Error('enough')).catch(() => undefined);
  return { text, breaks };
}
