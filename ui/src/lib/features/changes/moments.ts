import type { FileMoment } from '$lib/ipc';

/** What the file was called after each moment, the latest first: before a renaming it had its earlier name. */
export function pathsOf(path: string, moments: FileMoment[]): string[] {
  let name = path;
  return moments.map(({ kind, oldPath }) => {
    const called = name;
    if (kind === 'renamed' && oldPath !== undefined) name = oldPath;
    return called;
  });
}
