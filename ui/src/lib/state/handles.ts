import type { PreviewHandle, PreviewSource, Transport } from '$lib/ipc';

interface Held {
  readonly promise: Promise<PreviewHandle>;
  users: number;
  /** What was at a node never changes, so that its handle serves again. */
  readonly lasting: boolean;
}

/** So many handles of moments that are not shown wait to be shown again. */
const MOST_WAITING = 8;

/** Addresses of previews. Those of moments of the tree are kept a while, so that going along them is quick. */
export class Handles {
  readonly #held = new Map<string, Held>();
  /** What was opened last of each path. */
  readonly #shown = new Map<string, Promise<PreviewHandle>>();

  constructor(private readonly transport: Transport) {}

  /** Opens a source; give the answer back by {@link release} with the same arguments. */
  open(sessionId: string, source: PreviewSource, version = 0): Promise<PreviewHandle> {
    const key = keyOf(sessionId, source, version);
    const held = this.#held.get(key) ?? this.#ask(key, sessionId, source);
    held.users += 1;
    if (source.type !== 'deployment') {
      this.#shown.delete(`${sessionId} ${source.path}`);
      this.#shown.set(`${sessionId} ${source.path}`, held.promise);
      for (const old of [...this.#shown.keys()].slice(0, -MOST_WAITING)) this.#shown.delete(old);
    }
    this.#held.delete(key);
    this.#held.set(key, held);
    return held.promise;
  }

  /**
   * Asks for the handle of a moment that will probably be shown next, and has its content read ahead: what it is, and
   * what the same at the moment that is shown has asked for.
   */
  warm(sessionId: string, source: PreviewSource): void {
    if (source.type !== 'snapshot') return;
    const key = keyOf(sessionId, source, 0);
    if (this.#held.has(key)) return;
    const shown = this.#shown.get(`${sessionId} ${source.path}`);
    const held = this.#ask(key, sessionId, source);
    void Promise.all([held.promise, shown])
      .then(([{ token }, like]) => this.transport.invoke('preview_warm', { token, like: like?.token ?? null }))
      // It is looked at all the same, later.
      .catch(() => undefined);
    this.#tidy();
  }

  release(sessionId: string, source: PreviewSource, version = 0): void {
    const key = keyOf(sessionId, source, version);
    const held = this.#held.get(key);
    if (!held) return;
    held.users -= 1;
    if (held.users > 0) return;
    if (held.lasting) this.#tidy();
    else this.#drop(key, held);
  }

  #ask(key: string, sessionId: string, source: PreviewSource): Held {
    const promise = this.transport.invoke('preview_open', { sessionId, source });
    const held: Held = { promise, users: 0, lasting: source.type === 'snapshot' };
    this.#held.set(key, held);
    promise.catch(() => {
      if (this.#held.get(key) === held) this.#held.delete(key);
    });
    return held;
  }

  #tidy(): void {
    const waiting = [...this.#held].filter(([, { users }]) => users <= 0);
    for (const [key, held] of waiting.slice(0, Math.max(0, waiting.length - MOST_WAITING))) this.#drop(key, held);
  }

  #drop(key: string, held: Held): void {
    this.#held.delete(key);
    held.promise.then(
      ({ token }) => this.transport.invoke('preview_close', { token }).catch(() => undefined),
      () => undefined,
    );
  }
}

function keyOf(sessionId: string, source: PreviewSource, version: number): string {
  const named = source.type === 'snapshot' ? 0 : version;
  return JSON.stringify([sessionId, named, source]);
}
