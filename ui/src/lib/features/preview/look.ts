import type { FileFacts, PreviewSource } from '$lib/ipc';
import { fileKind } from '$lib/state/preview.svelte';

/** What a viewer shows. */
export interface Look {
  sessionId: string;
  source: PreviewSource;
  path: string;
  facts: FileFacts;
  /** Rises when the file has changed. */
  version: number;
}

export type Viewer =
  | 'empty'
  | 'folder'
  | 'page'
  | 'image'
  | 'markdown'
  | 'table'
  | 'pdf'
  | 'audio'
  | 'video'
  | 'json'
  | 'notebook'
  | 'font'
  | 'archive'
  | 'slides'
  | 'code'
  | 'other';

const BY_MIME: [RegExp, Viewer][] = [
  [/^image\//, 'image'],
  [/^audio\//, 'audio'],
  [/^video\//, 'video'],
  [/^application\/pdf$/, 'pdf'],
  [/^font\//, 'font'],
  [/^application\/(zip|gzip|x-tar|x-7z-compressed)$/, 'archive'],
];

/** Which viewer fits: the name says what a file is meant to be, the content whether it is. */
export function viewerOf(path: string, facts: FileFacts): Viewer {
  if (facts.mime === 'inode/directory') return 'folder';
  if (facts.size === 0) return 'empty';
  const kind = fileKind(path);
  switch (kind) {
    case 'markdown':
    case 'json':
    case 'notebook':
      return facts.text ? kind : 'other';
    case 'text':
    case 'other': {
      const known = BY_MIME.find(([mime]) => mime.test(facts.mime))?.[1];
      if (known && !facts.text) return known;
      return facts.text ? 'code' : 'other';
    }
    default:
      return kind;
  }
}

/** Changes when the content does. Large files have no hash. */
export function stampOf({ path, hash, size, modifiedAt }: FileFacts): string {
  return `${path} ${hash ?? `${size} ${modifiedAt ?? ''}`}`;
}

/** The answer for a file that was looked at before, unless nothing about it is new. */
export function newer(before: FileFacts | null, answer: FileFacts): FileFacts {
  return before !== null && stampOf(before) === stampOf(answer) ? before : answer;
}

/** The folder of a file; the workspace itself is empty. */
export function folderOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

export function isLive(source: PreviewSource): boolean {
  return source.type === 'live';
}
