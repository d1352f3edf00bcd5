import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Component } from 'svelte';
import { App } from '$lib/state/app.svelte';
import { testids } from '$lib/testids';
import PdfView from '$lib/features/preview/pdf/PdfView.svelte';
import Harness from './Harness.svelte';
import { ScriptedTransport } from './support';

/** A document as the engine would give it: page 2 cannot be read. */
function documentOf(pages: number) {
  const loadingTask = { destroyed: false };
  return {
    loadingTask,
    numPages: pages,
    getPage: async (number: number) => {
      if (number === 2 || loadingTask.destroyed) throw new Error('damaged');
      return {
        getViewport: ({ scale }: { scale: number }) => ({ width: 600 * scale, height: 800 * scale }),
        render: () => ({ promise: Promise.resolve(), cancel: () => undefined }),
        streamTextContent: () => null,
        number,
      };
    },
  };
}

const engine = vi.hoisted(() => ({ open: vi.fn(), lost: () => {} }));
vi.mock('$lib/features/preview/pdf/engine', () => ({
  openPdf: async (_url: string, _size: number, _signal: AbortSignal, onlost: () => void) => {
    engine.lost = onlost;
    return engine.open();
  },
  textOf: async ({ number }: { number: number }) => ({ text: `wheel ${number}`, breaks: new Set() }),
  TextLayer: class {
    readonly textDivs: Element[] = [];
    async render() {}
    cancel() {}
  },
}));

const destroy = vi.fn(async () => undefined);
function show(pages: number) {
  engine.open.mockImplementation(() => ({ promise: Promise.resolve(documentOf(pages)), destroy }));
  const onbroken = vi.fn();
  const props = { url: 'preview://localhost/t/a.pdf', size: 1, onbroken };
  const app = new App(new ScriptedTransport({}), null);
  const shown = render(Harness, { props: { app, component: PdfView as unknown as Component, props } });
  return { ...shown, app, props, onbroken };
}

beforeEach(() => {
  destroy.mockClear();
  engine.open.mockReset();
  Element.prototype.scrollTo = () => undefined;
});

describe('a PDF', () => {
  it('that lies about its pages is cut, and says so', async () => {
    show(999_999_999);
    expect(await screen.findByText('The first 20,000 pages are shown.')).toBeInTheDocument();
    expect(screen.getByTestId(testids.pdfCount)).toHaveTextContent('/ 20000');
  });

  it('with a damaged page shows the others, and looks through them', async () => {
    const { onbroken } = show(3);
    const broken = await screen.findByTestId(testids.pdfPageBroken);
    expect(broken).toHaveTextContent('Page 2 is damaged');
    await fireEvent.keyDown(screen.getByTestId(testids.pdfView), { key: 'f', ctrlKey: true });
    await fireEvent.input(await screen.findByTestId(testids.pdfFind), { target: { value: 'wheel' } });
    await waitFor(() => expect(screen.getByTestId(testids.pdfFound)).toHaveTextContent('1 / 2'));
    expect(onbroken).not.toHaveBeenCalled();
  });

  it('stays until the next is there, and leaves the marks of others alone', async () => {
    const marks = new Map([['elsewhere', new Set()]]);
    vi.stubGlobal('Highlight', Set);
    vi.stubGlobal('CSS', { ...globalThis.CSS, highlights: marks });
    const { app, props, rerender, unmount, onbroken } = show(3);
    await waitFor(() => expect(screen.getByTestId(testids.pdfCount)).toHaveTextContent('/ 3'));
    let arrive = (_: unknown) => {};
    engine.open.mockReset();
    engine.open.mockImplementation(() => ({ promise: new Promise((resolve) => (arrive = resolve)), destroy }));
    const other = { ...props, url: 'preview://localhost/u/a.pdf' };
    await rerender({ props: { app, component: PdfView as unknown as Component, props: other } });
    await waitFor(() => expect(engine.open).toHaveBeenCalled());
    expect(destroy).not.toHaveBeenCalled();
    arrive(documentOf(1));
    await waitFor(() => expect(screen.getByTestId(testids.pdfCount)).toHaveTextContent('/ 1'));
    expect(destroy).toHaveBeenCalledTimes(1);
    unmount();
    expect(destroy).toHaveBeenCalledTimes(2);
    expect(marks.has('elsewhere')).toBe(true);
    expect(onbroken).not.toHaveBeenCalled();
    vi.unstubAllGlobals();
  });

  it('of which a part cannot be read any more says so', async () => {
    const { onbroken } = show(1);
    await waitFor(() => expect(screen.getByTestId(testids.pdfCount)).toHaveTextContent('/ 1'));
    engine.lost();
    expect(onbroken).toHaveBeenCalledWith('The file could not be read.');
  });
});
