import type {
  AppEvent,
  FileMoment,
  HistoryUsage,
  NodeSummary,
  RestoreChange,
  SessionDetail,
  TrashedBranch,
} from '../generated/protocol';
import { CommandError, type CommandName, type Params, type Response } from '../transport';
import { bigTurn, pathTo } from './bigTree';
import { MINUTE, sampleDiff, usage as smallUsage } from './fixtures';

type Some<C extends CommandName> = { [K in C]: (params: Params<K>) => Response<K> | Promise<Response<K>> };

interface World {
  detail: (sessionId: string) => SessionDetail;
  app: (event: AppEvent) => void;
  options: URLSearchParams;
}

const DAY = 86_400_000;
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function agent(node: NodeSummary | undefined) {
  return { type: 'agent' as const, nodeId: node?.id ?? '', title: node?.title ?? '' };
}

/** The commands that move along the session tree. */
export type TimeTravel = Some<
  | 'turn_page'
  | 'node_changes'
  | 'node_diff'
  | 'node_compare'
  | 'node_compare_file'
  | 'node_fork'
  | 'branch_delete'
  | 'branch_recover'
  | 'branch_purge'
  | 'trash_list'
  | 'restore_plan'
  | 'restore_apply'
  | 'restore_undo'
  | 'restore_redo'
  | 'turn_revert_plan'
  | 'turn_revert'
  | 'history_usage'
  | 'history_tidy'
  | 'history_tidy_cancel'
  | 'file_history'
>;

