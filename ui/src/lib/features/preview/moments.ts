import type { NodeSummary } from '$lib/ipc';

/** A moment that can be looked at: a node whose files are kept, or the present (`null`). */
export interface Moment {
  node: NodeSummary | null;
}

/**
 * The moments of a path, the earliest first, the present last. `active` holds ids from the current node to the root. If
 * a node is given that does not lie on it, they are those of the way to that node.
 */
export function momentsOf(
  tree: readonly NodeSummary[],
  active: ReadonlySet<string>,
  at: string | null = null,
): Moment[] {
  const path = at === null || active.has(at) ? active : wayTo(tree, at);
  const kept = tree.filter(
    ({ id, snapshot, status, notRestorable }) =>
      path.has(id) && snapshot !== null && notRestorable === null && status !== 'running',
  );
  const order = new Map([...path].map((id, index) => [id, index]));
  kept.sort((left, right) => (order.get(right.id) ?? 0) - (order.get(left.id) ?? 0));
  return [...kept.map((node) => ({ node })), { node: null }];
}

function wayTo(tree: readonly NodeSummary[], nodeId: string): Set<string> {
  const parents = new Map(tree.map(({ id, parentId }) => [id, parentId]));
  const way = new Set<string>();
  for (let id: string | null | undefined = nodeId; id && !way.has(id); id = parents.get(id)) way.add(id);
  return way;
}

/** Which of the moments a node is; the present if it is none of them. */
export function momentAt(moments: readonly Moment[], nodeId: string | null): number {
  const index = moments.findIndex(({ node }) => node?.id === nodeId);
  return index === -1 || nodeId === null ? moments.length - 1 : index;
}
