import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import type { Component } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import FileView from '$lib/features/preview/FileView.svelte';
import { ViewLink, type Place } from '$lib/features/preview/page/link';
import { CommandError, type FileFacts, type PreviewSource } from '$lib/ipc';
import { App } from '$lib/state/app.svelte';
import { testids } from '$lib/testids';
import Harness from './Harness.svelte';
import { ScriptedTransport } from './support';

type Handlers = ConstructorParameters<typeof ScriptedTransport>[0];

const facts = (path: string, rest: Partial<FileFacts> = {}): FileFacts => ({
  path,
  mime: 'application/octet-stream',
  size: 100,
  modifiedAt: 1,
  hash: 'h1',
  kind: 'file',
  meta: null,
  head: '',
  text: false,
  problem: null,
  ...rest,
});
const live = (path: string): PreviewSource => ({ type: 'live', path });
const then = (nodeId: string, path: string): PreviewSource => ({ type: 'snapshot', nodeId, path });

function show(source: PreviewSource, described: Partial<FileFacts>, handlers: Handlers = {}, link?: ViewLink) {
  const path = source.type === 'deployment' ? '' : source.path;
  const transport = new ScriptedTransport({
    preview_describe: () => facts(path, described),
    preview_open: () => ({ token: 'a', url: 'preview://localhost/a/x' }),
    preview_close: () => ({}),
    slide_pictures_stop: () => ({}),
    slide_picture_get: () => ({ url: null }),
    table_close: () => ({}),
    ...handlers,
  } as Handlers);
  const app = new App(transport, null);
  const given = (next: PreviewSource, version: number) => ({
    props: {
      app,
      component: FileView as unknown as Component,
      props: { sessionId: 's1', source: next, version, device: 'fit', ...(link ? { link } : {}) },
    },
  });
  const { rerender, unmount } = render(Harness, given(source, 1));
  return { app, transport, unmount, change: (next: PreviewSource, version = 1) => rerender(given(next, version)) };
}

describe('an archive', () => {
  it('that was damaged is no longer so at another moment', async () => {
    const entry = { path: 'a.txt', size: 3, folder: false, modifiedAt: null };
    const { change } = show(then('n1', 'a.zip'), {}, {
      archive_list: ({ source }: { source: PreviewSource }) => {
        if (source.type === 'snapshot' && source.nodeId === 'n1') throw new CommandError({ message: 'It is damaged.' });
        return { entries: [entry], total: 1, unpacked: 3, truncated: false, notes: [] };
      },
    } as unknown as Handlers);
    expect(await screen.findByTestId(testids.previewProblem)).toHaveTextContent('It is damaged.');
    await change(then('n2', 'a.zip'));
    expect(await screen.findByTestId(testids.archiveSize)).toHaveTextContent('1 entry');
    expect(screen.queryByTestId(testids.previewProblem)).toBeNull();
  });
});

vi.mock('$lib/features/preview/pdf/PdfView.svelte', async () => ({
  default: (await import('./Sized.svelte')).default,
}));

