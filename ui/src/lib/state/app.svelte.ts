import { getContext, setContext } from 'svelte';
import {
  toAppError,
  type EngineEvent,
  type ModelProfile,
  type NodeSummary,
  type NumberedEvent,
  type Transport,
} from '$lib/ipc';
import { copyText } from '$lib/format/clipboard';
import { I18n } from '$lib/i18n/i18n.svelte';
import { ChangesView } from './changes.svelte';
import { Composer } from './composer.svelte';
import { EventPump } from './eventPump';
import { Files } from './files.svelte';
import { Handles } from './handles';
import { HistoryState } from './history.svelte';
import { Exports } from './exports.svelte';
import { Imports } from './imports.svelte';
import { Layout } from './layout.svelte';
import { Moves } from './moves';
import { NetworkState } from './network.svelte';
import { DEMO_PROFILE, Preferences } from './preferences.svelte';
import { Permissions } from './permissions';
import { PreviewState, fileKind } from './preview.svelte';
import { PreviewMemory } from './previewMemory';
import { TableProgress } from './tableProgress.svelte';
import { PythonState } from './python.svelte';
import { ProcessesState } from './processes.svelte';
import { SessionList } from './sessionList.svelte';
import { SessionState, type SessionEffect } from './sessionState.svelte';
import { Thumbnails } from './thumbnails';
import { Toasts } from './toasts.svelte';
import { Turns } from './turns';

export const settingsSections = [
  'models',
  'keys',
  'limits',
  'history',
  'permissions',
  'appearance',
  'tools',
  'python',
  'logs',
  'about',
] as const;
export type SettingsSection = (typeof settingsSections)[number];

const DAY_MS = 86_400_000;
/** The one dialog that lies over the window. */
export type Modal =
  | { type: 'settings'; section: SettingsSection }
  | { type: 'palette' }
  | { type: 'shortcuts' }
  | { type: 'link'; url: string }
  | { type: 'restore'; nodeId: string; paths?: string[] }
  | { type: 'revert'; nodeId: string }
  | { type: 'confirm'; title: string; text: string; accept: string; run: () => Promise<void> };

/** Everything that the window knows, and what it can do. */
export class App {
  readonly i18n = new I18n();
  readonly layout: Layout;
  readonly toasts = new Toasts();
  readonly preferences: Preferences;
  readonly sessions: SessionList;
  readonly files: Files;
  readonly preview: PreviewState;
  /** How far opened tables are counted. */
  readonly tables = new TableProgress();
  readonly imports: Imports;
  readonly exports: Exports;
  readonly thumbnails: Thumbnails;
  /** Addresses of previews. */
  readonly handles: Handles;
  readonly composer: Composer;
  readonly moves = new Moves(this);
  readonly turns = new Turns(this);
  readonly permissions = new Permissions(this);
  /** Rises when rules of permission came or went. */
  rulesVersion = $state(0);

  session = $state.raw<SessionState | null>(null);
  modal = $state.raw<Modal | null>(null);
  dragging = $state(false);
  ready = $state(false);
  /** Why the window could not start. */
  failure = $state.raw<ReturnType<typeof toAppError> | null>(null);
  /** One sentence at a time for screen readers. */
  announcement = $state('');
  /** What the changes tab shows. */
  readonly changes = new ChangesView();
  readonly history: HistoryState;
  readonly python: PythonState;
  readonly processes: ProcessesState;
  readonly network: NetworkState;

  readonly activeProfile = $derived(
    this.preferencesProfile(this.session?.profile) ?? this.preferencesProfile(undefined),
  );
  /** Nobody has chosen a model yet: the first page stands in place of the workbench. */
  get firstRun(): boolean {
    return this.preferences.settings !== null && !this.preferences.settings.firstRunDone;
  }

  /** The model may want a key that lies behind a passphrase which was not entered in this run. */
  get keysLocked(): boolean {
    const { secrets } = this.preferences;
    return !this.demo && secrets?.backend === 'encryptedFile' && secrets.fileLocked;
  }

  readonly demo = $derived(this.activeProfile?.provider === 'demo');

  readonly #pump = new EventPump((events) => this.#receive(events));
  /** Events that arrive while a session is being asked for; its answer says which of them are news. */
  #held: NumberedEvent[] | null = null;
  #opening = 0;
  /** One after the other: the last word counts. */
  #filling: Promise<unknown> = Promise.resolve();
  #reopening = false;

