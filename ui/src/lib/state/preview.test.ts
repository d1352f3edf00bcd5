import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Deployment, PreviewHandle, PreviewSource } from '$lib/ipc';
import { ScriptedTransport } from '../../../tests/support';
import { Handles } from './handles';
import { PreviewState, fileKind, sourceOf } from './preview.svelte';
import { PreviewMemory } from './previewMemory';
import { Thumbnails } from './thumbnails';

const site = (id: string, folder: string, rest: Partial<Deployment> = {}): Deployment => ({
  id,
  folder,
  version: 1,
  title: id,
  nodeId: null,
  onPath: true,
  deployedAt: 0,
  url: '',
  files: 1,
  size: 1,
  ...rest,
});
const file = (path: string) => ({ type: 'file', path }) as const;
const paths = (preview: PreviewState) =>
  preview.tabs.map(({ target }) => (target.type === 'deployment' ? target.id : target.path));

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('open previews', () => {
  let preview: PreviewState;
  beforeEach(() => {
    preview = new PreviewState();
    for (const path of ['a.md', 'b.md', 'c.md']) preview.show(file(path));
  });

  it('open once each, step round the ends, and close to their neighbour', () => {
    preview.show(file('a.md'));
    expect(paths(preview)).toEqual(['a.md', 'b.md', 'c.md']);
    preview.step(-1);
    expect(preview.target).toEqual(file('c.md'));
    preview.step(1);
    expect(preview.target).toEqual(file('a.md'));
    preview.close(preview.tab?.key ?? -1);
    expect(preview.target).toEqual(file('b.md'));
    preview.step(1);
    preview.close(preview.tab?.key ?? -1);
    expect(preview.target).toEqual(file('b.md'));
    preview.close(preview.tab?.key ?? -1);
    expect(preview.target).toEqual({ type: 'none' });
    preview.close(1);
    expect(preview.tabs).toEqual([]);
  });

  it('are bounded', () => {
    for (let index = 0; index < 30; index += 1) preview.show(file(`${index}.txt`));
    expect(preview.tabs).toHaveLength(12);
    expect(preview.target).toEqual(file('29.txt'));
  });

  it('give way when they were left longest, and not when they are the oldest', () => {
    for (let index = 0; index < 9; index += 1) preview.show(file(`${index}.txt`));
    preview.show(file('a.md'));
    preview.show(file('new.txt'));
    expect(paths(preview)).toContain('a.md');
    expect(paths(preview)).not.toContain('b.md');
    // Its neighbour is looked at when a tab is closed.
    preview.activate(preview.tabs.find(({ target }) => target.type === 'file' && target.path === '0.txt')?.key ?? -1);
    preview.close(preview.tab?.key ?? -1);
    expect(preview.target).toEqual(file('1.txt'));
    for (let index = 0; index < 11; index += 1) preview.show(file(`later ${index}.txt`));
    expect(paths(preview)).toContain('1.txt');
    expect(preview.tabs).toHaveLength(12);
  });

  it('are asked for anew by the person, and fetched again where files changed', () => {
    preview.reload();
    expect([preview.asked, preview.version]).toEqual([1, 1]);
    vi.useFakeTimers();
    preview.filesChanged(['c.md']);
    vi.advanceTimersByTime(200);
    vi.useRealTimers();
    expect([preview.asked, preview.version]).toEqual([1, 2]);
  });

  it('show a moment and compare two without losing the place', () => {
    preview.at('n1');
    preview.compare({ at: null });
    expect(preview.tab).toMatchObject({ at: 'n1', beside: { at: null } });
    preview.compare(undefined);
    expect(preview.tab).not.toHaveProperty('beside');
    preview.show(file('c.md'));
    expect(preview.tab?.at).toBeNull();
  });

  it('keep the text of a page apart from the page, and ask for the same line again', () => {
    preview.show(file('deck.html'));
    preview.show(file('deck.html'), { line: 12, source: true });
    expect(preview.tabs).toHaveLength(5);
    const asked = preview.tab?.line?.asked ?? 0;
    preview.show(file('deck.html'), { line: 12, source: true });
    expect(preview.tab?.line).toEqual({ number: 12, asked: asked + 1 });
  });

  it('do not fetch again for files that changed now what they show of then', () => {
    vi.useFakeTimers();
    preview.filesChanged(['c.md']);
    vi.advanceTimersByTime(200);
    expect(preview.version).toBe(1);
    preview.at('n1');
    preview.filesChanged(['c.md']);
    vi.advanceTimersByTime(200);
    expect(preview.version).toBe(1);
    vi.useRealTimers();
  });

  it('put a new version of a site in place of the one before', () => {
    const sites = [site('v1', 'site'), site('other', 'else')];
    preview.showSite(sites[0] as Deployment, sites);
    preview.showSite(sites[1] as Deployment, sites);
    const next = site('v2', 'site', { version: 2 });
    preview.showSite(next, [next, ...sites]);
    expect(paths(preview)).toEqual(['a.md', 'b.md', 'c.md', 'v2', 'other']);
    expect(preview.target).toEqual({ type: 'deployment', id: 'v2' });
  });
});

