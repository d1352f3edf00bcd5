import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import { MockTransport } from '$lib/ipc/mock/mockTransport';
import Root from '$lib/views/Root.svelte';
import { testids } from '$lib/testids';

/** The window with a session whose files are the samples. */
async function openWindow(options = 'lang=en'): Promise<(name: string) => Promise<void>> {
  render(Root, { transport: new MockTransport(new URLSearchParams(options)) });
  await screen.findByTestId(testids.previewFrame);
  // A narrow window has the list in a drawer.
  await fireEvent.click(await screen.findByTestId(testids.sidebarToggle));
  const row = async (path: string) => {
    const found = await waitFor(() => {
      const all = screen.getAllByTestId(testids.fileRow).filter(({ dataset }) => dataset.path === path);
      expect(all).toHaveLength(1);
      return all[0] as HTMLElement;
    });
    return within(found).getByRole('treeitem');
  };
  await fireEvent.click(await row('samples'));
  return async (name) => {
    await fireEvent.click(await row(`samples/${name}`));
  };
}

/** What a page would tell, from the frame that is shown. */
function tell(data: unknown, source?: Window): void {
  const frame = screen.getByTestId<HTMLIFrameElement>(testids.previewFrame);
  window.dispatchEvent(new MessageEvent('message', { data, source: source ?? frame.contentWindow }));
}

describe('viewers', () => {
  it('show each kind of file, and say what is empty, broken or too large', async () => {
    const open = await openWindow();
    await open('places.json');
    expect(await screen.findByTestId(testids.previewJson)).toHaveTextContent('1,500 entries');
    await open('analysis.ipynb');
    const notebook = await screen.findByTestId(testids.previewNotebook);
    expect(notebook).toHaveTextContent('ZeroDivisionError: division by zero');
    expect(notebook.querySelector('script')).toBeNull();
    expect(notebook.querySelector('img[src^="http"]')).toBeNull();
    await open('photos.zip');
    expect(await screen.findByTestId(testids.archiveSize)).toHaveTextContent('400 entries · 61 MB unpacked');
    await open('tool.bin');
    expect(await screen.findByTestId(testids.previewPlain)).toHaveTextContent('7f 45 4c 46');
    await open('empty.txt');
    expect(await screen.findByTestId(testids.previewEmptyFile)).toHaveTextContent('empty.txt is empty');
    await open('huge.png');
    expect(await screen.findByTestId(testids.previewProblem)).toHaveTextContent('40,000 × 30,000 pixels (500 MB)');
    await open('broken.json');
    await waitFor(() => expect(screen.getByTestId(testids.previewProblem)).toHaveTextContent('not valid JSON'));
    await open('bomb.pptx');
    await waitFor(() => expect(screen.getByTestId(testids.previewProblem)).toHaveTextContent('more than is safe'));
  });

  it('count a long table while it is shown, and fetch the rows that are looked at', async () => {
    const open = await openWindow();
    await open('large.csv');
    const table = await screen.findByTestId(testids.previewTable);
    expect(table).toHaveTextContent('Customer 7919');
    await waitFor(() => expect(screen.getByTestId(testids.tableSize)).toHaveTextContent('1,200,000 rows, 6 columns'));
    await fireEvent.keyDown(table, { key: 'End', ctrlKey: true });
    Object.defineProperty(table, 'scrollTop', { value: 8_000_000 - 1, configurable: true });
    await fireEvent.scroll(table);
    await waitFor(() => expect(table).toHaveTextContent('1,200,000'));
    await waitFor(() => expect(table.querySelectorAll('.pending')).toHaveLength(0));
  });

  it('show the outline of slides, and say what to install for their pages', async () => {
    const open = await openWindow('lang=zh&nooffice');
    await open('pitch.pptx');
    expect(await screen.findByTestId(testids.previewOutline)).toHaveTextContent('客户与市场');
    await fireEvent.click(screen.getByTestId(testids.slidesPages));
    expect(await screen.findByTestId(testids.previewProblem)).toHaveTextContent('libreoffice');
    expect(screen.getByTestId(testids.previewOutline)).toBeVisible();
  });
});

describe('tabs', () => {
  it('are walked and closed by keys, and by the middle button', async () => {
    const open = await openWindow();
    await open('tool.bin');
    await open('empty.txt');
    const tabs = () => screen.getAllByTestId(testids.previewTab);
    await waitFor(() => expect(tabs()).toHaveLength(3));
    const shown = () => tabs().find((tab) => tab.getAttribute('aria-selected') === 'true')?.dataset.path;
    await fireEvent.keyDown(tabs()[2] as HTMLElement, { key: 'ArrowLeft' });
    expect(shown()).toBe('samples/tool.bin');
    await fireEvent.keyDown(tabs()[1] as HTMLElement, { key: 'Delete' });
    expect(tabs()).toHaveLength(2);
    await fireEvent(tabs()[1] as HTMLElement, new MouseEvent('auxclick', { button: 1, bubbles: true }));
    expect(tabs()).toHaveLength(1);
  });
});