  constructor(
    readonly transport: Transport,
    storage: Storage | null = typeof localStorage === 'undefined' ? null : localStorage,
  ) {
    this.layout = new Layout(storage);
    this.preview = new PreviewState(new PreviewMemory(storage));
    this.composer = new Composer(storage);
    this.preferences = new Preferences(transport);
    this.history = new HistoryState(transport);
    this.python = new PythonState(transport);
    this.processes = new ProcessesState(transport);
    this.network = new NetworkState(transport);
    this.sessions = new SessionList(transport);
    this.files = new Files(transport);
    this.handles = new Handles(transport);
    this.thumbnails = new Thumbnails(transport);
    this.exports = new Exports(transport, {
      saved: ({ path, renamed = [] }) => {
        this.toasts.info(this.i18n.t('export.saved', { path }));
        if (renamed.length > 0) {
          this.toasts.error({
            message: this.i18n.count('export.renamed', renamed.length),
            detail: renamed.map(({ path: from, reason: to }) => `${from}: ${to}`).join('\n'),
          });
        }
      },
      failed: (error) => this.toasts.error(this.i18n.error(error)),
      busy: () => this.toasts.info(this.i18n.t('export.busy')),
    });
    this.imports = new Imports(transport, {
      imported: (sessionId, attachments) => {
        this.composer.attach(sessionId, attachments);
        if (attachments.length > 0) this.composer.focus();
      },
      failed: (error) => this.toasts.error(this.i18n.error(error)),
      busy: () => this.toasts.info(this.i18n.t('import.busy')),
    });
  }

  preferencesProfile(id: string | undefined) {
    return this.preferences.profile(id ?? this.preferences.settings?.defaultProfile ?? DEMO_PROFILE);
  }