/** The session tree as the engine would move it, in memory. */
export function timeTravel({ detail, app, options }: World): TimeTravel {
  const trash = new Map<string, { branch: TrashedBranch; nodes: NodeSummary[] }[]>();
  const paths = new Map<string, SessionDetail['turns']>();
  let usage: HistoryUsage = options.has('big')
    ? {
        bytes: 4.61e9,
        budgetBytes: 5e9,
        totalBytes: 9.2e9,
        totalBudgetBytes: 20e9,
        snapshots: 1904,
        thinned: 8096,
        asideBytes: 0,
        steps: 12,
        stepsBytes: 310e6,
        stepsDropped: 2,
      }
    : smallUsage;
  let calledOff = false;

  const changed = (sessionId: string) => app({ type: 'treeChanged', sessionId });
  const binOf = (sessionId: string) => trash.get(sessionId) ?? [];

  function nodeOf(sessionId: string, nodeId: string): NodeSummary {
    const node = detail(sessionId).tree.find(({ id }) => id === nodeId);
    if (!node) throw new CommandError({ code: 'notFound', message: `There is no node ${nodeId}.` });
    return node;
  }

  function goTo(sessionId: string, nodeId: string, words: string) {
    const session = detail(sessionId);
    if (!paths.has(sessionId)) paths.set(sessionId, session.turns);
    const known = new Map((paths.get(sessionId) ?? []).map((turn) => [turn.node.id, turn]));
    for (const turn of session.turns) known.set(turn.node.id, turn);
    const path = pathTo(session.tree, nodeId);
    const from = Math.max(0, path.length - 20);
    session.turns = path.slice(from).map((node, at) => known.get(node.id) ?? bigTurn(node, from + at));
    session.earlierTurns = from;
    const before = session.currentNode;
    session.currentNode = nodeId;
    session.undo = { undo: words, redo: null };
    changed(sessionId);
    return { before, outcome: { written: 2, removed: 1, before: 'c'.repeat(40) } };
  }

  let back: { nodeId: string | null; forth: string; words: string } | null = null;

  function move(sessionId: string, nodeId: string, filesOnly: boolean) {
    const words = `Restore of “${nodeOf(sessionId, nodeId).title}”`;
    if (filesOnly) {
      detail(sessionId).undo = { undo: words, redo: null };
      changed(sessionId);
      return { written: 2, removed: 1, before: 'c'.repeat(40) };
    }
    const { before, outcome } = goTo(sessionId, nodeId, words);
    back = { nodeId: before, forth: nodeId, words };
    return outcome;
  }

  function changesFor(sessionId: string): RestoreChange[] {
    const tree = detail(sessionId).tree;
    const list: RestoreChange[] = [
      { path: 'site/index.html', kind: 'modified', writtenBy: agent(tree[1]) },
      { path: 'site/months.svg', kind: 'deleted', writtenBy: agent(tree[1]) },
      { path: 'notes.md', kind: 'modified', writtenBy: { type: 'user' } },
    ];
    if (!options.has('big')) return list;
    for (let at = 0; at < 2400; at += 1)
      list.push({ path: `site/data/part-${at}.json`, kind: 'added', writtenBy: agent(tree.at(-1)) });
    return list;
  }

  return {
    turn_page: async ({ sessionId, before, count }) => {
      await wait(120);
      const path = pathTo(detail(sessionId).tree, before).slice(0, -1);
      const from = Math.max(0, path.length - count);
      return { turns: path.slice(from).map((node, at) => bigTurn(node, from + at)), earlierTurns: from };
    },
    node_changes: ({ sessionId, nodeId }) => ({
      byTurn: [
        { path: 'site/index.html', kind: 'modified', oldSize: 1820, newSize: 1894 },
        { path: 'site/app.js', kind: 'added', oldSize: null, newSize: 309 },
        { path: 'site/img/cover.png', kind: 'modified', oldSize: 48_120, newSize: 51_877 },
        { path: 'site/style.css', oldPath: 'site/css/main.css', kind: 'renamed', oldSize: 2204, newSize: 2210 },
        { path: 'site/old.css', kind: 'deleted', oldSize: 120, newSize: null },
      ],
      byUser: nodeOf(sessionId, nodeId).userChanges
        ? [{ path: 'notes.md', kind: 'modified', oldSize: 600, newSize: 612 }]
        : [],
      skipped: [
        { path: 'site/node_modules', reason: 'installed packages are not recorded' },
        { path: 'film.mov', reason: 'it has 2.1 GB, the limit for one file is 100.0 MB' },
        { path: 'lib/other/.git', reason: 'the data of a nested git repository is not recorded' },
      ],
    }),
    node_diff: ({ change }) => diffOf(change.path, change.kind),
    node_compare: ({ sessionId, left, right }) => ({
      changes:
        left === right
          ? []
          : [
              { path: 'site/index.html', kind: 'modified', oldSize: 1720, newSize: 1894 },
              { path: 'site/months.svg', kind: 'added', oldSize: null, newSize: 4210 },
            ],
      common: pathTo(detail(sessionId).tree, left)[0]?.id ?? null,
    }),
    node_compare_file: ({ change }) => diffOf(change.path, change.kind),
    node_fork: ({ sessionId, nodeId }) => move(sessionId, nodeId, false),
    branch_delete: ({ sessionId, nodeId }) => {
      const session = detail(sessionId);
      const branch = new Set([nodeId]);
      for (const node of session.tree) if (branch.has(node.parentId ?? '')) branch.add(node.id);
      if (branch.has(session.currentNode ?? ''))
        throw new CommandError({
          message: 'The conversation is on this branch.',
          hint: 'Go to another node first, for example to the one above it; then it can be deleted.',
        });
      const nodes = session.tree.filter(({ id }) => branch.has(id));
      const now = Date.now();
      const [first] = nodes;
      if (!first) throw new CommandError({ code: 'notFound', message: `There is no node ${nodeId}.` });
      session.tree = session.tree.filter(({ id }) => !branch.has(id));
      const entry = { node: first, nodes: nodes.length, deletedAt: now, purgeAt: now + 30 * DAY };
      trash.set(sessionId, [{ branch: entry, nodes }, ...binOf(sessionId)]);
      changed(sessionId);
      return {};
    },
    branch_recover: ({ sessionId, nodeId }) => {
      const session = detail(sessionId);
      const entry = binOf(sessionId).find(({ branch }) => branch.node.id === nodeId);
      session.tree = [...session.tree, ...(entry?.nodes ?? [])].sort((left, right) => left.startedAt - right.startedAt);
      trash.set(
        sessionId,
        binOf(sessionId).filter((other) => other !== entry),
      );
      changed(sessionId);
      return {};
    },
    branch_purge: ({ sessionId, nodeId }) => {
      trash.set(
        sessionId,
        binOf(sessionId).filter(({ branch }) => branch.node.id !== nodeId),
      );
      return {};
    },
    trash_list: ({ sessionId }) => ({ branches: binOf(sessionId).map(({ branch }) => branch) }),
    restore_plan: ({ sessionId, nodeId, scope, paths: only }) => ({
      nodeId,
      scope,
      changes:
        scope === 'conversation'
          ? []
          : changesFor(sessionId).filter(({ path }) => only === undefined || only.includes(path)),
      unsaved: scope === 'conversation' ? [] : [{ path: 'notes.md', kind: 'modified', oldSize: 600, newSize: 612 }],
      turnsLeft: scope === 'files' ? 0 : 2,
    }),
    restore_apply: async ({ sessionId, nodeId, scope }) => {
      await wait(250);
      return move(sessionId, nodeId, scope === 'files');
    },
    restore_undo: ({ sessionId }) => {
      const session = detail(sessionId);
      const words = session.undo.undo;
      const outcome =
        back?.nodeId && session.currentNode === back.forth
          ? goTo(sessionId, back.nodeId, '').outcome
          : { written: 1, removed: 0, before: null };
      session.undo = { undo: null, redo: words };
      changed(sessionId);
      return outcome;
    },
    restore_redo: ({ sessionId }) => {
      const session = detail(sessionId);
      const words = session.undo.redo ?? '';
      const outcome =
        back && session.currentNode === back.nodeId
          ? goTo(sessionId, back.forth, words).outcome
          : { written: 1, removed: 0, before: null };
      session.undo = { undo: words, redo: null };
      changed(sessionId);
      return outcome;
    },
    turn_revert_plan: async ({ sessionId, nodeId }) => {
      await wait(200);
      const current = detail(sessionId).currentNode === nodeId;
      const node = nodeOf(sessionId, nodeId);
      return {
        nodeId,
        changes: current || node.label ? changesFor(sessionId).slice(0, 2) : [],
        conflicts:
          current || node.label ? [] : [{ path: 'site/index.html', reason: 'the same lines were changed since' }],
        unsaved: [],
      };
    },
    turn_revert: ({ sessionId, nodeId }) => {
      detail(sessionId).undo = { undo: `Revert of “${nodeOf(sessionId, nodeId).title}”`, redo: null };
      changed(sessionId);
      return { written: 1, removed: 1, before: 'c'.repeat(40) };
    },
    history_usage: () => usage,
    history_tidy: async ({ sessionId }) => {
      calledOff = false;
      for (const stage of ['thinning', 'packing'] as const) {
        app({ type: 'historyTidying', sessionId, stage });
        for (let step = 0; step < 12 && !calledOff; step += 1) await wait(100);
      }
      const freedBytes = calledOff ? 0 : Math.round(usage.bytes * 0.4);
      usage = { ...usage, bytes: usage.bytes - freedBytes, totalBytes: usage.totalBytes - freedBytes };
      return { thinned: 0, freedBytes, asideBytes: 0, cancelled: calledOff, usage };
    },
    history_tidy_cancel: () => {
      calledOff = true;
      return {};
    },
    file_history: ({ sessionId, path }) => {
      const session = detail(sessionId);
      const moments = pathTo(session.tree, session.currentNode)
        .slice(-60)
        .reverse()
        .map((node, index, all): FileMoment => ({
          snapshot: node.snapshot ?? '',
          nodeId: node.id,
          at: node.startedAt + MINUTE,
          writtenBy: index === 0 ? { type: 'user' } : agent(node),
          kind: index === all.length - 1 ? 'added' : 'modified',
          size: 2000 - index * 40,
        }));
      const renamed = moments.at(-2);
      if (renamed && moments.length > 2) Object.assign(renamed, { kind: 'renamed', oldPath: `old/${path}` });
      return { moments, truncated: session.tree.length > 1000 };
    },
  };
}

function diffOf(path: string, kind: 'added' | 'modified' | 'deleted' | 'renamed') {
  const binary = /\.(png|jpg|mov)$/.test(path);
  const diff = { ...sampleDiff(), path, kind };
  return binary ? { ...diff, binary, additions: 0, deletions: 0, hunks: [] } : diff;
}
