import type { NodeSummary } from '$lib/ipc';

export interface TreeRow {
  node: NodeSummary;
  /** From the top, oldest first. */
  row: number;
  /** From the left; lane 0 holds the active path. Branches beyond the last lane share it. */
  lane: number;
  /** Where its parent is drawn, if it has one. */
  parent: { row: number; lane: number } | null;
}

/** More lanes than these would leave no room for the words. */
export const MOST_LANES = 8;

/**
 * Places the nodes of a session tree: a row each by time, and a lane for each chain of nodes, as narrow as it goes.
 * A chain follows the active path where there is one and the latest child elsewhere.
 */
export function layoutTree(nodes: NodeSummary[], activePath: ReadonlySet<string>): TreeRow[] {
  const ordered = [...nodes].sort((left, right) => left.startedAt - right.startedAt || (left.id < right.id ? -1 : 1));
  const rowOf = new Map(ordered.map((node, row) => [node.id, row]));
  const children = new Map<string | null, NodeSummary[]>();
  for (const node of ordered) {
    // A node whose parent is not there is drawn as a root.
    const parent = node.parentId !== null && rowOf.has(node.parentId) ? node.parentId : null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(node);
    else children.set(parent, [node]);
  }

  const next = (id: string): NodeSummary | undefined => {
    const options = children.get(id) ?? [];
    return options.find((child) => activePath.has(child.id)) ?? options.at(-1);
  };

  interface Chain {
    members: NodeSummary[];
    from: number;
    to: number;
    active: boolean;
  }
  const chains: Chain[] = [];
  const placed = new Set<string>();
  for (const head of ordered) {
    if (placed.has(head.id)) continue;
    const members: NodeSummary[] = [];
    for (let node: NodeSummary | undefined = head; node && !placed.has(node.id); node = next(node.id)) {
      members.push(node);
      placed.add(node.id);
    }
    const parentRow = head.parentId === null ? undefined : rowOf.get(head.parentId);
    const last = members.at(-1) ?? head;
    chains.push({
      members,
      from: parentRow ?? rowOf.get(head.id) ?? 0,
      to: rowOf.get(last.id) ?? 0,
      active: members.some((node) => activePath.has(node.id)),
    });
  }

  /** The last row that each lane is taken to. Lane 0 is kept for the active path, even if there is none yet. */
  const takenTo = [-1];
  let reserved = true;
  const laneOf = new Map<string, number>();
  const byRight = [...chains].sort(
    (left, right) => Number(right.active) - Number(left.active) || left.from - right.from,
  );
  for (const chain of byRight) {
    let lane = 0;
    if (chain.active) reserved = false;
    else {
      // Chains come by their first row, so that a lane is free from where its last one ends.
      lane = takenTo.findIndex((to, index) => index > 0 && chain.from >= to);
      if (lane === -1) lane = Math.min(takenTo.length, MOST_LANES - 1);
    }
    takenTo[lane] = Math.max(takenTo[lane] ?? 0, chain.to);
    for (const node of chain.members) laneOf.set(node.id, lane);
  }

  // Without an active path the first lane stays empty and would only be a gap.
  const shift = reserved ? 1 : 0;
  return ordered.map((node, row) => {
    const parentRow = node.parentId === null ? undefined : rowOf.get(node.parentId);
    return {
      node,
      row,
      lane: (laneOf.get(node.id) ?? 0) - shift,
      parent:
        node.parentId === null || parentRow === undefined
          ? null
          : { row: parentRow, lane: (laneOf.get(node.parentId) ?? 0) - shift },
    };
  });
}