  /** Loads what the first picture needs, then listens. */
  /** `hung`: the page before was ended, since what it showed held up the window. */
  async start(hung = false): Promise<void> {
    try {
      await this.preferences.load();
      this.applyAppearance();
      await this.sessions.load();
      const last = this.sessions.sessions.find(({ id }) => id === this.layout.session) ?? this.sessions.sessions[0];
      const shown = hung && last ? this.preview.noteHung(last.id) : null;
      // A session that cannot be opened must not keep the others closed.
      if (last) await this.attempt(() => this.openSession(last.id));
      if (hung) this.#tellHung(shown);
      await this.transport.subscribe(this.session?.sequence ?? 0, (events) => this.#pump.push(events));
      await this.transport.onDrop((event) => {
        this.dragging = event.type === 'enter';
        if (event.type === 'drop') void this.importFiles(event.paths);
      });
      this.ready = true;
      void this.attempt(async () => {
        await this.processes.load();
        const left = this.processes.leftBehind.reduce((sum, { ended, remaining }) => sum + ended + remaining, 0);
        if (left > 0) this.toasts.info(this.i18n.count('processes.leftToast', left));
      });
    } catch (thrown) {
      this.failure = toAppError(thrown);
    }
  }

  applyAppearance(): void {
    const appearance = this.preferences.settings?.appearance;
    if (appearance) this.i18n.choose(appearance.language);
  }

  /** A name that a person gave stays as it is; the two that the engine gives are worded. */
  profileName(profile: ModelProfile): string {
    const given = profile.id !== DEMO_PROFILE && profile.id !== this.preferences.info?.environmentProfile;
    return given ? profile.name : this.i18n.engine(profile.name);
  }

  /** What a node is called: the start of its message, unless the app itself said it. */
  nodeTitle(node: NodeSummary): string {
    return this.session?.continues(node) ? this.i18n.t('tree.continued') : node.title;
  }

  /** Makes the window as large as the display, until the answer is called. Where that is refused it stays as it is. */
  fillDisplay(): () => void {
    const fill = (on: boolean) => {
      const next = () => this.transport.invoke('window_fill_display', { on }).catch(() => undefined);
      this.#filling = this.#filling.then(next, next);
    };
    fill(true);
    return () => fill(false);
  }

  daysLeft(at: number): number {
    return Math.max(0, Math.ceil((at - Date.now()) / DAY_MS));
  }

  /** When something in the trash is removed for good. */
  purgeWords(at: number): string {
    const days = this.daysLeft(at);
    return days < 1 ? this.i18n.t('trash.soon') : this.i18n.count('trash.days', days);
  }

  /** What failed, for a place that has room for a sentence or two. */
  wordFailure(thrown: unknown): string {
    const { message, hint } = this.i18n.error(toAppError(thrown));
    return [message, hint].filter(Boolean).join(' ');
  }

  /** Runs a request of the person; what fails is said. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code !== 'cancelled') this.toasts.error(this.i18n.error(error));
      return undefined;
    }
  }

  // Sessions

  #tellHung(shown: string | null): void {
    const place = shown?.slice(shown.indexOf(':') + 1);
    const site = this.session?.deployments.find(({ id }) => id === place);
    const name = site?.title || place || this.i18n.t('preview.site');
    // Only what runs scripts is to be blamed for one.
    const isPage = shown !== null && (site !== undefined || !shown.startsWith('file:') || fileKind(shown) === 'page');
    const how = isPage ? 'preview.hung' : shown ? 'preview.hungBeside' : 'preview.hungUnknown';
    const hint = this.i18n.t(isPage ? 'preview.hungHint' : 'preview.hungBesideHint');
    this.toasts.error({ message: this.i18n.t(how, { name }), hint });
  }

  async openSession(id: string): Promise<void> {
    const opening = ++this.#opening;
    this.#held ??= [];
    try {
      const detail = await this.transport.invoke('session_open', { sessionId: id });
      if (opening !== this.#opening) return;
      const again = this.session?.id === id;
      if (again) this.session?.load(detail);
      else {
        this.session = new SessionState(detail);
        this.preview.open(id, detail.deployments, this.session.activePath);
        this.changes.reset();
        this.layout.forgetNews();
        this.layout.rememberSession(id);
      }
      void this.files.show(id);
    } finally {
      if (opening === this.#opening) {
        const held = this.#held ?? [];
        this.#held = null;
        this.#receive(held);
      }
    }
  }

  async newSession(folder: string | null = null): Promise<void> {
    await this.attempt(async () => {
      const summary = await this.transport.invoke('session_create', { title: null, folder });
      this.sessions.trash = false;
      this.sessions.search = '';
      await this.sessions.load();
      await this.openSession(summary.id);
      this.layout.drawerOpen = false;
      this.composer.focus();
    });
  }

  async newSessionInFolder(): Promise<void> {
    await this.attempt(async () => {
      const { paths } = await this.transport.invoke('window_pick_folder', {});
      const folder = paths[0];
      if (folder) await this.newSession(folder);
    });
  }

  /** Asks where the folder of a session is now, and tells the session. */
  async moveSessionFolder(id: string): Promise<void> {
    await this.attempt(async () => {
      const { paths } = await this.transport.invoke('window_pick_folder', {});
      const folder = paths[0];
      if (!folder) return;
      this.sessions.apply(await this.transport.invoke('session_move_folder', { sessionId: id, folder }));
      if (this.session?.id !== id) return;
      await this.openSession(id);
      await this.files.changed([]);
    });
  }

  async deleteSession(id: string): Promise<void> {
    await this.attempt(async () => {
      const summary = await this.transport.invoke('session_delete', { sessionId: id });
      this.sessions.apply(summary);
      if (this.session?.id === id) await this.#openNext();
      this.toasts.info(this.i18n.t('sessions.trashed', { title: summary.title }), {
        label: this.i18n.t('common.undo'),
        run: () => void this.recoverSession(id),
      });
    });
  }

  async recoverSession(id: string): Promise<void> {
    await this.attempt(async () => {
      const summary = await this.transport.invoke('session_recover', { sessionId: id });
      this.sessions.apply(summary);
      if (this.session?.id === id) this.session.summary = summary;
      if (!this.session) await this.openSession(id);
    });
  }

  async #openNext(): Promise<void> {
    const next = this.sessions.trash ? undefined : this.sessions.sessions[0];
    if (next) return this.openSession(next.id);
    this.session = null;
    this.layout.rememberSession(null);
    this.preview.reset([], new Set());
    await this.files.show(null);
  }

  /** The open session, or a new one with the draft that was written for none. */
  async ensureSession(): Promise<SessionState | null> {
    if (this.session) return this.session;
    const draft = this.composer.draft(null);
    await this.newSession();
    const session = this.session as SessionState | null;
    if (session) this.composer.restore(session.id, draft);
    this.composer.clear(null);
    return session;
  }

  // Settings of the session

  async chooseProfile(profile: string): Promise<void> {
    const session = this.session;
    await this.attempt(async () => {
      if (!session) return this.preferences.save({ defaultProfile: profile });
      await this.transport.invoke('session_configure', { sessionId: session.id, profile, limits: null });
      session.profile = profile;
    });
  }

