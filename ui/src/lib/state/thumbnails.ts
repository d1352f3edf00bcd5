import type { PreviewSource, Transport } from '$lib/ipc';
import { drawPoster } from './poster';

const MOST_KEPT = 400;
/** So many are made at a time; the engine bounds itself, too. */
const MOST_AT_ONCE = 4;
/** What is laid out by another program before it can be drawn: one at a time, and nothing else waits for it. */
const SLOW = /\.(html?|pptx|ppsx|odp)$/i;

/** Small pictures of files, each asked for once for its content. */
export class Thumbnails {
  readonly #kept = new Map<string, Promise<string | null>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #slow: Promise<unknown> = Promise.resolve();

  constructor(private readonly transport: Transport) {}

  /** A `data:` address, or `null` where there is no picture. `key` names the content. */
  get(key: string, sessionId: string, source: PreviewSource): Promise<string | null> {
    const known = this.#kept.get(key);
    if (known) return known;
    const ask = () => this.transport.invoke('thumbnail_get', { sessionId, source });
    const slow = source.type === 'deployment' || SLOW.test(source.path);
    const made = (slow ? this.#alone(ask) : this.#turn(ask))
      .then((known) =>
        known.wantsPoster ? this.#alone(() => drawPoster(this.transport, sessionId, source)) : known,
      )
      // A picture is an extra; without one the icon stays.
      .then(
        (known) => known?.url ?? null,
        () => null,
      );
    this.#kept.set(key, made);
    for (const old of [...this.#kept.keys()].slice(0, Math.max(0, this.#kept.size - MOST_KEPT))) this.#kept.delete(old);
    return made;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#slow.then(work);
    this.#slow = done.catch(() => undefined);
    return done;
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
