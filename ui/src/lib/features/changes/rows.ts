import type { CompareResponse, FileChange, NodeChanges, SkippedFile } from '$lib/ipc';
import type { ChangeGroup } from '$lib/state/changes.svelte';

/** A line of the list: a heading over files, a file, or what is not recorded. */
export type ListRow =
  | { type: 'heading'; group: RowGroup; count: number }
  | { type: 'file'; group: ChangeGroup; change: FileChange }
  | { type: 'live'; change: FileChange }
  | { type: 'skipped'; skipped: SkippedFile };

export type RowGroup = ChangeGroup | 'live' | 'skipped';

export interface Listed {
  changes: NodeChanges | null;
  compare: CompareResponse | null;
  /** What the person changed since the last turn, if the node is the current one. */
  live: FileChange[];
  skippedOpen: boolean;
}

/** The list as it is drawn, row by row. */
export function listRows({ changes, compare, live, skippedOpen }: Listed): ListRow[] {
  const rows: ListRow[] = [];
  const add = (group: RowGroup, entries: ListRow[], shown = true) => {
    if (entries.length === 0) return;
    rows.push({ type: 'heading', group, count: entries.length });
    if (shown) for (const entry of entries) rows.push(entry);
  };
  const files = (group: ChangeGroup, list: FileChange[]) =>
    add(
      group,
      list.map((change) => ({ type: 'file', group, change })),
    );
  add(
    'live',
    live.map((change) => ({ type: 'live', change })),
  );
  files('turn', changes?.byTurn ?? []);
  files('user', changes?.byUser ?? []);
  files('compare', compare?.changes ?? []);
  add(
    'skipped',
    (changes?.skipped ?? []).map((skipped) => ({ type: 'skipped', skipped })),
    skippedOpen,
  );
  return rows;
}
