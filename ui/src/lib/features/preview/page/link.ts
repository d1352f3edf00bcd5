/** Where a view is. What it does not say is left as it is. */
export interface Place {
  /** Parts of the whole that lie above and to the left, from 0 to 1. */
  x?: number;
  y?: number;
  /** The first line, row or page in view with its part, from 0, where what is shown is counted. */
  line?: number;
  /** Screen pixels a pixel; `null` fits into the room. */
  zoom?: number | null;
  /** The slide, from 0. */
  slide?: number;
  /** Whether a presentation is shown by its outline, or by its pages. */
  outline?: boolean;
}

type Listen = (place: Place, from: object) => void;

/** Ties two views together, so that they are moved as one. */
export class ViewLink {
  readonly #followers = new Set<Listen>();

  /** Hears where the other is. The answer ends it. */
  follow(listen: Listen): () => void {
    this.#followers.add(listen);
    return () => this.#followers.delete(listen);
  }

  tell(place: Place, from: object): void {
    for (const listen of this.#followers) listen(place, from);
  }
}
