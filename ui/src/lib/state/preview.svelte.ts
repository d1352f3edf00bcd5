import type { Deployment } from '$lib/ipc';
import { extension } from '$lib/format/format';

export type PreviewTarget =
  | { type: 'none' }
  | { type: 'folder'; path: string }
  | { type: 'file'; path: string }
  | { type: 'deployment'; id: string };

export type PreviewKind = 'page' | 'image' | 'markdown' | 'table' | 'text';

export const devices = ['fit', 'desktop', 'tablet', 'phone'] as const;
export type Device = (typeof devices)[number];
/** CSS pixels; `null` takes the room there is. */
export const deviceWidths: Record<Device, number | null> = { fit: null, desktop: 1280, tablet: 820, phone: 390 };

const IMAGES = new Set(['png', 'jpg', 'jpeg', 'gif', 'webp', 'avif', 'bmp', 'ico', 'svg']);

/** How a target is shown. */
export function previewKind(target: PreviewTarget): PreviewKind {
  if (target.type !== 'file') return 'page';
  const ending = extension(target.path);
  if (ending === 'html' || ending === 'htm') return 'page';
  if (IMAGES.has(ending)) return 'image';
  if (ending === 'md' || ending === 'markdown') return 'markdown';
  if (ending === 'csv' || ending === 'tsv') return 'table';
  return 'text';
}

/** What the preview shows. */
export class PreviewState {
  target = $state.raw<PreviewTarget>({ type: 'none' });
  device = $state<Device>('fit');
  /** Rises when what is shown must be fetched again. */
  version = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;

  show(target: PreviewTarget): void {
    this.target = target;
  }

  /** The choice for a session that was just opened: the latest site of the shown path. */
  reset(deployments: Deployment[], activePath: ReadonlySet<string>): void {
    const latest = deployments.find(({ nodeId, onPath }) => (nodeId === null ? onPath : activePath.has(nodeId)));
    this.target = latest ? { type: 'deployment', id: latest.id } : { type: 'none' };
  }

  /** After a restore a site of a turn that was left gives way to the one of the path, or else to the live files. */
  follow(deployments: Deployment[], activePath: ReadonlySet<string>): void {
    const { target } = this;
    if (target.type === 'none') this.reset(deployments, activePath);
    if (target.type !== 'deployment') return;
    const shown = deployments.find(({ id }) => id === target.id);
    this.reset(deployments, activePath);
    if (this.target.type === 'none' && shown) this.target = { type: 'folder', path: shown.folder };
  }

  reload(): void {
    this.version += 1;
  }

  /** Fetches again soon if one of the changed paths belongs to what is shown; no paths means anything. */
  filesChanged(paths: string[]): void {
    if (!touches(this.target, paths)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reload(), 150);
  }
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
