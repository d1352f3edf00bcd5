import type { PreviewSource, Transport } from '$lib/ipc';

const MOST_KEPT = 400;
/** So many are made at a time; the engine bounds itself, too. */
const MOST_AT_ONCE = 4;

/** Small pictures of files, each asked for once for its content. */
export class Thumbnails {
  readonly #kept = new Map<string, Promise<string | null>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(private readonly transport: Transport) {}

  /** A `data:` address, or `null` where there is no picture. `key` names the content. */
  get(key: string, sessionId: string, source: PreviewSource): Promise<string | null> {
    const known = this.#kept.get(key);
    if (known) return known;
    const made = this.#turn(() => this.transport.invoke('thumbnail_get', { sessionId, source })).then(
      ({ url }) => url,
      // A picture is an extra; without one the icon stays.
      () => null,
    );
    this.#kept.set(key, made);
    for (const old of [...this.#kept.keys()].slice(0, Math.max(0, this.#kept.size - MOST_KEPT))) this.#kept.delete(old);
    return made;
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MOST_AT_ONCE) await new Promise<void>((go) => this.#waiting.push(go));
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}