describe('slides of a presentation', () => {
  const deck = { mime: 'application/vnd.ms-powerpoint', meta: { type: 'deck', slides: [] } } as Partial<FileFacts>;
  beforeEach(() => {
    vi.stubGlobal('fetch', async () => ({
      headers: new Headers({ 'Content-Range': 'bytes 0-0/70000000' }),
      body: null,
    }));
  });
  afterEach(() => vi.unstubAllGlobals());

  /** Each presentation that is being made, by its moment. */
  function making() {
    const waiting = new Map<string, { done: () => void; fail: () => void }>();
    const closed: string[] = [];
    const handlers = {
      pptx_pdf: ({ source }: { source: PreviewSource }) =>
        new Promise((resolve, reject) => {
          const id = source.type === 'snapshot' ? source.nodeId : 'live';
          waiting.set(id, {
            done: () => resolve({ token: id, url: `preview://localhost/${id}/x.pdf` }),
            fail: () => reject(new CommandError({ message: `${id} failed` })),
          });
        }),
      preview_close: ({ token }: { token: string }) => {
        closed.push(token);
        return {};
      },
    };
    return { waiting, closed, handlers: handlers as unknown as Handlers };
  }

  it('are those of the moment that is shown, with their size, and closed with it', async () => {
    const { waiting, closed, handlers } = making();
    const { change } = show(then('n1', 'a.pptx'), deck, handlers);
    await fireEvent.click(await screen.findByTestId(testids.slidesPages));
    await waitFor(() => expect(waiting.has('n1')).toBe(true));
    await change(then('n2', 'a.pptx'));
    await waitFor(() => expect(waiting.has('n2')).toBe(true));
    waiting.get('n1')?.fail();
    waiting.get('n2')?.done();
    expect(await screen.findByTestId('sized')).toHaveTextContent('preview://localhost/n2/x.pdf 70000000');
    expect(screen.queryByTestId(testids.previewProblem)).toBeNull();
    await change(then('n3', 'a.pptx'));
    await waitFor(() => expect(closed).toEqual(['n2']));
  });

  it('beside others are turned to pages and back with them, and have no button of their own', async () => {
    const { waiting, handlers } = making();
    const link = new ViewLink();
    const told: Place[] = [];
    link.follow((place) => told.push(place));
    show(live('a.pptx'), deck, handlers, link);
    await fireEvent.click(await screen.findByTestId(testids.slidesPages));
    expect(told).toEqual([{ outline: false, slide: 0 }]);
    await waitFor(() => expect(waiting.has('live')).toBe(true));
    expect(screen.queryByText('Open with the system')).toBeNull();
    link.tell({ outline: true }, {});
    expect(await screen.findByTestId(testids.previewOutline)).toBeInTheDocument();
    link.tell({ outline: false }, {});
    await waitFor(() => expect(screen.queryByTestId(testids.previewOutline)).toBeNull());
  });

  it('that come after nobody looks any more are closed', async () => {
    const { waiting, closed, handlers } = making();
    const { change } = show(then('n1', 'a.pptx'), deck, handlers);
    await fireEvent.click(await screen.findByTestId(testids.slidesPages));
    await waitFor(() => expect(waiting.has('n1')).toBe(true));
    await fireEvent.click(screen.getByTestId(testids.slidesOutline));
    await change(then('n2', 'a.pptx'));
    await waitFor(() => expect(screen.getByTestId(testids.previewOutline)).toBeInTheDocument());
    waiting.get('n1')?.done();
    await waitFor(() => expect(closed).toEqual(['n1']));
    // The outline is looked at: nothing is made for it.
    expect(waiting.has('n2')).toBe(false);
  });

  it('that come after the view is gone are closed', async () => {
    const { waiting, closed, handlers } = making();
    const { unmount } = show(then('n1', 'a.pptx'), deck, handlers);
    await fireEvent.click(await screen.findByTestId(testids.slidesPages));
    await waitFor(() => expect(waiting.has('n1')).toBe(true));
    unmount();
    waiting.get('n1')?.done();
    await waitFor(() => expect(closed).toEqual(['n1']));
  });
});

describe('a table', () => {
  const rows = Array.from({ length: 200 }, (_, row) => [String(row)]);
  const csv = { mime: 'text/csv', text: true } as Partial<FileFacts>;
  function tables(refuse: () => boolean) {
    let opened = 0;
    const handlers = {
      table_open: () => {
        opened += 1;
        const common = { names: ['a'], first: rows, sheets: [], sheet: '', size: 1, notes: [] };
        return { id: `t${opened}`, rows: 100_000, ...common };
      },
      table_rows: ({ id, from, count }: { id: string; from: number; count: number }) => {
        if (refuse()) throw new CommandError({ message: `${id} has changed since it was opened.` });
        return { from, rows: Array.from({ length: count }, (_, row) => [`row ${from + row}`]), total: 100_000 };
      },
    };
    return { handlers: handlers as unknown as Handlers, opened: () => opened };
  }
  async function scroll(): Promise<void> {
    const table = await screen.findByTestId(testids.previewTable);
    Object.defineProperty(table, 'scrollTop', { value: 1_400_000, configurable: true });
    await fireEvent.scroll(table);
  }

  it('whose file was written anew with the same content is opened again', async () => {
    let touched = true;
    const { handlers, opened } = tables(() => touched && opened() === 1);
    show(live('a.csv'), csv, handlers);
    await scroll();
    await waitFor(() => expect(screen.getByTestId(testids.previewTable)).toHaveTextContent('row 50000'));
    expect(opened()).toBe(2);
    expect(screen.queryByTestId(testids.previewProblem)).toBeNull();
    touched = false;
  });

  it('that gives no rows says so in the end, and is read anew when it is asked for', async () => {
    let broken = true;
    const { handlers, opened } = tables(() => broken);
    const { app, change } = show(live('a.csv'), csv, handlers);
    await scroll();
    expect(await screen.findByTestId(testids.previewProblem)).toHaveTextContent('has changed');
    expect(opened()).toBeLessThan(6);
    broken = false;
    app.preview.reload();
    await change(live('a.csv'), 2);
    expect(await screen.findByTestId(testids.previewTable)).toBeInTheDocument();
    expect(screen.queryByTestId(testids.previewProblem)).toBeNull();
  });
});

