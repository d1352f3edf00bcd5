/** A custom scheme answers at most so much at once; more comes in parts. Both are what the preview server allows. */
const MOST_WHOLE = 64 * 1024 * 1024;
const PART = 16 * 1024 * 1024;

export interface FetchOptions {
  /** Bytes, if known. */
  size: number;
  signal?: AbortSignal;
  onprogress?: (done: number, all: number) => void;
}

/** Why a preview could not be read. */
export class FetchFailure extends Error {
  constructor(readonly status: number) {
    super(`HTTP ${status}`);
    this.name = 'FetchFailure';
  }
}

/** The whole content of an address of a preview. */
export async function fetchBlob(url: string, { size, signal, onprogress }: FetchOptions): Promise<Blob> {
  if (size <= MOST_WHOLE) {
    const answer = await fetch(url, { signal: signal ?? null });
    if (!answer.ok) throw new FetchFailure(answer.status);
    return answer.blob();
  }
  const parts: Blob[] = [];
  let done = 0;
  while (done < size) {
    const part = await fetchPart(url, done, Math.min(size, done + PART), signal);
    if (part.size === 0) break;
    parts.push(part);
    done += part.size;
    onprogress?.(done, size);
  }
  return new Blob(parts, { type: parts[0]?.type ?? '' });
}

/** The bytes from `begin` to before `end`. */
export async function fetchPart(url: string, begin: number, end: number, signal?: AbortSignal): Promise<Blob> {
  const answer = await fetch(url, { headers: { Range: `bytes=${begin}-${end - 1}` }, signal: signal ?? null });
  if (answer.status !== 206 && !(answer.status === 200 && begin === 0)) throw new FetchFailure(answer.status);
  return answer.blob();
}

/** How many bytes an address has; 0 where that is not said. */
export async function sizeOf(url: string, signal?: AbortSignal): Promise<number> {
  const answer = await fetch(url, { headers: { Range: 'bytes=0-0' }, signal: signal ?? null });
  void answer.body?.cancel().catch(() => undefined);
  return Number(/\/(\d+)$/.exec(answer.headers.get('Content-Range') ?? '')?.[1] ?? 0);
}
