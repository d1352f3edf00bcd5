import type { ShownTarget } from './preview.svelte';

/** What a session was left with. `active` is the identity of the target that was shown. */
export interface LeftPreviews {
  tabs: { target: ShownTarget; at: string | null }[];
  active: string;
}

const STORE_KEY = 'okcvm.previews';
const HUNG_KEY = 'okcvm.hungPreviews';
const MOST_SESSIONS = 60;

/** Which previews each session was left with; kept between runs. */
export class PreviewMemory {
  readonly #left: Map<string, LeftPreviews>;
  /** What held up the window when it was shown last; it opens by a person's hand alone. */
  readonly #hung: Set<string>;

  constructor(private readonly storage: Storage | null) {
    this.#left = new Map(read(storage));
    this.#hung = new Set(readHung(storage));
  }

  hung(sessionId: string | null, identity: string): boolean {
    return this.#hung.has(`${sessionId} ${identity}`);
  }

  /** Notes that a target held up the window, or that it may be shown again. */
  setHung(sessionId: string, identity: string, hung: boolean): void {
    const name = `${sessionId} ${identity}`;
    if (hung === this.#hung.has(name)) return;
    if (hung) this.#hung.add(name);
    else this.#hung.delete(name);
    this.#write(HUNG_KEY, [...this.#hung].slice(-MOST_SESSIONS));
  }

  recall(sessionId: string): LeftPreviews | null {
    return this.#left.get(sessionId) ?? null;
  }

  keep(sessionId: string, left: LeftPreviews): void {
    this.#left.delete(sessionId);
    if (left.tabs.length > 0) this.#left.set(sessionId, left);
    for (const id of [...this.#left.keys()].slice(0, Math.max(0, this.#left.size - MOST_SESSIONS))) {
      this.#left.delete(id);
    }
    this.#write(STORE_KEY, [...this.#left]);
  }

  #write(key: string, value: unknown): void {
    try {
      this.storage?.setItem(key, JSON.stringify(value));
    } catch {
      // A full or forbidden store costs only the memory of the tabs.
    }
  }
}

function readHung(storage: Storage | null): string[] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(HUNG_KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

function read(storage: Storage | null): [string, LeftPreviews][] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(STORE_KEY) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.flatMap((entry: unknown) => {
      const [id, left] = Array.isArray(entry) ? (entry as [unknown, Partial<LeftPreviews> | null]) : [];
      if (typeof id !== 'string' || !Array.isArray(left?.tabs)) return [];
      const tabs = left.tabs.filter(isTab);
      return tabs.length > 0 ? [[id, { tabs, active: String(left.active ?? '') }] as [string, LeftPreviews]] : [];
    });
  } catch {
    return [];
  }
}

function isTab(tab: unknown): tab is LeftPreviews['tabs'][number] {
  const { target, at } = (tab ?? {}) as { target?: Record<string, unknown>; at?: unknown };
  if (at !== null && typeof at !== 'string') return false;
  if (target?.type === 'deployment') return typeof target.id === 'string';
  return (target?.type === 'folder' || target?.type === 'file') && typeof target.path === 'string';
}
