/** Ties two views together, so that they are scrolled as one. Places are parts of the whole, from 0 to 1. */
export class PageLink {
  readonly #followers = new Set<(x: number, y: number, from: object) => void>();

  /** Hears where the other is. The answer ends it. */
  follow(listen: (x: number, y: number, from: object) => void): () => void {
    this.#followers.add(listen);
    return () => this.#followers.delete(listen);
  }

  tell(x: number, y: number, from: object): void {
    for (const listen of this.#followers) listen(x, y, from);
  }
}
