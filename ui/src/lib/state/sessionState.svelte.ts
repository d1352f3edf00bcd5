import type {
  AppError,
  AppEvent,
  ApprovalAction,
  Awaited,
  Deployment,
  EngineEvent,
  Item,
  NodeSummary,
  NumberedEvent,
  QueuedMessage,
  SessionDetail,
  SessionSummary,
  Span,
  Todo,
  Turn,
  TurnEvent,
  TurnLimits,
  TurnPage,
  UndoState,
  Usage,
  UserMessage,
} from '$lib/ipc';
import { ItemState } from './itemState.svelte';

/** A turn as it grows. */
export class TurnState {
  node = $state.raw<NodeSummary>() as NodeSummary;
  readonly message: UserMessage;
  items = $state.raw<ItemState[]>([]);
  error = $state.raw<AppError | null>(null);
  usage = $state.raw<Usage>() as Usage;
  /** The message as it is being edited; `null` while it is not. */
  draft = $state<string | null>(null);

  constructor(turn: Turn) {
    this.message = turn.message;
    this.replace(turn);
  }

  /** Takes the engine's whole answer. What the person unfolded or wrote stays. */
  replace(turn: Turn): void {
    const known = new Map(this.items.map((item) => [item.id, item]));
    this.node = turn.node;
    this.error = turn.error;
    this.usage = turn.usage;
    this.items = turn.items.map((item) => {
      const kept = known.get(item.id);
      kept?.replace(item);
      return kept ?? new ItemState(item);
    });
  }

  get running(): boolean {
    return this.node.status === 'running';
  }

  item(id: string): ItemState | undefined {
    // The item at work is nearly always the last.
    return this.items.findLast((item) => item.id === id);
  }

  upsert(item: Item): void {
    const known = this.item(item.id);
    if (known) {
      known.replace(item);
      return;
    }
    const items = [...this.items, new ItemState(item)];
    this.items = items.sort((left, right) => left.ordinal - right.ordinal);
  }
}

/** What an event asks of the window beyond the change of the state. */
export type SessionEffect =
  | { type: 'reopen' }
  | { type: 'filesChanged'; paths: string[] }
  | { type: 'deployed'; deployment: Deployment }
  | { type: 'turnStarted' }
  | { type: 'asked'; actions: ApprovalAction[] }
  | { type: 'turnEnded'; node: NodeSummary };

export const unknownUsage: Usage = {
  inputTokens: null,
  outputTokens: null,
  cachedTokens: null,
  reasoningTokens: null,
  cost: null,
  costCurrency: null,
};

/** What the engine tells the model in the person's name when they choose to go on. */
const CONTINUE = 'Continue.';

/** The session that is shown, fed by the events of the engine. */
export class SessionState {
  readonly id: string;
  summary = $state.raw<SessionSummary>() as SessionSummary;
  #access = $state<SessionDetail['access']>('write');
  /** Why this program does not write it, if that is not because another one does. */
  whyReadOnly = $state.raw<AppError | null>(null);
  workspacePath = $state('');
  currentNode = $state<string | null>(null);
  tree = $state.raw<NodeSummary[]>([]);
  /** The last turns of the path; more of it comes by pages. */
  turns = $state.raw<TurnState[]>([]);
  /** How many turns of the path stand before those. */
  earlierTurns = $state(0);
  /** Which way the list of turns grew last; the conversation keeps its place by it. */
  grew = $state.raw<'up' | 'down'>('down');
  todos = $state.raw<Todo[]>([]);
  queue = $state.raw<QueuedMessage[]>([]);
  deployments = $state.raw<Deployment[]>([]);
  undo = $state.raw<UndoState>({ undo: null, redo: null });
  limits = $state.raw<TurnLimits>() as TurnLimits;
  profile = $state('');
  /** What opening the session had to do, as far as the person has not put it away. */
  notices = $state.raw<string[]>([]);
  readonly #dismissed = new Set<string>();
  awaited = $state.raw<{ awaited: Awaited; sinceAt: number } | null>(null);
  /** Spans that the timeline asked for; `null` until then. */
  spans = $state.raw<Span[] | null>(null);
  sequence = 0;

