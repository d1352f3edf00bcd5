import type { ShownTarget } from './preview.svelte';

/** What a session was left with. `active` is the identity of the target that was shown. */
export interface LeftPreviews {
  tabs: { target: ShownTarget; at: string | null }[];
  active: string;
}

const STORE_KEY = 'okcvm.previews';
const MOST_SESSIONS = 60;

/** Which previews each session was left with; kept between runs. */
export class PreviewMemory {
  readonly #left: Map<string, LeftPreviews>;

  constructor(private readonly storage: Storage | null) {
    this.#left = new Map(read(storage));
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
    try {
      this.storage?.setItem(STORE_KEY, JSON.stringify([...this.#left]));
    } catch {
      // A full or forbidden store costs only the memory of the tabs.
    }
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