describe('the memory of previews', () => {
  it('brings back what each session was left with, without what is gone', () => {
    const first = new PreviewState(new PreviewMemory(localStorage));
    first.open('s1', [site('v1', 'site')], new Set(['n1']));
    first.show(file('a.md'));
    first.show(file('b.md'), { at: 'n1' });
    first.show(file('page.html'), { line: 3, source: true });
    first.show(file('a.md'));
    first.open('s2', [], new Set());
    expect(first.tabs).toEqual([]);
    first.show(file('x.md'));

    const second = new PreviewState(new PreviewMemory(localStorage));
    second.open('s1', [], new Set());
    expect(second.tabs.map(({ target, at }) => ({ target, at }))).toEqual([
      { target: file('a.md'), at: null },
      { target: file('b.md'), at: null },
    ]);
    expect(second.target).toEqual(file('a.md'));
    second.open('s2', [], new Set());
    expect(second.target).toEqual(file('x.md'));
  });

  it('does not mind what it cannot read', () => {
    for (const kept of ['{', '5', '[["s1",{"tabs":[{"target":{"type":"file"},"at":null},7]}],null]']) {
      localStorage.setItem('okcvm.previews', kept);
      const preview = new PreviewState(new PreviewMemory(localStorage));
      preview.open('s1', [], new Set());
      expect(preview.tabs).toEqual([]);
    }
  });
});

describe('what held up the window', () => {
  it('opens no more by itself, but by hand', () => {
    const first = new PreviewState(new PreviewMemory(localStorage));
    first.open('s1', [site('v2', 'site'), site('v1', 'site')], new Set());
    expect(first.target).toEqual({ type: 'deployment', id: 'v2' });

    // What opened by itself is known, too.
    const second = new PreviewState(new PreviewMemory(localStorage));
    expect(second.noteHung('s1')).toBe('deployment:v2');
    second.open('s1', [site('v2', 'site'), site('v1', 'site')], new Set());
    expect(paths(second)).toEqual(['v1']);
    second.show(file('a.md'));
    second.show(file('loop.html'));

    const third = new PreviewState(new PreviewMemory(localStorage));
    expect(third.noteHung('s1')).toBe('file:loop.html');
    third.open('s1', [site('v2', 'site'), site('v1', 'site')], new Set());
    expect(paths(third)).toEqual(['v1', 'a.md']);
    third.show({ type: 'deployment', id: 'v2' });
    third.open('s2', [], new Set());
    expect(third.noteHung('s2')).toBeNull();

    const fourth = new PreviewState(new PreviewMemory(localStorage));
    fourth.open('s1', [site('v2', 'site'), site('v1', 'site')], new Set());
    expect(paths(fourth)).toEqual(['v1', 'a.md', 'v2']);
  });

  it('does not mind what it cannot read', () => {
    for (const kept of ['{', '5', '[7, null]']) {
      localStorage.setItem('okcvm.hungPreviews', kept);
      const preview = new PreviewState(new PreviewMemory(localStorage));
      preview.open('s1', [site('v1', 'site')], new Set());
      expect(paths(preview)).toEqual(['v1']);
    }
  });
});