  /** It cannot be written, for instance since another program does, or it lies in the trash. */
  readonly readOnly = $derived(this.#access === 'readOnly' || this.summary.deletedAt !== null);
  readonly running = $derived(this.turns.at(-1)?.running ?? false);
  readonly lastTurn = $derived(this.turns.at(-1) ?? null);
  readonly #nodes = $derived(new Map(this.tree.map((node) => [node.id, node])));
  /** The nodes from the root to the current one. */
  readonly activePath = $derived.by(() => {
    const path = new Set<string>();
    let id = this.currentNode;
    while (id !== null && !path.has(id)) {
      path.add(id);
      id = this.#nodes.get(id)?.parentId ?? null;
    }
    return path;
  });

  /** What the shown conversation has read that strangers may have written. */
  readonly untrusted = $derived([
    ...new Set([...this.activePath].reverse().flatMap((id) => this.#nodes.get(id)?.untrusted ?? [])),
  ]);

  constructor(detail: SessionDetail) {
    this.id = detail.summary.id;
    this.load(detail);
  }

  /** Takes the engine's whole answer; turns and items that are already shown keep their place by their ids. */
  load(detail: SessionDetail): void {
    this.summary = detail.summary;
    this.#access = detail.access;
    this.whyReadOnly = detail.whyReadOnly;
    this.workspacePath = detail.workspacePath;
    this.currentNode = detail.currentNode;
    this.tree = detail.tree;
    this.#loadTurns(detail);
    this.todos = detail.todos;
    this.queue = detail.queue;
    this.deployments = detail.deployments;
    this.undo = detail.undo;
    this.limits = detail.limits;
    this.profile = detail.profile;
    this.notices = (detail.notice?.split('\n') ?? []).filter((line) => line !== '' && !this.#dismissed.has(line));
    this.sequence = detail.sequence;
    this.spans = null;
    if (!this.running) this.awaited = null;
  }

  /** Turns that are shown keep their place, and so do earlier ones that the person asked for, if the path is the same. */
  #loadTurns(detail: SessionDetail): void {
    const known = new Map(this.turns.map((turn) => [turn.node.id, turn]));
    const last = detail.turns.map((turn) => {
      const kept = known.get(turn.node.id);
      kept?.replace(turn);
      return kept ?? new TurnState(turn);
    });
    const above = detail.turns[0]?.node.parentId ?? null;
    const at = above === null ? -1 : this.turns.findIndex(({ node }) => node.id === above);
    const earlier = this.turns.slice(0, at + 1);
    for (const turn of earlier) turn.node = this.node(turn.node.id) ?? turn.node;
    this.grew = 'down';
    this.turns = [...earlier, ...last];
    this.earlierTurns = Math.max(0, detail.earlierTurns - earlier.length);
  }

  /** Puts a page of earlier turns before the others. A page that no longer fits is dropped: the path has changed. */
  prepend(page: TurnPage, before: string): void {
    if (this.turns[0]?.node.id !== before) return;
    this.grew = 'up';
    this.turns = [...page.turns.map((turn) => new TurnState(turn)), ...this.turns];
    this.earlierTurns = page.earlierTurns;
  }

  /** How many nodes grew from a node, itself included. */
  branchSize(id: string): number {
    // A node stands behind the one that it grew from.
    const branch = new Set([id]);
    for (const node of this.tree) if (node.parentId !== null && branch.has(node.parentId)) branch.add(node.id);
    return branch.size;
  }

  /** The person has read it; the engine says it again at every opening. */
  dismissNotices(): void {
    for (const notice of this.notices) this.#dismissed.add(notice);
    this.notices = [];
  }

  node(id: string | null): NodeSummary | undefined {
    return id === null ? undefined : this.#nodes.get(id);
  }

  /** The turn goes on with one that ended early, and its message is the engine's own word for that. */
  continues(node: NodeSummary): boolean {
    const before = this.node(node.parentId);
    return node.title === CONTINUE && (before?.status === 'interrupted' || before?.status === 'failed');
  }

  /** Applies what belongs to this session and says what else is to be done. */
  apply({ sequence, event }: NumberedEvent): SessionEffect[] {
    if (sequence <= this.sequence) return [];
    this.sequence = sequence;
    return this.#applyEvent(event);
  }

  #applyEvent(event: EngineEvent): SessionEffect[] {
    switch (event.type) {
      case 'resync':
        return [{ type: 'reopen' }];
      case 'turn':
        return event.sessionId === this.id ? this.#applyTurn(event.nodeId, event.event) : [];
      case 'app':
        return this.#applyApp(event.event);
    }
  }

  #applyApp(event: AppEvent): SessionEffect[] {
    switch (event.type) {
      case 'sessionChanged':
        if (event.summary.id === this.id) this.summary = event.summary;
        return [];
      case 'workspaceChanged':
        return event.sessionId === this.id ? [{ type: 'filesChanged', paths: event.paths }] : [];
      case 'queueChanged':
        if (event.sessionId === this.id) this.queue = event.queue;
        return [];
      case 'todosChanged':
        if (event.sessionId === this.id) this.todos = event.todos;
        return [];
      case 'deployed': {
        if (event.sessionId !== this.id) return [];
        const { deployment } = event;
        this.deployments = [deployment, ...this.deployments.filter(({ id }) => id !== deployment.id)];
        return [{ type: 'deployed', deployment }];
      }
      case 'treeChanged':
        return event.sessionId === this.id ? [{ type: 'reopen' }] : [];
      case 'sessionRemoved':
      case 'importProgress':
      case 'exportProgress':
      case 'historyTidying':
      case 'historyTidied':
      case 'pythonProgress':
      case 'processesChanged':
      case 'contactMade':
      case 'networkChanged':
      case 'rulesChanged':
      case 'deletedFilesChanged':
      case 'tableIndexed':
      case 'settingsChanged':
        return [];
    }
  }

  #applyTurn(nodeId: string, event: TurnEvent): SessionEffect[] {
    if (event.type === 'turnStarted') return this.#startTurn(event.node, event.message);
    const turn = this.turns.findLast(({ node }) => node.id === nodeId);
    // A turn that is not on the shown path: the whole answer of the engine puts it right.
    if (!turn) return [{ type: 'reopen' }];
    if (event.type !== 'heartbeat') this.awaited = null;
    switch (event.type) {
      case 'itemStarted':
      case 'itemCompleted': {
        turn.upsert(event.item);
        const { body } = event.item;
        const asks = body.type === 'approval' && body.state.type === 'waiting';
        return asks ? [{ type: 'asked', actions: body.actions }] : [];
      }
      case 'untrustedRead': {
        const known = turn.node.untrusted ?? [];
        if (!known.includes(event.source)) {
          this.#setNode(turn, { ...turn.node, untrusted: [...known, event.source] });
        }
        return [];
      }
      case 'itemDelta':
        turn.item(event.itemId)?.append(event.delta);
        return [];
      case 'itemProgress': {
        const item = turn.item(event.itemId);
        if (item) item.progress = event.message;
        return [];
      }
      case 'usage':
        turn.usage = event.usage;
        return [];
      case 'span':
        if (this.spans) this.spans = [...this.spans.filter(({ id }) => id !== event.span.id), event.span];
        return [];
      case 'heartbeat':
        this.awaited = { awaited: event.awaited, sinceAt: event.sinceAt };
        return [];
      case 'snapshotTaken':
        this.#setNode(turn, { ...turn.node, snapshot: event.snapshot, changes: event.changes });
        return [];
      case 'turnCompleted':
        this.#setNode(turn, event.node);
        return [{ type: 'turnEnded', node: event.node }];
      case 'turnFailed':
      case 'turnInterrupted':
        turn.error = event.error;
        this.#setNode(turn, event.node);
        return [{ type: 'turnEnded', node: event.node }];
    }
  }

  #startTurn(node: NodeSummary, message: UserMessage): SessionEffect[] {
    const known = this.turns.find((turn) => turn.node.id === node.id);
    if (known) {
      this.#setNode(known, node);
      return [];
    }
    const parent = node.parentId === null ? -1 : this.turns.findIndex((turn) => turn.node.id === node.parentId);
    if (node.parentId !== null && parent === -1) return [{ type: 'reopen' }];
    const turn = new TurnState({ node, message, items: [], error: null, usage: unknownUsage });
    // A sibling takes the place of what followed its parent.
    this.grew = 'down';
    this.turns = [...this.turns.slice(0, parent + 1), turn];
    this.currentNode = node.id;
    this.#setNode(turn, node);
    return [{ type: 'turnStarted' }];
  }

  #setNode(turn: TurnState, node: NodeSummary): void {
    turn.node = node;
    const at = this.tree.findIndex(({ id }) => id === node.id);
    this.tree = at === -1 ? [...this.tree, node] : this.tree.with(at, node);
  }
}
