import { describe, expect, it } from 'vitest';
import type { FileChange, FileMoment } from '$lib/ipc';
import { pathsOf } from './moments';
import { listRows } from './rows';

const file = (path: string): FileChange => ({ path, kind: 'modified', oldSize: 1, newSize: 2 });

describe('the list of changes', () => {
  const changes = {
    byTurn: [file('a'), file('b')],
    byUser: [file('c')],
    skipped: [{ path: 'x', reason: 'a cache is not recorded' }],
  };

  it('has a heading over each kind, and unfolds what is not recorded', () => {
    const brief = (skippedOpen: boolean) =>
      listRows({ changes, compare: null, live: [file('d')], skippedOpen }).map((row) =>
        row.type === 'heading'
          ? `${row.group} ${row.count}`
          : row.type === 'skipped'
            ? row.skipped.path
            : row.change.path,
      );
    expect(brief(false)).toEqual(['live 1', 'd', 'turn 2', 'a', 'b', 'user 1', 'c', 'skipped 1']);
    expect(brief(true)).toEqual(['live 1', 'd', 'turn 2', 'a', 'b', 'user 1', 'c', 'skipped 1', 'x']);
  });

  it('is empty where nothing differs', () => {
    expect(listRows({ changes: null, compare: { changes: [], common: null }, live: [], skippedOpen: true })).toEqual(
      [],
    );
  });
});

describe('the names of a file', () => {
  it('are the earlier ones before it was renamed', () => {
    const moment = (kind: FileMoment['kind'], oldPath?: string): FileMoment => ({
      snapshot: '',
      nodeId: null,
      at: 0,
      writtenBy: { type: 'unknown' },
      kind,
      size: 1,
      ...(oldPath !== undefined && { oldPath }),
    });
    const moments = [
      moment('modified'),
      moment('renamed', 'b'),
      moment('modified'),
      moment('renamed', 'a'),
      moment('added'),
    ];
    expect(pathsOf('c', moments)).toEqual(['c', 'c', 'b', 'b', 'a']);
  });
});