describe('where a tab comes from', () => {
  it('is the live file, the deployment, or a snapshot of either', () => {
    const sites = [site('v1', 'site')];
    expect(sourceOf(file('a.md'), null, sites)).toEqual({ type: 'live', path: 'a.md' });
    expect(sourceOf(file('a.md'), 'n1', sites)).toEqual({ type: 'snapshot', nodeId: 'n1', path: 'a.md' });
    expect(sourceOf({ type: 'deployment', id: 'v1' }, null, sites)).toEqual({ type: 'deployment', id: 'v1' });
    expect(sourceOf({ type: 'deployment', id: 'v1' }, 'n1', sites)).toEqual({
      type: 'snapshot',
      nodeId: 'n1',
      path: 'site',
    });
    expect(sourceOf({ type: 'deployment', id: 'gone' }, 'n1', sites)).toBeNull();
  });

  it('has a kind by its name', () => {
    const kinds = ['a.PDF', 'b.ipynb', 'c.tar.gz', 'd.woff2', 'e.pptx', 'Makefile', 'f.xlsx', 'g.webp', 'h.html'];
    expect(kinds.map(fileKind)).toEqual([
      'pdf',
      'notebook',
      'archive',
      'font',
      'slides',
      'text',
      'table',
      'image',
      'page',
    ]);
  });
});

describe('addresses of previews', () => {
  const then = (nodeId: string): PreviewSource => ({ type: 'snapshot', nodeId, path: 'site' });
  function make() {
    let tokens = 0;
    const closed: string[] = [];
    const transport = new ScriptedTransport({
      preview_open: ({ source }): PreviewHandle => {
        if (source.type === 'live' && source.path === 'missing') throw new Error('gone');
        tokens += 1;
        return { token: `t${tokens}`, url: `preview://localhost/t${tokens}/` };
      },
      preview_close: ({ token }) => {
        closed.push(token);
        return {};
      },
      preview_warm: () => ({}),
    });
    return { transport, closed, handles: new Handles(transport) };
  }

  it('are closed when nobody looks, except for moments, of which a few are kept', async () => {
    const { handles, closed, transport } = make();
    const live: PreviewSource = { type: 'live', path: 'site' };
    const { token } = await handles.open('s1', live, 3);
    handles.release('s1', live, 3);
    await settle();
    expect(closed).toEqual([token]);

    await handles.open('s1', then('n0'));
    handles.release('s1', then('n0'));
    await settle();
    expect(closed).toEqual([token]);
    const asked = transport.named('preview_open').length;
    await handles.open('s1', then('n0'));
    handles.release('s1', then('n0'));
    expect(transport.named('preview_open')).toHaveLength(asked);

    for (let node = 1; node <= 20; node += 1) handles.warm('s1', then(`n${node}`));
    await settle();
    expect(transport.named('preview_open')).toHaveLength(asked + 20);
    expect(closed).toHaveLength(1 + 21 - 8);
  });

  it('of neighbours are read ahead, like what is shown of the same path', async () => {
    const { handles, transport } = make();
    const { token } = await handles.open('s1', { type: 'live', path: 'site' }, 2);
    handles.warm('s1', { type: 'snapshot', nodeId: 'n1', path: 'site' });
    handles.warm('s1', { type: 'snapshot', nodeId: 'n1', path: 'site' });
    handles.warm('s1', { type: 'snapshot', nodeId: 'n1', path: 'other' });
    handles.warm('s1', { type: 'live', path: 'other' });
    await settle();
    expect(transport.named('preview_warm')).toEqual([
      { token: 't2', like: token },
      { token: 't3', like: null },
    ]);
  });

  it('are shared by all who look at the same, and asked for anew after a failure', async () => {
    const { handles, closed, transport } = make();
    const live: PreviewSource = { type: 'live', path: 'a' };
    expect(await handles.open('s1', live)).toBe(await handles.open('s1', live));
    handles.release('s1', live);
    await settle();
    expect(closed).toEqual([]);
    handles.release('s1', live);
    await settle();
    expect(closed).toEqual(['t1']);
    const missing: PreviewSource = { type: 'live', path: 'missing' };
    await expect(handles.open('s1', missing)).rejects.toThrow('gone');
    await expect(handles.open('s1', missing)).rejects.toThrow('gone');
    expect(transport.named('preview_open')).toHaveLength(3);
  });
});

