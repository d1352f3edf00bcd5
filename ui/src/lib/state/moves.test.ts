import { describe, expect, it, vi } from 'vitest';

import type { App } from './app.svelte';
import { Moves } from './moves';

/** An app whose engine answers each move with the same outcome. */
function app(outcome: object) {
  const info = vi.fn<(text: string, action?: object) => void>();
  const parts = {
    inSession: async (work: (id: string) => Promise<void>) => await work('session'),
    transport: { invoke: () => Promise.resolve(outcome) },
    openSession: () => Promise.resolve(),
    session: null,
    preview: { target: { type: 'folder' }, filesChanged: () => undefined },
    files: { changed: () => Promise.resolve() },
    composer: { focus: () => undefined },
    toasts: { info },
    i18n: { t: (key: string) => key },
  };
  return { moves: new Moves(parts as unknown as App), info };
}

describe('going to another moment', () => {
  it('offers to undo what moved something', async () => {
    const { moves, info } = app({ written: 0, removed: 0, before: null });
    await moves.restore('node', 'conversation');
    await moves.fork('node');
    expect(info.mock.calls.map(([text, action]) => [text, action !== undefined])).toEqual([
      ['restore.done', true],
      ['tree.forked', true],
    ]);
  });

  it('offers no undo where all was so already, which would take back an earlier step', async () => {
    const { moves, info } = app({ written: 0, removed: 0, before: null, unchanged: true });
    await moves.restore('node', 'files');
    await moves.fork('node');
    expect(info.mock.calls.map(([text, action]) => [text, action])).toEqual([
      ['restore.unchanged', undefined],
      ['restore.unchanged', undefined],
    ]);
  });
});