  // Files

  async importFiles(paths: string[], target = ''): Promise<void> {
    if (paths.length === 0) return;
    await this.attempt(async () => {
      const session = await this.ensureSession();
      if (session && !session.readOnly) await this.imports.begin(session.id, paths, target);
    });
  }

  async pickFiles(): Promise<void> {
    await this.attempt(async () => {
      const { paths } = await this.transport.invoke('window_pick_files', {});
      await this.importFiles(paths);
    });
  }

  /** Names a file of the workspace in the draft. */
  attachWorkspaceFile = (path: string) =>
    this.inSession(async (sessionId) => {
      const { size, mime } = await this.transport.invoke('file_read', { sessionId, path, maxBytes: 0 });
      this.composer.attach(sessionId, [{ path, size, mime }]);
      this.composer.focus();
    });

  openFile = (path: string) =>
    this.inSession((sessionId) => this.transport.invoke('window_open_file', { sessionId, path }));

  revealFile = (path: string) =>
    this.inSession((sessionId) => this.transport.invoke('window_reveal_file', { sessionId, path }));

  openDeployment = (deploymentId: string) =>
    this.attempt(() => this.transport.invoke('window_open_deployment', { deploymentId }));

  previewFile(path: string): void {
    this.preview.show({ type: 'file', path });
    this.layout.showTab('preview');
  }

  /** Shows a file, or a folder as a site, as it was at a node. */
  previewAt(nodeId: string, target: { type: 'folder' | 'file'; path: string }): void {
    this.preview.show(target, { at: nodeId });
    this.layout.showTab('preview');
  }

  /** Shows the text of a file from a line on, counted from 1. */
  previewSource(path: string, line: number, at: string | null): void {
    this.preview.show({ type: 'file', path }, { line, at, source: true });
    this.layout.showTab('preview');
  }

  /** Puts words of something else into the draft as a quotation, for the person to send. */
  quote(intro: string, lines: readonly string[]): void {
    const id = this.session?.id ?? null;
    const { text } = this.composer.draft(id);
    const quoted = lines.flatMap((line) => line.split('\n')).map((line) => `> ${line}`);
    this.composer.write(id, [...(text.trim() === '' ? [] : [text.trimEnd(), '']), intro, ...quoted, ''].join('\n'));
    this.composer.focus();
  }