describe('small pictures', () => {
  it('are asked for once for a content, a few at a time, and may be missing', async () => {
    let running = 0;
    let most = 0;
    const transport = new ScriptedTransport({
      thumbnail_get: async ({ source }) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
        if (source.type === 'live' && source.path === '3') throw new Error('broken');
        return { url: 'data:image/png;base64,', width: 1, height: 1, reason: null, wantsPoster: false };
      },
    });
    const thumbnails = new Thumbnails(transport);
    const ask = (path: string) => thumbnails.get(path, 's1', { type: 'live', path });
    const answers = await Promise.all(
      [...Array(12).keys()].flatMap((index) => [ask(String(index)), ask(String(index))]),
    );
    expect(transport.named('thumbnail_get')).toHaveLength(12);
    expect(most).toBe(4);
    expect(answers.filter((answer) => answer === null)).toHaveLength(2);
  });

  it('that nobody looks at any more when their turn comes are not made', async () => {
    const ends: (() => void)[] = [];
    const transport = new ScriptedTransport({
      thumbnail_get: async () => {
        await new Promise<void>((end) => ends.push(end));
        return { url: 'data:image/png;base64,', width: 1, height: 1, reason: null, wantsPoster: false };
      },
    });
    const thumbnails = new Thumbnails(transport);
    const ask = (path: string, isWanted: () => boolean) => thumbnails.get(path, 's1', { type: 'live', path }, isWanted);
    const first = ask('a.html', () => true);
    const left = ask('b.html', () => false);
    const leftByOne = ask('c.html', () => false);
    const byAnother = ask('c.html', () => true);
    // A presentation waits for no page.
    const slides = ask('d.pptx', () => true);
    await settle();
    expect(transport.named('thumbnail_get')).toHaveLength(2);
    while (ends.length > 0) {
      ends.shift()?.();
      await settle();
    }
    expect(await left).toBeNull();
    for (const made of [first, leftByOne, byAnother, slides]) expect(await made).toMatch(/^data:/);
    expect(transport.named('thumbnail_get')).toEqual(
      ['a.html', 'd.pptx', 'c.html'].map((path) => ({ sessionId: 's1', source: { type: 'live', path } })),
    );
    // Who looks again gets it.
    const again = ask('b.html', () => true);
    await settle();
    ends.shift()?.();
    expect(await again).toMatch(/^data:/);
  });

  it('of slides are asked for two at a time, and again after they were called off', async () => {
    let running = 0;
    let most = 0;
    let drawn = false;
    const transport = new ScriptedTransport({
      slide_picture_get: async ({ slide }) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
        const url = drawn ? `data:image/png;base64,${slide}` : null;
        return { url, width: 1, height: 1, reason: null, wantsPoster: false };
      },
    });
    const thumbnails = new Thumbnails(transport);
    const ask = () =>
      Promise.all(
        [0, 1, 2, 3].map((slide) => thumbnails.slide('deck 1', 's1', { type: 'live', path: 'deck.html' }, slide)),
      );
    expect(await ask()).toEqual([null, null, null, null]);
    drawn = true;
    expect((await ask()).at(-1)).toBe('data:image/png;base64,3');
    await ask();
    expect(transport.named('slide_picture_get')).toHaveLength(8);
    expect(most).toBe(2);
  });
});
