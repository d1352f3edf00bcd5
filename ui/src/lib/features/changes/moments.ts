import type { FileChange, FileMoment } from '$lib/ipc';

/** What the file was called after each moment, the latest first: before a renaming it had its earlier name. */
export function pathsOf(path: string, moments: FileMoment[]): string[] {
  let name = path;
  return moments.map(({ kind, oldPath }) => {
    const called = name;
    if (kind === 'renamed' && oldPath !== undefined) name = oldPath;
    return called;
  });
}

/** What a moment did to the file, with its sizes before and after. */
export function changeOf(path: string, moments: FileMoment[], at: number): FileChange | null {
  const moment = moments[at];
  if (!moment) return null;
  const { kind, oldPath, size } = moment;
  return {
    path: pathsOf(path, moments)[at] ?? path,
    kind,
    oldSize: kind === 'added' ? null : (moments[at + 1]?.size ?? null),
    newSize: size,
    ...(oldPath !== undefined && { oldPath }),
  };
}
