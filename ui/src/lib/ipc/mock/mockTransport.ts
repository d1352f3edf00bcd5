import type {
  AppEvent,
  EngineEvent,
  NetworkPolicy,
  NumberedEvent,
  SessionDetail,
  TurnEvent,
} from '../generated/protocol';
import {
  CommandError,
  type CommandName,
  type DropEvent,
  type Params,
  type Response,
  type Transport,
} from '../transport';
import * as fixtures from './fixtures';
import { bigSpans, grow, pathTo } from './bigTree';
import { playTurn } from './playTurn';
import { previews, type PreviewCommands } from './previews';
import { timeTravel, type TimeTravel } from './timeTravel';

type Handlers = { [C in CommandName]: (params: Params<C>) => Response<C> | Promise<Response<C>> };

/**
 * The engine as a window sees it, played from fixtures. Only for tests and for looking at the window in a browser.
 * Address parameters: `empty` (no sessions), `first` (first run), `theme`, `lang`, `readonly`, `nokeychain`, `big` (ten
 * thousand nodes), `nooffice` (no program that draws slides), `notices` (much is said at the top of the session).
 */
export class MockTransport implements Transport {
  readonly #fixture = fixtures.makeFixture(Date.now());
  #settings = structuredClone(fixtures.settings);
  #secrets = structuredClone(fixtures.secrets);
  #sequence = 0;
  #listen: (events: NumberedEvent[]) => void = () => undefined;
  #drop: (event: DropEvent) => void = () => undefined;
  #stopped = new Set<string>();
  #policy: NetworkPolicy = { type: 'off' };
  readonly #time: TimeTravel;
  readonly #previews: PreviewCommands;
  readonly #options: URLSearchParams;

