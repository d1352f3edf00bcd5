import type { PreviewSource, Transport } from '$lib/ipc';
import { drawPoster } from './poster';

const MOST_KEPT = 400;
const MOST_SLIDES_KEPT = 800;
/** What is laid out by another program before it can be drawn. */
const OFFICE = /\.(pptx|ppsx|odp)$/i;

/** Whether it is a page, which is more than its own bytes. */
export function isPage(path: string): boolean {
  return /\.html?$/i.test(path);
}

/** Whether a picture of it takes a moment, so that it is not asked for at every change. */
export function isSlow(source: PreviewSource): boolean {
  return source.type === 'deployment' || isPage(source.path) || OFFICE.test(source.path);
}

/** Work of which so many pieces are done at a time. */
class Lane {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(private readonly most: number) {}

  /** Rejects when its turn comes and nobody wants it any more. */
  async run<T>(work: () => Promise<T>, isWanted: () => boolean = () => true): Promise<T> {
    if (this.#running >= this.most) await new Promise<void>((go) => this.#waiting.push(go));
    this.#running += 1;
    try {
      if (!isWanted()) throw new Error('nobody waits for it');
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

/** Small pictures of files and slides, each asked for once for its content. */
export class Thumbnails {
  readonly #kept = new Map<string, Promise<string | null>>();
  readonly #slides = new Map<string, Promise<string | null>>();
  /** Of what is not there yet: whether those who asked still want it. */
  readonly #askers = new Map<string, (() => boolean)[]>();
  /** The engine bounds itself, too. Nothing else waits for what is slow, nor for slides of which all are drawn first. */
  readonly #quick = new Lane(4);
  readonly #slow = new Lane(1);
  /** Another program turns presentations into pages first. */
  readonly #office = new Lane(1);
  readonly #decks = new Lane(2);

  constructor(private readonly transport: Transport) {}

  /**
   * A `data:` address, or `null` where there is no picture. `key` names the content. What nobody wants any more when its
   * turn comes, by the `isWanted` of all who asked, is not made.
   */
  get(
    key: string,
    sessionId: string,
    source: PreviewSource,
    isWanted: () => boolean = () => true,
  ): Promise<string | null> {
    const known = this.#kept.get(key);
    if (known) {
      this.#askers.get(key)?.push(isWanted);
      return known;
    }
    const askers = [isWanted];
    this.#askers.set(key, askers);
    const wanted = () => askers.some((asker) => asker());
    const ask = () => this.transport.invoke('thumbnail_get', { sessionId, source });
    const made = this.#laneOf(source)
      .run(ask, wanted)
      .then((known) =>
        known.wantsPoster ? this.#slow.run(() => drawPoster(this.transport, sessionId, source), wanted) : known,
      )
      // A picture is an extra; without one the icon stays.
      .then(
        (known) => known?.url ?? null,
        () => {
          // What was called off may be drawn another time.
          this.#kept.delete(key);
          return null;
        },
      )
      .finally(() => this.#askers.delete(key));
    keep(this.#kept, key, made, MOST_KEPT);
    return made;
  }

  #laneOf(source: PreviewSource): Lane {
    if (source.type !== 'deployment' && OFFICE.test(source.path)) return this.#office;
    // Intricate ones are drawn as pages are.
    const isDrawing = source.type !== 'deployment' && /\.svg$/i.test(source.path);
    return isDrawing || isSlow(source) ? this.#slow : this.#quick;
  }

  /** The picture of a slide, from 0, of a page or a presentation. The first that is asked for begins to draw them all. */
  slide(key: string, sessionId: string, source: PreviewSource, slide: number): Promise<string | null> {
    const name = `${slide} ${key}`;
    const known = this.#slides.get(name);
    if (known) return known;
    const made = this.#decks
      .run(() => this.transport.invoke('slide_picture_get', { sessionId, source, slide }))
      .then(
        ({ url }) => url,
        () => null,
      );
    keep(this.#slides, name, made, MOST_SLIDES_KEPT);
    void made.then((url) => {
      // What was called off may be drawn another time.
      if (url === null && this.#slides.get(name) === made) this.#slides.delete(name);
    });
    return made;
  }

  /** Nobody waits for these slides any more. */
  leave(sessionId: string, source: PreviewSource): void {
    void this.transport.invoke('slide_pictures_stop', { sessionId, source }).catch(() => undefined);
  }
}

function keep<T>(kept: Map<string, T>, key: string, value: T, most: number): void {
  kept.set(key, value);
  for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - most))) kept.delete(old);
}
