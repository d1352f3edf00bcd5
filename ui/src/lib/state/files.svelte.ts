import type { FileEntry, Transport } from '$lib/ipc';

export interface Folder {
  entries: FileEntry[];
  truncated: boolean;
}

/** The part of the workspace that the file tree has opened. Folders are asked for when they are opened. */
export class Files {
  folders = $state.raw<ReadonlyMap<string, Folder>>(new Map());
  expanded = $state.raw<ReadonlySet<string>>(new Set(['']));
  /** Rises when files changed. */
  version = $state(0);
  /** The version at which something in or below each listed folder has changed last. */
  #touched = $state.raw<ReadonlyMap<string, number>>(new Map());
  /** The version at which the session was shown. */
  #shown = $state(0);
  /** Rises when the trash for files changed. */
  trashVersion = $state(0);
  #sessionId: string | null = null;

  constructor(private readonly transport: Transport) {}

  async show(sessionId: string | null): Promise<void> {
    if (sessionId === this.#sessionId) return;
    this.#sessionId = sessionId;
    this.folders = new Map();
    this.#touched = new Map();
    this.version += 1;
    this.#shown = this.version;
    this.expanded = new Set(['']);
    if (sessionId !== null) await this.#load('');
  }

  async toggle(path: string): Promise<void> {
    const expanded = new Set(this.expanded);
    if (expanded.delete(path)) {
      this.expanded = expanded;
      return;
    }
    this.expanded = expanded.add(path);
    await this.#load(path);
  }

  /** Asks again for the open folders that the changed paths lie in; no paths means all of them. */
  async changed(paths: string[]): Promise<void> {
    this.version += 1;
    this.#touch(paths);
    // The root may not have been there when it was asked for.
    const open = [...this.expanded].filter((path) => path === '' || this.folders.has(path));
    const touched = new Set(paths.map(parentOf));
    const stale = paths.length === 0 ? open : open.filter((path) => touched.has(path) || paths.includes(path));
    await Promise.all(stale.map((path) => this.#load(path)));
  }

  /** Another number once something in or below a listed folder has changed. */
  touched(folder: string): number {
    return this.#touched.get(folder) ?? this.#shown;
  }

  #touch(paths: string[]): void {
    const above = new Set<string>(paths);
    for (const path of above) if (path !== '') above.add(parentOf(path));
    const touched = new Map(this.#touched);
    for (const folder of this.folders.keys()) {
      if (paths.length === 0 || above.has(folder)) touched.set(folder, this.version);
    }
    this.#touched = touched;
  }

  async #load(path: string): Promise<void> {
    const sessionId = this.#sessionId;
    if (sessionId === null) return;
    try {
      const { entries, truncated } = await this.transport.invoke('file_list', { sessionId, path });
      if (sessionId !== this.#sessionId) return;
      this.folders = new Map(this.folders).set(path, { entries, truncated });
    } catch {
      // A folder that vanished while it was open: its parent's list shows that.
      if (sessionId !== this.#sessionId || path === '') return;
      const folders = new Map(this.folders);
      folders.delete(path);
      this.folders = folders;
      const expanded = new Set(this.expanded);
      expanded.delete(path);
      this.expanded = expanded;
    }
  }
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}