  /** A path in what was written: as the model sees the workspace, from its top, or from a folder of it. */
  previewPath(path: string, folder = ''): void {
    const relative = pathIn(folder, path.replace(/[?#].*$/, ''));
    if (relative === '' || /(^|\/)\.{0,2}$/.test(path.replace(/[?#].*$/, ''))) this.previewFolder(relative);
    else this.previewFile(relative);
  }

  async copy(text: string): Promise<void> {
    await this.attempt(async () => {
      await copyText(text);
      this.toasts.info(this.i18n.t('common.copied'));
    });
  }

  previewFolder(path: string): void {
    this.preview.show({ type: 'folder', path });
    this.layout.showTab('preview');
  }

  previewDeployment(id: string): void {
    this.preview.show({ type: 'deployment', id });
    this.layout.showTab('preview');
  }

  /** A link in what the model wrote: our own sites open in the preview, others after a question. */
  openLink(url: string): void {
    const deployment = this.session?.deployments.find((site) => url.includes(`//${site.id}.localhost`));
    if (deployment) this.previewDeployment(deployment.id);
    else this.modal = { type: 'link', url };
  }

  showChanges(nodeId: string): void {
    this.changes.showNode(nodeId);
    this.layout.showTab('changes');
  }

  /** Shows what differs between two nodes, from the left to the right. */
  compare(left: string, right: string): void {
    this.changes.compare(left, right);
    this.layout.showTab('changes');
  }

  /** Shows what happened to a file. */
  showFileHistory(path: string): void {
    this.changes.historyOf = path;
    this.layout.showTab('changes');
  }

  openSettings(section: SettingsSection = 'models'): void {
    this.modal = { type: 'settings', section };
  }

  // Events

  /** Runs a request that needs the open session; does nothing without one. */
  async inSession<T>(work: (sessionId: string) => Promise<T>): Promise<T | undefined> {
    const id = this.session?.id;
    return id === undefined ? undefined : this.attempt(() => work(id));
  }

  #receive(events: NumberedEvent[]): void {
    if (this.#held) {
      this.#held.push(...events);
      return;
    }
    let reopen = false;
    const paths: string[] = [];
    let anyPath = false;
    for (const numbered of events) {
      this.#applyOutside(numbered.event);
      for (const effect of this.session?.apply(numbered) ?? []) {
        if (effect.type === 'reopen') reopen = true;
        else if (effect.type === 'filesChanged') {
          anyPath ||= effect.paths.length === 0;
          paths.push(...effect.paths);
        } else this.#follow(effect);
      }
    }
    if (anyPath || paths.length > 0) {
      const changed = anyPath ? [] : paths;
      this.preview.filesChanged(changed);
      void this.files.changed(changed);
    }
    if (reopen) void this.#reopen();
  }

  /** Reads the open session anew: what another program did, and whether it may be written by now. */
  async lookAgain(): Promise<void> {
    const known = new Set(this.session?.deployments.map(({ id }) => id));
    await this.#reopen();
    const site = this.session?.deployments.find(({ id }) => !known.has(id));
    if (site) this.preview.showSite(site, this.session?.deployments ?? []);
  }

  async #reopen(): Promise<void> {
    const id = this.session?.id;
    if (id === undefined || this.#reopening) return;
    this.#reopening = true;
    await this.attempt(() => this.openSession(id));
    this.#reopening = false;
  }

  #follow(effect: Exclude<SessionEffect, { type: 'reopen' } | { type: 'filesChanged' }>): void {
    switch (effect.type) {
      case 'deployed':
        this.preview.showSite(effect.deployment, this.session?.deployments ?? []);
        this.preview.reload();
        {
          const shown = this.layout.offerPreview() === 'shown';
          const words = shown ? 'status.deployed' : 'status.deployedWaiting';
          this.announcement = this.i18n.t(words, { title: effect.deployment.title });
        }
        break;
      case 'turnStarted':
        this.layout.letGo();
        // What it offers to undo is behind a turn now; the tree still has it.
        this.toasts.clear('restore');
        break;
      case 'asked': {
        const actions = effect.actions.map((action) => this.i18n.t(`approval.${action}`));
        this.announcement = this.i18n.t('approval.announce', { actions: actions.join(this.i18n.t('approval.and')) });
        break;
      }
      case 'turnEnded':
        this.announcement = this.i18n.t(`status.${effect.node.status}`);
        break;
    }
  }

  #applyOutside(event: EngineEvent): void {
    if (event.type === 'resync') void this.attempt(() => this.sessions.load());
    if (event.type !== 'app') return;
    switch (event.event.type) {
      case 'sessionChanged':
        this.sessions.apply(event.event.summary);
        break;
      case 'sessionRemoved':
        this.sessions.remove(event.event.sessionId);
        if (this.session?.id === event.event.sessionId) void this.attempt(() => this.#openNext());
        break;
      case 'importProgress':
        this.imports.progressed(event.event.progress);
        break;
      case 'exportProgress':
        this.exports.progressed(event.event.progress);
        break;
      case 'pythonProgress':
        this.python.progressed(event.event.message);
        break;
      case 'rulesChanged':
        this.rulesVersion += 1;
        break;
      case 'deletedFilesChanged':
        if (event.event.sessionId === this.session?.id) this.files.trashVersion += 1;
        break;
      case 'settingsChanged':
        void this.attempt(async () => {
          await this.preferences.load();
          this.applyAppearance();
        });
        break;
      case 'historyTidying':
      case 'historyTidied':
        this.history.apply(event.event);
        break;
      case 'processesChanged':
        this.processes.apply(event.event);
        break;
      case 'contactMade':
      case 'networkChanged':
        this.network.apply(event.event);
        break;
      case 'tableIndexed':
        this.tables.progressed(event.event);
        break;
      case 'workspaceChanged':
      case 'queueChanged':
      case 'todosChanged':
      case 'deployed':
      case 'treeChanged':
        break;
    }
  }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Where a path leads that was written in a file of the folder. Nothing leads out of the workspace. */
export function pathIn(folder: string, path: string): string {
  const named = decodePath(path);
  const inside = named.replace(/^\/mnt\/okcomputer(?=\/|$)/, '');
  const parts = inside !== named || inside.startsWith('/') ? [] : folder.split('/').filter(Boolean);
  for (const part of inside.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

const KEY = Symbol('app');

export function provideApp(app: App): App {
  return setContext(KEY, app);
}

export function useApp(): App {
  return getContext<App>(KEY);
}
