import type { Deployment, PreviewSource } from '$lib/ipc';
import { extension } from '$lib/format/format';
import { PreviewMemory } from './previewMemory';

/** Something that the workspace holds now, or held at a node. */
export type PreviewTarget =
  | { type: 'none' }
  | { type: 'folder'; path: string }
  | { type: 'file'; path: string }
  | { type: 'deployment'; id: string };
export type ShownTarget = Exclude<PreviewTarget, { type: 'none' }>;

/** One of the open previews. It is replaced, never changed in place. */
export interface PreviewTab {
  readonly key: number;
  readonly target: ShownTarget;
  /** It is shown as it was at this node; `null` is the present. */
  readonly at: string | null;
  /** What it is compared with: the same at another node, or at present (`null`). */
  readonly beside?: { at: string | null };
  /** The line to begin with, from 1; how often it was asked for, so that the same line is found again. */
  readonly line?: { number: number; asked: number };
  /** A page is shown by its text. */
  readonly source?: boolean;
}

export type PreviewKind =
  | 'page'
  | 'image'
  | 'markdown'
  | 'table'
  | 'text'
  | 'pdf'
  | 'audio'
  | 'video'
  | 'json'
  | 'notebook'
  | 'font'
  | 'archive'
  | 'slides'
  | 'other';

export const devices = ['fit', 'desktop', 'tablet', 'phone'] as const;
export type Device = (typeof devices)[number];
/** CSS pixels; `null` takes the room there is. */
export const deviceWidths: Record<Device, number | null> = { fit: null, desktop: 1280, tablet: 820, phone: 390 };

/** What a page that is shown offers to the bar above it. */
export interface PageControls {
  back(): void;
  forward(): void;
  readonly canBack: boolean;
  readonly canForward: boolean;
  /** Errors and requests that failed. */
  readonly problems: number;
}

/** So many previews are open at a time; the one that was left longest goes first. */
const MOST_TABS = 12;

const BY_ENDING: Record<string, PreviewKind> = Object.fromEntries(
  (
    [
      ['page', 'html htm xhtml'],
      ['image', 'png jpg jpeg gif webp avif bmp ico svg'],
      ['markdown', 'md markdown'],
      ['table', 'csv tsv xlsx xls xlsm ods'],
      ['pdf', 'pdf'],
      ['audio', 'mp3 wav ogg oga opus flac m4a aac weba'],
      ['video', 'mp4 webm mov m4v mkv ogv avi'],
      ['json', 'json geojson webmanifest'],
      ['notebook', 'ipynb'],
      ['font', 'ttf otf woff woff2'],
      ['archive', 'zip jar tar tgz gz bz2 xz zst 7z rar whl epub'],
      ['slides', 'pptx'],
      ['other', 'docx doc odt ppt odp exe dll so bin wasm sqlite db parquet pyc'],
    ] as const
  ).flatMap(([kind, endings]) => endings.split(' ').map((ending) => [ending, kind])),
);

/** How a file of that name is shown, if its content agrees. */
export function fileKind(path: string): PreviewKind {
  return BY_ENDING[extension(path)] ?? 'text';
}

/** How a target is shown. */
export function previewKind(target: PreviewTarget): PreviewKind {
  return target.type === 'file' ? fileKind(target.path) : 'page';
}

/** What names the target among others. */
export function identity(target: PreviewTarget): string {
  return target.type === 'none' ? '' : `${target.type}:${target.type === 'deployment' ? target.id : target.path}`;
}

/** The open previews of the session, and which of them is shown. */
export class PreviewState {
  tabs = $state.raw<readonly PreviewTab[]>([]);
  #active = $state<number | null>(null);
  device = $state<Device>('fit');
  consoleOpen = $state(false);
  /** The page that is shown, if it is one. */
  page = $state.raw<PageControls | null>(null);
  /** Rises when what is shown must be fetched again. */
  version = $state(0);
  /** Rises when the person asks for it once more. */
  asked = $state(0);
  #keys = 0;
  /** Keys of tabs, the one that was shown last at the end. */
  #shown: readonly number[] = [];
  #asked = 0;
  #session: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly tab = $derived(this.tabs.find(({ key }) => key === this.#active) ?? null);
  readonly target: PreviewTarget = $derived(this.tab?.target ?? { type: 'none' });