describe('a page', () => {
  it('is heard only through its own frame, and its words go to the draft as a quotation', async () => {
    await openWindow();
    await fireEvent.click(screen.getByTestId(testids.previewConsoleToggle));
    tell({ okcvm: 'console', level: 'error', text: 'not mine' }, window);
    tell({ okcvm: 'console', level: 'error', text: 'first line\nsecond line' });
    tell({ okcvm: 'failed', uri: '/data.json', status: 404 });
    await waitFor(() => expect(screen.getAllByTestId(testids.consoleLine)).toHaveLength(2));
    await fireEvent.click(screen.getByTestId(testids.consoleHand));
    const input = screen.getByTestId<HTMLTextAreaElement>(testids.composerInput);
    expect(input.value.split('\n')).toEqual([
      'The preview of site/index.html reports:',
      '> error: first line',
      '> second line',
      '> failed: 404 /data.json',
      '',
    ]);
    expect(screen.queryByTestId(testids.previewConsole)).toBeNull();
  });

  it('of slides is shown by slides, and cannot take the whole window', async () => {
    const open = await openWindow();
    await open('deck.html');
    await waitFor(() => expect(screen.getAllByTestId(testids.previewTab)).toHaveLength(2));
    await screen.findByTestId(testids.previewFrame);
    await waitFor(() => {
      tell({
        okcvm: 'deck',
        slides: [
          { title: 'One', notes: 'Say hello.' },
          { title: 'Two', notes: '' },
        ],
      });
      expect(screen.getByTestId(testids.deckCount)).toHaveTextContent('1 / 2');
    });
    const stage = screen.getByTestId(testids.deckStage);
    for (const key of ['f', 'p', 'F11']) tell({ okcvm: 'deck-key', key });
    tell({ okcvm: 'deck-key', key: 'ArrowRight' });
    await waitFor(() => expect(screen.getByTestId(testids.deckCount)).toHaveTextContent('2 / 2'));
    expect(stage).not.toHaveClass('full');
    await fireEvent.keyDown(stage, { key: 'Home' });
    await fireEvent.keyDown(stage, { key: 'p' });
    expect(await screen.findByTestId(testids.deckNotes)).toHaveTextContent('Say hello.');
    expect(stage).toHaveClass('full');
    await fireEvent.keyDown(stage, { key: 'Escape' });
    expect(screen.queryByTestId(testids.deckPresenter)).toBeNull();
  });
});

describe('moments', () => {
  it('are reached by the slider, named, and led back from', async () => {
    const open = await openWindow();
    await open('map.png');
    await screen.findByTestId(testids.imageSize);
    const slider = screen.getByTestId<HTMLInputElement>(testids.scrubberInput);
    slider.value = '1';
    await fireEvent.input(slider);
    expect(await screen.findByTestId(testids.previewAsOf)).toHaveTextContent('As of “Add a chart of the months”');
    expect(screen.getByTestId(testids.scrubberTakeFile)).toBeVisible();
    await fireEvent.click(screen.getByTestId(testids.scrubberTakeFile));
    expect(await screen.findByTestId(testids.restoreDialog)).toHaveTextContent('Add a chart of the months');
    await fireEvent.keyDown(document.activeElement ?? document.body, { key: 'Escape' });
    await fireEvent.click(screen.getByTestId(testids.previewNow));
    await waitFor(() => expect(screen.queryByTestId(testids.previewAsOf)).toBeNull());
  });

  it('stand side by side, and one swipes over the other', async () => {
    await openWindow();
    await fireEvent.click(screen.getByTestId(testids.previewCompare));
    await waitFor(() => expect(screen.getAllByTestId(testids.compareSide)).toHaveLength(2));
    expect(screen.queryByTestId(testids.scrubber)).toBeNull();
    await fireEvent.click(screen.getByTestId(testids.compareSwipe));
    const divider = screen.getByTestId(testids.compareDivider);
    await fireEvent.keyDown(divider, { key: 'ArrowLeft' });
    expect(divider).toHaveAttribute('aria-valuenow', '48');
    await fireEvent.click(screen.getByTestId(testids.compareFiles));
    expect(await screen.findByTestId(testids.changesCompared)).toBeInTheDocument();
  });
});

describe('bytes', () => {
  it('come whole up to a size, and in parts above it', async () => {
    const { fetchBlob } = await import('$lib/features/preview/fetchBytes');
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (_url: string, options: RequestInit) => {
      const range = new Headers(options.headers).get('Range');
      asked.push(range ?? 'whole');
      const [from = 0, to = 0] = (range ?? 'bytes=0-0').slice(6).split('-').map(Number);
      const bytes = new Blob([new Uint8Array(range ? to - from + 1 : 3)]);
      return { ok: true, status: range ? 206 : 200, blob: async () => bytes };
    });
    expect((await fetchBlob('preview://localhost/t/a', { size: 3 })).size).toBe(3);
    const size = 64 * 1024 * 1024 + 5;
    const progress: number[] = [];
    const blob = await fetchBlob('preview://localhost/t/b', { size, onprogress: (done) => progress.push(done) });
    expect(blob.size).toBe(size);
    expect(asked).toHaveLength(1 + 5);
    expect(progress.at(-1)).toBe(size);
    vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
    await expect(fetchBlob('preview://localhost/t/c', { size: 1 })).rejects.toMatchObject({ status: 404 });
    vi.unstubAllGlobals();
  });
});
