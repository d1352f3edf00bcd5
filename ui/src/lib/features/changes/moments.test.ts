import { describe, expect, it } from 'vitest';
import type { FileMoment } from '$lib/ipc';
import { changeOf, pathsOf } from './moments';

const moment = (kind: FileMoment['kind'], size: number | null, oldPath?: string): FileMoment => ({
  snapshot: 's',
  nodeId: 'n',
  at: 0,
  writtenBy: { type: 'user' },
  kind,
  size,
  ...(oldPath !== undefined && { oldPath }),
});

describe('the moments of a file', () => {
  const moments = [
    moment('deleted', null),
    moment('renamed', 30, 'old.txt'),
    moment('modified', 20),
    moment('added', 10),
  ];

  it('know its name at each of them', () => {
    expect(pathsOf('new.txt', moments)).toEqual(['new.txt', 'new.txt', 'old.txt', 'old.txt']);
  });

  it('know its size before and after', () => {
    const changes = moments.map((_, at) => changeOf('new.txt', moments, at));
    expect(changes.map((change) => [change?.path, change?.oldSize, change?.newSize])).toEqual([
      ['new.txt', 30, null],
      ['new.txt', 20, 30],
      ['old.txt', 10, 20],
      ['old.txt', null, 10],
    ]);
    expect(changes[1]?.oldPath).toBe('old.txt');
  });

  it('do not guess a size that is in none of them', () => {
    // Of a long history the oldest moments are not listed.
    expect(changeOf('a', [moment('modified', 5)], 0)?.oldSize).toBe(null);
    expect(changeOf('a', [], 0)).toBe(null);
  });
});
