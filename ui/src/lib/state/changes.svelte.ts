import type { ChangeSide, FileChange } from '$lib/ipc';

/** Which changes are listed: those that a node made, or what differs between two nodes. */
export type ChangesOf = { type: 'node'; node: string | null } | { type: 'compare'; left: string; right: string };

/** From where a changed file comes. */
export type ChangeGroup = ChangeSide | 'compare';

export interface ChosenChange {
  group: ChangeGroup;
  change: FileChange;
}

/** What the changes tab shows. */
export class ChangesView {
  /** The current node if none is named. */
  of = $state.raw<ChangesOf>({ type: 'node', node: null });
  /** The file whose history is shown in place of the list. */
  historyOf = $state<string | null>(null);
  /** A node that waits to be compared with another. */
  marked = $state<string | null>(null);

  reset(): void {
    this.of = { type: 'node', node: null };
    this.historyOf = null;
    this.marked = null;
  }

  showNode(node: string | null): void {
    this.of = { type: 'node', node };
    this.historyOf = null;
  }

  compare(left: string, right: string): void {
    this.of = { type: 'compare', left, right };
    this.historyOf = null;
    this.marked = null;
  }
}