describe('a tree of JSON', () => {
  it('has its rows under it, with names of their own beside another', async () => {
    const read = {
      preview_read: () => ({ path: 'a.json', mime: '', size: 1, text: '{"a":1}', truncated: false, hash: 'x' }),
    };
    show(live('a.json'), { text: true }, read as Handlers);
    show(live('a.json'), { text: true }, read as Handlers);
    await waitFor(() => expect(screen.getAllByTestId(testids.previewJson)).toHaveLength(2));
    const trees = screen.getAllByRole('tree');
    for (const tree of trees) {
      const chosen = document.getElementById(tree.getAttribute('aria-activedescendant') ?? '');
      expect(tree.contains(chosen)).toBe(true);
      expect(within(tree).queryByRole('list')).toBeNull();
      expect(within(tree).getAllByRole('treeitem')).toHaveLength(2);
    }
  });
});

describe('a picture', () => {
  it('of unknown measure, or a large drawing, is shown when the person says so', async () => {
    show(live('a.avif'), { mime: 'image/avif', problem: 'It is not decoded here.' });
    const doubt = await screen.findByTestId(testids.previewProblem);
    expect(doubt).toHaveTextContent('It is not decoded here. How large this picture is when it is drawn is not known');
    expect(screen.queryByTestId(testids.previewImage)).toBeNull();
    await fireEvent.click(screen.getByTestId(testids.imageAnyway));
    expect(await screen.findByTestId(testids.previewImage)).toBeInTheDocument();
  });

  it('that is a small drawing is shown at once, a large one is not', async () => {
    const meta = { type: 'image', width: 300, height: 150, animated: false } as const;
    const { transport, change } = show(live('a.svg'), { mime: 'image/svg+xml', text: true, meta });
    expect(await screen.findByTestId(testids.previewImage)).toBeInTheDocument();
    transport.handlers.preview_describe = () => facts('b.svg', { mime: 'image/svg+xml', meta, size: 2e6, hash: 'h2' });
    await change(live('b.svg'));
    expect(await screen.findByTestId(testids.previewProblem)).toHaveTextContent('With 2 MB');
  });
});

describe('a file', () => {
  it('that cannot be shown says what the engine found', async () => {
    show(live('a.docx'), { problem: 'It is encrypted.' });
    expect(await screen.findByTestId(testids.previewProblem)).toHaveTextContent('It is encrypted.');
  });

  it('is said not to have existed only where it did not', async () => {
    const answer: { code?: 'notFound' } = {};
    const { change } = show(then('n1', 'a/b.md'), {}, {
      preview_describe: () => {
        throw new CommandError({ ...answer, message: 'The store is locked.', hint: 'Wait.' });
      },
    } as Handlers);
    const missing = await screen.findByTestId(testids.previewMissing);
    expect(missing).toHaveTextContent('The store is locked. Wait.');
    expect(missing).not.toHaveTextContent('did not exist');
    answer.code = 'notFound';
    await change(then('n2', 'a/b.md'));
    await waitFor(() =>
      expect(screen.getByTestId(testids.previewMissing)).toHaveTextContent('b.md did not exist at that time.'),
    );
  });

  it('of Markdown leads from its own folder', async () => {
    const text =
      '[up](../img/a.png) [here](b%20c.md#part) [top](/d.md) [model](/mnt/okcomputer/e.md) [out](../../../f.md)';
    const { app } = show(live('docs/one/a.md'), { text: true }, {
      preview_read: () => ({ path: 'docs/one/a.md', mime: '', size: 1, text, truncated: false, hash: 'x' }),
    } as Handlers);
    for (const [name, path] of [
      ['up', 'docs/img/a.png'],
      ['here', 'docs/one/b c.md'],
      ['top', 'd.md'],
      ['model', 'e.md'],
      ['out', 'f.md'],
    ] as const) {
      await fireEvent.click(await screen.findByText(name));
      expect(app.preview.target).toEqual({ type: 'file', path });
    }
    app.previewPath('..', 'docs/one');
    expect(app.preview.target).toEqual({ type: 'folder', path: 'docs' });
  });
});

describe('a notebook', () => {
  it('makes the cells that are near', async () => {
    const near: ((entries: unknown[]) => void)[] = [];
    vi.stubGlobal(
      'IntersectionObserver',
      class {
        constructor(tell: (entries: unknown[]) => void) {
          near.push(tell);
        }
        observe() {}
        unobserve() {}
        disconnect() {}
      },
    );
    const cells = Array.from({ length: 500 }, (_, index) => ({ cell_type: 'code', source: `cell ${index} of many` }));
    const bytes = new Blob([JSON.stringify({ cells })]);
    vi.stubGlobal('fetch', async () => ({ ok: true, blob: async () => bytes }));
    show(live('a.ipynb'), { text: true });
    const notebook = await screen.findByTestId(testids.previewNotebook);
    expect(notebook).not.toHaveTextContent('of many');
    const [, second] = notebook.querySelectorAll('[data-cell]');
    near.at(-1)?.([{ target: second, isIntersecting: true }]);
    await waitFor(() => expect(notebook).toHaveTextContent('cell 1 of many'));
    expect(notebook.querySelectorAll('pre')).toHaveLength(1);
    vi.unstubAllGlobals();
  });
});
