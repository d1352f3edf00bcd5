import type { NodeSummary, SessionDetail, Span, Turn } from '../generated/protocol';
import { makeCall, makeItem, makeNode, MINUTE, unknownUsage } from './fixtures';

const WISHES = [
  'Add a chart of the months',
  'Make the numbers easier to read on a phone',
  'Check that the totals are right',
  'Use a calmer background, and tell me which colours you chose and why',
  'Group the regions by revenue',
  'Write a short summary above the table',
  '把标题改成中文，并检查所有数字',
  'Remove the map again',
];
const STOPPED = {
  failed: { message: 'qwen3:8b at 127.0.0.1:11434 sent nothing for 120 seconds.' },
  interrupted: { message: 'You stopped this turn.', code: 'cancelled' },
} as const;
/** Every so many nodes a short branch leaves the path. */
const BRANCH_EVERY = 9;

function id(index: number): string {
  return `01940000-0000-7000-8000-${String(index).padStart(12, '0')}`;
}

/** A tree of many nodes: a long path with short branches, labels, failures and files that were dropped. */
export function bigTree(count: number, now: number): NodeSummary[] {
  const nodes: NodeSummary[] = [];
  let tip: string | null = null;
  let branch: string | null = null;
  for (let index = 0; index < count; index += 1) {
    const inBranch = index % BRANCH_EVERY >= BRANCH_EVERY - 2;
    const parent: string | null = inBranch ? (branch ?? tip) : tip;
    const status = index % 37 === 5 ? 'failed' : index % 23 === 7 ? 'interrupted' : 'completed';
    const node = makeNode(id(index), parent, WISHES[index % WISHES.length] ?? '', now - (count - index) * 7 * MINUTE, {
      status,
      label: index % 113 === 40 ? `milestone ${Math.ceil(index / 113)}` : null,
      changes: { added: index % 5 === 0 ? 2 : 0, modified: 1 + (index % 4), deleted: index % 11 === 0 ? 1 : 0 },
      userChanges: index % 17 === 3 ? { added: 0, modified: 1, deleted: 0 } : null,
      notRestorable:
        index < count - 600 && index % 7 !== 0 ? 'Its files were dropped to keep the history under its budget.' : null,
    });
    nodes.push(node);
    if (inBranch) branch = node.id;
    else {
      tip = node.id;
      branch = null;
    }
  }
  return nodes;
}

/** The turn of a node, long enough to scroll. */
export function bigTurn(node: NodeSummary, index: number): Turn {
  return {
    node,
    message: { text: node.title, attachments: [] },
    error: node.status === 'completed' ? null : STOPPED[node.status === 'failed' ? 'failed' : 'interrupted'],
    usage: { ...unknownUsage, inputTokens: 2000 + index, outputTokens: 100 + index },
    items: [
      makeItem(node.id, 0, makeCall('read_file', { file_path: 'site/index.html' }), node.startedAt, 40),
      makeItem(node.id, 1, makeCall('edit_file', { file_path: 'site/style.css' }), node.startedAt + 900, 35),
      makeItem(
        node.id,
        2,
        {
          type: 'text',
          text: `Turn ${index + 1}. The page is changed.\n\n${'- one thing that I did, in a line of its own\n'.repeat(2 + (index % 6))}`,
        },
        node.startedAt + 1500,
        800,
      ),
    ],
  };
}

/** The timed parts of the last turns of a path. */
export function bigSpans(path: NodeSummary[]): Span[] {
  const span = (node: NodeSummary, name: string, from: number, took: number): Span => ({
    id: `${node.id}-${from}`,
    nodeId: node.id,
    itemId: null,
    kind: name.startsWith('mshtools-') ? 'tool' : 'model',
    name,
    startedAt: node.startedAt + from,
    endedAt: node.startedAt + from + took,
    firstTokenMs: name.startsWith('mshtools-') ? null : took / 4,
    retries: 0,
    status: 'ok',
    error: null,
    usage: unknownUsage,
  });
  return path
    .slice(-400)
    .flatMap((node, at) => [
      span(node, 'qwen3:8b', 0, 4000 + (at % 7) * 900),
      span(node, 'mshtools-read_file', 9000, 40 + at),
      span(node, 'mshtools-edit_file', 9600, 35),
      span(node, 'qwen3:8b', 10_000, 9000),
    ]);
}

/** The nodes from the root to a node. */
export function pathTo(tree: NodeSummary[], tip: string | null): NodeSummary[] {
  const nodes = new Map(tree.map((node) => [node.id, node]));
  const path: NodeSummary[] = [];
  for (let node = nodes.get(tip ?? ''); node; node = nodes.get(node.parentId ?? '')) path.push(node);
  return path.reverse();
}

/** Puts a tree of many nodes into a session; only its last turns are loaded. */
export function grow(detail: SessionDetail, count: number, now: number): void {
  detail.tree = bigTree(count, now);
  detail.currentNode =
    detail.tree.findLast(({ parentId }, at) => parentId !== null && at % BRANCH_EVERY < 7)?.id ?? null;
  const path = pathTo(detail.tree, detail.currentNode);
  const from = Math.max(0, path.length - 20);
  detail.turns = path.slice(from).map((node, at) => bigTurn(node, from + at));
  detail.earlierTurns = from;
  const step = { madeAt: now - 90 * MINUTE, droppedAt: now - MINUTE };
  detail.undo = {
    undo: 'Restore of “Add a chart of the months”',
    redo: null,
    dropped: [
      {
        ...step,
        title: 'Restore of “Use a calmer background”',
        paths: ['notes/plan.md', 'site/numbers.csv'],
        files: 2,
      },
      { ...step, title: 'Taking back of “Remove the map again”', files: 0 },
      {
        madeAt: now - 50 * 24 * 60 * MINUTE,
        droppedAt: now - MINUTE,
        title:
          'Restore of data/客户与市场/2026-年度-销售-明细.csv from “Use a calmer background, and tell me which colours you chose and why”',
        paths: [
          'data/客户与市场/2026-年度-销售-明细.csv',
          'site/a-rather-long-name-of-a-file-of-the-site.css',
          'notes.md',
        ],
        files: 31,
      },
      ...Array.from({ length: 12 }, (_, at) => ({
        madeAt: now - (60 + at) * 24 * 60 * MINUTE,
        droppedAt: now - MINUTE,
        title: `Restore of “Step ${at + 1}”`,
        paths: ['notes.md'],
        files: 1,
      })),
    ],
  };
  const oldest = detail.tree.find(({ notRestorable }) => notRestorable === null);
  if (oldest) oldest.changesLost = 'the history no longer holds the files before it.';
}