  constructor(options: URLSearchParams) {
    this.#options = options;
    this.#time = timeTravel({ detail: (id) => this.#detail(id), app: (event) => this.#app(event), options });
    this.#previews = previews({
      deployments: (id) => this.#detail(id).deployments,
      age: (id, nodeId) => {
        const { tree, currentNode } = this.#detail(id);
        return pathTo(tree, currentNode).findIndex((node) => node.id === nodeId);
      },
      indexed: (event) => this.#app({ type: 'tableIndexed', ...event }),
      noOffice: options.has('nooffice'),
    });
    if (options.has('empty') || options.has('first')) this.#fixture.sessions = [];
    if (options.has('first')) this.#settings.firstRunDone = false;
    const theme = options.get('theme');
    if (theme === 'light' || theme === 'dark') this.#settings.appearance.theme = theme;
    const language = options.get('lang');
    if (language === 'en' || language === 'zh') this.#settings.appearance.language = language;
    if (options.has('nokeychain')) {
      this.#secrets = {
        ...this.#secrets,
        backend: 'none',
        keychainWorks: false,
        keychainError: 'org.freedesktop.secrets: no such name',
      };
    }
    if (options.has('notices')) for (const detail of this.#fixture.details.values()) detail.notice = fixtures.NOTICES;
    if (options.has('readonly')) for (const detail of this.#fixture.details.values()) detail.access = 'readOnly';
    if (options.has('big')) {
      const [first] = this.#fixture.details.values();
      if (first) grow(first, Number(options.get('big')) || 10_000, Date.now());
    }
    const host = window as unknown as Record<string, unknown>;
    host.mockDrop = (event: DropEvent) => this.#drop(event);
  }

  async invoke<C extends CommandName>(command: C, params: Params<C>): Promise<Response<C>> {
    await new Promise((resolve) => setTimeout(resolve, 15));
    const answer = await (
      { ...this.#handlers, ...this.#time, ...this.#previews }[command] as (
        given: Params<C>,
      ) => Response<C> | Promise<Response<C>>
    )(params);
    return structuredClone(answer);
  }

  async subscribe(_after: number, onEvents: (events: NumberedEvent[]) => void): Promise<void> {
    this.#listen = onEvents;
  }

  async onDrop(listen: (event: DropEvent) => void): Promise<() => void> {
    this.#drop = listen;
    return () => (this.#drop = () => undefined);
  }

  emit(event: EngineEvent): void {
    this.#sequence += 1;
    this.#listen([{ sequence: this.#sequence, event: structuredClone(event) }]);
  }

  #app(event: AppEvent): void {
    this.emit({ type: 'app', event });
  }

  #detail(id: string): SessionDetail {
    const detail = this.#fixture.details.get(id);
    if (!detail) throw new CommandError({ code: 'notFound', message: `There is no session ${id}.` });
    detail.sequence = this.#sequence;
    return detail;
  }

  #start(
    sessionId: string,
    parentId: string | null,
    message: { text: string; attachments: [] | SessionDetail['turns'][number]['message']['attachments'] },
  ) {
    const detail = this.#detail(sessionId);
    const nodeId = fixtures.newId();
    this.#stopped.delete(nodeId);
    void playTurn({
      nodeId,
      parentId,
      message,
      stopped: () => this.#stopped.has(nodeId),
      emit: (event: TurnEvent) => this.emit({ type: 'turn', sessionId, nodeId, event }),
      app: (event) => this.#app({ ...event, sessionId } as AppEvent),
      detail,
    });
    return { type: 'started' as const, nodeId };
  }

  readonly #handlers: Omit<Handlers, keyof TimeTravel | keyof PreviewCommands> = {
    app_info: () => fixtures.info,
    session_list: ({ search, trash }) => ({
      sessions: this.#fixture.sessions.filter(
        (session) =>
          (session.deletedAt !== null) === trash && session.title.toLowerCase().includes(search.toLowerCase()),
      ),
    }),
    session_create: ({ title, folder }) => {
      const now = Date.now();
      const summary = {
        id: fixtures.newId(),
        title: title ?? '',
        createdAt: now,
        updatedAt: now,
        deletedAt: null,
        workspace: folder === null ? { type: 'own' as const } : { type: 'folder' as const, path: folder },
        running: false,
        mode: 'ask' as const,
      };
      const model = fixtures.makeFixture(now).details.values().next().value as SessionDetail;
      this.#fixture.sessions.unshift(summary);
      this.#fixture.details.set(summary.id, {
        ...model,
        summary,
        currentNode: null,
        tree: [],
        turns: [],
        todos: [],
        deployments: [],
        queue: [],
      });
      return summary;
    },
    session_open: ({ sessionId }) => this.#detail(sessionId),
    session_rename: ({ sessionId, title }) => Object.assign(this.#detail(sessionId).summary, { title }),
    session_move_folder: ({ sessionId, folder }) =>
      Object.assign(this.#detail(sessionId).summary, { workspace: { type: 'folder', path: folder } }),
    session_configure: ({ sessionId, profile }) => {
      const detail = this.#detail(sessionId);
      if (profile) detail.profile = profile;
      return detail.summary;
    },
    session_set_mode: ({ sessionId, mode }) => Object.assign(this.#detail(sessionId).summary, { mode }),
    approval_answer: ({ sessionId, itemId, answer }) => {
      const items = this.#detail(sessionId).turns.flatMap((turn) => turn.items);
      const item = items.find(({ id }) => id === itemId);
      if (item?.body.type !== 'approval' || item.body.state.type !== 'waiting')
        throw new CommandError({ message: 'This question is no longer open.' });
      item.body.state =
        answer.type === 'allow'
          ? { type: 'allowed', scope: answer.scope }
          : { type: 'refused', ...(answer.reason !== undefined && { reason: answer.reason }) };
      item.endedAt = Date.now();
      return item;
    },
    rule_list: () => ({ rules: [] }),
    rule_remove: () => ({}),
    file_delete: () => ({ files: [] }),
    file_trash_list: () => ({ files: [] }),
    file_recover: () => ({ path: 'recovered.txt' }),
    file_purge: () => ({}),
    turn_bring_back: () => ({ written: 1, removed: 0, before: null }),
    session_delete: ({ sessionId }) => {
      const now = Date.now();
      return Object.assign(this.#detail(sessionId).summary, { deletedAt: now, purgeAt: now + 30 * 86_400_000 });
    },
    session_recover: ({ sessionId }) =>
      Object.assign(this.#detail(sessionId).summary, { deletedAt: null, purgeAt: undefined }),
    session_purge: ({ sessionId }) => {
      this.#fixture.sessions = this.#fixture.sessions.filter(({ id }) => id !== sessionId);
      return {};
    },
    turn_start: ({ sessionId, text, attachments }) => {
      const detail = this.#detail(sessionId);
      if (!detail.turns.some(({ node }) => node.status === 'running'))
        return this.#start(sessionId, detail.currentNode, { text, attachments });
      const queued = { id: fixtures.newId(), message: { text, attachments }, queuedAt: Date.now() };
      detail.queue.push(queued);
      this.#app({ type: 'queueChanged', sessionId, queue: detail.queue });
      return { type: 'queued', queued };
    },
    turn_stop: ({ sessionId }) => {
      const running = this.#detail(sessionId).turns.find(({ node }) => node.status === 'running');
      if (running) this.#stopped.add(running.node.id);
      return {};
    },
    turn_retry: ({ sessionId, nodeId }) => {
      const turn = this.#detail(sessionId).turns.find(({ node }) => node.id === nodeId);
      return this.#start(sessionId, turn?.node.parentId ?? null, turn?.message ?? { text: '', attachments: [] });
    },
    turn_edit: ({ sessionId, nodeId, text }) => {
      const turn = this.#detail(sessionId).turns.find(({ node }) => node.id === nodeId);
      return this.#start(sessionId, turn?.node.parentId ?? null, { text, attachments: [] });
    },
    turn_continue: ({ sessionId }) =>
      this.#start(sessionId, this.#detail(sessionId).currentNode, { text: 'Continue.', attachments: [] }),
    turn_steer: () => ({}),
    queue_remove: ({ sessionId, queueId }) => {
      const detail = this.#detail(sessionId);
      detail.queue = detail.queue.filter(({ id }) => id !== queueId);
      this.#app({ type: 'queueChanged', sessionId, queue: detail.queue });
      return {};
    },
    node_label: ({ sessionId, nodeId, label }) => {
      const node = this.#detail(sessionId).tree.find(({ id }) => id === nodeId);
      if (!node) throw new CommandError({ code: 'notFound', message: 'There is no such node.' });
      return Object.assign(node, { label });
    },
    node_export: ({ sessionId, nodeId, target }) => {
      const node = this.#detail(sessionId).tree.find(({ id }) => id === nodeId);
      if (!node) throw new CommandError({ code: 'notFound', message: 'There is no such node.' });
      node.exportedAt = Date.now();
      this.#app({ type: 'treeChanged', sessionId });
      return { path: target, files: 12, bytes: 34_567 };
    },
    node_export_cancel: () => ({}),
    node_file_list: ({ path }) => ({ entries: this.#fixture.files.get(path) ?? [], truncated: false }),
    node_file_read: ({ path }) => ({
      path,
      mime: 'text/plain',
      size: fixtures.SITE_HTML.length,
      text: fixtures.SITE_HTML,
      truncated: false,
      hash: `${path}-0`,
    }),
    file_list: ({ path }) => ({ entries: this.#fixture.files.get(path) ?? [], truncated: false }),
    file_read: ({ path, maxBytes }) => {
      const text = path.endsWith('.csv')
        ? fixtures.SALES_CSV
        : path.endsWith('.js')
          ? fixtures.APP_JS
          : path.endsWith('.md')
            ? fixtures.README_MD
            : fixtures.SITE_HTML;
      return {
        path,
        mime: 'text/plain',
        size: text.length,
        text: maxBytes === 0 ? '' : text,
        truncated: maxBytes < text.length,
        hash: `${path}-1`,
      };
    },
    import_plan: ({ sources }) => ({
      files: sources.length,
      bytes: 48_000,
      clashes: sources
        .filter((path) => path.includes('sales'))
        .map((source) => ({ source, target: 'sales.csv', identical: false })),
      skipped: [{ source: '/home/someone/link', reason: 'It is a symbolic link.' }],
    }),
    import_start: async ({ sessionId, importId, sources }) => {
      const bytes = 48_000;
      for (let step = 0; step <= 10; step += 1) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        const progress = {
          id: importId,
          filesDone: 0,
          files: sources.length,
          bytesDone: (bytes * step) / 10,
          bytes,
          current: sources[0] ?? '',
        };
        this.#app({ type: 'importProgress', sessionId, progress });
      }
      return {
        imported: sources.map((source) => ({
          path: source.split('/').at(-1) ?? source,
          size: bytes,
          mime: 'text/csv',
        })),
        skipped: [],
        cancelled: false,
      };
    },
    import_cancel: () => ({}),
    network_get: () => ({ policy: this.#policy, unavailable: null }),
    network_set: ({ policy }) => {
      this.#policy = policy;
      return { policy, unavailable: null };
    },
    contact_list: ({ sessionId }) => ({ contacts: fixtures.contacts(sessionId) }),
    process_list: () => ({ processes: [], leftBehind: [] }),
    process_end: () => ({}),
    timeline_list: ({ sessionId }) => {
      const { tree, currentNode } = this.#detail(sessionId);
      return { spans: this.#options.has('big') ? bigSpans(pathTo(tree, currentNode)) : this.#fixture.spans };
    },
    settings_get: () => ({
      settings: this.#settings,
      path: '/home/someone/.config/okcvm/settings.json',
      problem: null,
    }),
    settings_save: ({ settings }) => {
      this.#settings = settings;
      return { settings, path: '/home/someone/.config/okcvm/settings.json', problem: null };
    },
    secret_status: () => this.#secrets,
    secret_choose: ({ choice }) => (this.#secrets = { ...this.#secrets, backend: choice.type }),
    key_set: ({ profile }) =>
      (this.#secrets = {
        ...this.#secrets,
        keys: [...this.#secrets.keys, { profile, set: true, fromEnvironment: false }],
      }),
    key_delete: ({ profile }) =>
      (this.#secrets = { ...this.#secrets, keys: this.#secrets.keys.filter((key) => key.profile !== profile) }),
    model_test: ({ key }) => ({
      ok: key !== null,
      firstTokenMs: key !== null ? 312 : null,
      models: ['qwen3:8b', 'llama3.2:3b'],
      checks: [
        { name: 'Address', status: 'ok', message: 'The server answers in 14 ms.' },
        key !== null
          ? { name: 'Key', status: 'ok', message: 'The key is accepted.' }
          : {
              name: 'Key',
              status: 'failed',
              message: 'The server refuses the request without a key (401).',
              hint: 'Enter the key that the provider gave you.',
            },
      ],
    }),
    model_discover: async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return this.#options.has('noserver')
        ? { servers: [] }
        : {
            servers: [
              {
                name: 'Ollama',
                baseUrl: 'http://127.0.0.1:11434/v1',
                models: ['qwen3:8b', 'llama3.2:3b'],
                provider: 'openAi',
              },
            ],
          };
    },
    python_status: () => fixtures.python,
    python_create: () => fixtures.python,
    python_cancel: () => ({}),
    logs_read: () => ({
      path: '/home/someone/.local/share/okcvm/logs/okcvm.log',
      lines: [
        '{"timestamp":"2026-03-02T10:11:12.123Z","level":"INFO","fields":{"message":"session opened","session":"0193"},"target":"okcvm_engine"}',
        '{"timestamp":"2026-03-02T10:11:14.400Z","level":"WARN","fields":{"message":"the model was slow","waited_ms":4200},"target":"okcvm_model"}',
      ],
    }),
    window_attach: () => ({}),
    window_pick_files: () => ({ paths: ['/home/someone/sales.csv', '/home/someone/map.png'] }),
    window_pick_folder: () => ({ paths: ['/home/someone/project'] }),
    window_pick_save: ({ name }) => ({ paths: [`/home/someone/${name}`] }),
    window_open_deployment: () => ({}),
    window_open_link: () => ({}),
    window_open_file: () => ({}),
    window_reveal_file: () => ({}),
    window_reveal_logs: () => ({}),
    window_fill_display: () => ({}),
  };
}
