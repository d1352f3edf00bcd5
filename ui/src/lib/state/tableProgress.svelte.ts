import type { AppEvent } from '$lib/ipc';

export type Indexed = Extract<AppEvent, { type: 'tableIndexed' }>;

/** So many tables are remembered; those that are closed are not told about. */
const MOST_TABLES = 32;

/** How far the rows of opened tables are counted, by the id of the table. */
export class TableProgress {
  #tables = $state.raw<ReadonlyMap<string, Indexed>>(new Map());

  of(id: string): Indexed | undefined {
    return this.#tables.get(id);
  }

  progressed(indexed: Indexed): void {
    const next = new Map(this.#tables);
    next.delete(indexed.id);
    next.set(indexed.id, indexed);
    for (const id of [...next.keys()].slice(0, Math.max(0, next.size - MOST_TABLES))) next.delete(id);
    this.#tables = next;
  }
}