  constructor(private readonly memory = new PreviewMemory(null)) {}

  /** Shows a target: in its own tab if there is one, else in a new one. */
  show(target: PreviewTarget, rest: { at?: string | null; line?: number; source?: boolean } = {}): void {
    if (target.type === 'none') return;
    if (this.#session !== null) this.memory.setHung(this.#session, identity(target), false);
    const at = rest.at ?? null;
    const line = rest.line === undefined ? {} : { line: { number: rest.line, asked: ++this.#asked } };
    const source = rest.source ? { source: true } : {};
    const known = this.tabs.find(
      (tab) => identity(tab.target) === identity(target) && Boolean(tab.source) === Boolean(rest.source),
    );
    if (known) {
      this.#replace({ key: known.key, target, at, ...source, ...line });
      this.activate(known.key);
      return;
    }
    const tab: PreviewTab = { key: ++this.#keys, target, at, ...source, ...line };
    const out = this.tabs.length < MOST_TABS ? undefined : this.#leftLongest();
    this.tabs = [...this.tabs.filter(({ key }) => key !== out), tab];
    this.activate(tab.key);
  }

  /** The key of the tab that was not shown for longest. */
  #leftLongest(): number | undefined {
    const shown = (key: number) => this.#shown.indexOf(key);
    return this.tabs.map(({ key }) => key).sort((left, right) => shown(left) - shown(right))[0];
  }

  activate(key: number): void {
    this.#choose(key);
    this.#remember();
  }

  #choose(key: number | null): void {
    this.#active = key;
    if (key !== null) this.#shown = [...this.#shown.filter((one) => one !== key && this.#has(one)), key];
  }

  #has(key: number): boolean {
    return this.tabs.some((tab) => tab.key === key);
  }

  /** Puts another target into the tab that is shown. */
  become(target: ShownTarget): void {
    const tab = this.tab;
    if (!tab) return this.show(target);
    const other = this.tabs.find((one) => one.key !== tab.key && identity(one.target) === identity(target));
    if (other) return this.activate(other.key);
    this.#replace({ key: tab.key, target, at: null });
  }

  /** A site was deployed: it takes the tab of what its folder was before, or a new one. */
  showSite(deployment: Deployment, deployments: readonly Deployment[]): void {
    const before = this.tabs.find(({ target, at }) => {
      if (at !== null) return false;
      if (target.type !== 'deployment') return target.type === 'folder' && target.path === deployment.folder;
      return deployments.some(({ id, folder }) => id === target.id && folder === deployment.folder);
    });
    const target = { type: 'deployment', id: deployment.id } as const;
    if (!before) return this.show(target);
    this.#choose(before.key);
    this.become(target);
  }

  /** Closes a tab; its neighbour is shown. */
  close(key: number): void {
    const index = this.tabs.findIndex((tab) => tab.key === key);
    if (index === -1) return;
    this.tabs = this.tabs.filter((tab) => tab.key !== key);
    if (this.#active === key) this.#choose((this.tabs[index] ?? this.tabs[index - 1])?.key ?? null);
    this.#remember();
  }

  /** Moves to the tab so many places away, round the ends. */
  step(by: number): void {
    const index = this.tabs.findIndex(({ key }) => key === this.#active);
    const next = this.tabs[(index + by + this.tabs.length) % this.tabs.length];
    if (next) this.activate(next.key);
  }

  /** Shows the tab as it was at a node, or at present. */
  at(nodeId: string | null): void {
    if (this.tab && this.tab.at !== nodeId) this.#replace({ ...this.tab, at: nodeId });
  }

  /** Puts another moment beside it, or takes it away. */
  compare(beside: { at: string | null } | undefined): void {
    if (!this.tab) return;
    const { beside: _, ...rest } = this.tab;
    this.#replace(beside ? { ...rest, beside } : rest);
  }

  /** The target that a session was left with held up the window. Answers which it was. */
  noteHung(sessionId: string): string | null {
    const active = this.memory.recall(sessionId)?.active ?? null;
    if (active) this.memory.setHung(sessionId, active, true);
    return active;
  }

  /**
   * The previews of a session that was just opened: those it was left with, or the latest site of the shown path; nothing
   * of what held up the window.
   */
  open(sessionId: string | null, deployments: Deployment[], activePath: ReadonlySet<string>): void {
    this.#session = null;
    this.tabs = [];
    this.#active = null;
    const left = sessionId === null ? null : this.memory.recall(sessionId);
    for (const { target, at } of left?.tabs ?? []) {
      const gone = target.type === 'deployment' && !deployments.some(({ id }) => id === target.id);
      if (!gone && !this.memory.hung(sessionId, identity(target)))
        this.show(target, { at: at !== null && activePath.has(at) ? at : null });
    }
    const shown = this.tabs.find(({ target }) => identity(target) === left?.active) ?? this.tabs.at(-1);
    if (shown) this.#choose(shown.key);
    else {
      const harmless = deployments.filter(({ id }) => !this.memory.hung(sessionId, `deployment:${id}`));
      this.#showLatest(harmless, activePath);
    }
    this.#session = sessionId;
    // Also what opened by itself is known, should it hold up the window.
    this.#remember();
  }

  /** Only the latest site of the shown path is open, or nothing. */
  reset(deployments: Deployment[], activePath: ReadonlySet<string>): void {
    this.open(null, deployments, activePath);
  }

  #showLatest(deployments: Deployment[], activePath: ReadonlySet<string>): boolean {
    const latest = deployments.find(({ nodeId, onPath }) => (nodeId === null ? onPath : activePath.has(nodeId)));
    if (latest) this.show({ type: 'deployment', id: latest.id });
    return latest !== undefined;
  }

  /** After a restore a site of a turn that was left gives way to the one of the path, or else to the live files. */
  follow(deployments: Deployment[], activePath: ReadonlySet<string>): void {
    for (const tab of this.tabs) if (tab.at !== null) this.#replace({ ...tab, at: null });
    const { target, tab } = this;
    if (!tab) {
      this.#showLatest(deployments, activePath);
      return;
    }
    if (target.type !== 'deployment') return;
    const shown = deployments.find(({ id }) => id === target.id);
    this.tabs = this.tabs.filter(({ key }) => key !== tab.key);
    if (this.#showLatest(deployments, activePath)) return;
    if (shown) this.show({ type: 'folder', path: shown.folder });
    else this.#choose(this.tabs.at(-1)?.key ?? null);
    this.#remember();
  }

  /** The person wants all of it anew. */
  reload(): void {
    this.asked += 1;
    this.version += 1;
  }

  /** Fetches again soon if one of the changed paths belongs to what is shown; no paths means anything. */
  filesChanged(paths: string[]): void {
    if (this.tab?.at && !this.tab.beside) return;
    if (!touches(this.target, paths)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.version += 1), 150);
  }

  #replace(tab: PreviewTab): void {
    this.tabs = this.tabs.map((one) => (one.key === tab.key ? tab : one));
    this.#remember();
  }

  #remember(): void {
    if (this.#session === null) return;
    const tabs = this.tabs.filter(({ source }) => !source).map(({ target, at }) => ({ target, at }));
    this.memory.keep(this.#session, { tabs, active: identity(this.target) });
  }
}

/** Where a tab's files come from, at the node that it is set to or at another. */
export function sourceOf(
  target: ShownTarget,
  at: string | null,
  deployments: readonly Deployment[],
): PreviewSource | null {
  if (target.type === 'deployment') {
    if (at === null) return { type: 'deployment', id: target.id };
    const site = deployments.find(({ id }) => id === target.id);
    return site ? { type: 'snapshot', nodeId: at, path: site.folder } : null;
  }
  return at === null ? { type: 'live', path: target.path } : { type: 'snapshot', nodeId: at, path: target.path };
}

export function touches(target: PreviewTarget, paths: string[]): boolean {
  switch (target.type) {
    case 'none':
    case 'deployment':
      return false;
    case 'folder':
      return paths.length === 0 || target.path === '' || paths.some((path) => within(path, target.path));
    case 'file': {
      if (paths.length === 0) return true;
      // A page draws on the files beside it.
      const folder = target.path.split('/').slice(0, -1).join('/');
      const page = previewKind(target) === 'page';
      return paths.some((path) => path === target.path || (page && (folder === '' || within(path, folder))));
    }
  }
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
