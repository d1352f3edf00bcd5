import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import type { Component } from 'svelte';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import Conversation from '$lib/features/conversation/Conversation.svelte';
import DeckFidelity from '$lib/features/conversation/DeckFidelity.svelte';
import ToolOutcome from '$lib/features/conversation/ToolOutcome.svelte';
import FileView from '$lib/features/preview/FileView.svelte';
import Blocked from '$lib/features/preview/page/Blocked.svelte';
import TableSheets from '$lib/features/preview/viewers/TableSheets.svelte';
import SkippedList from '$lib/features/import/SkippedList.svelte';
import TodoList from '$lib/features/todo-list/TodoList.svelte';
import type { Artifact, FileFacts, SlideFidelity, ToolResult } from '$lib/ipc';
import { App } from '$lib/state/app.svelte';
import { SessionState } from '$lib/state/sessionState.svelte';
import { testids } from '$lib/testids';
import Harness from './Harness.svelte';
import { callItem, detail, node, ScriptedTransport, textItem, unknownUsage } from './support';

const slide = (rest: Partial<SlideFidelity> = {}): SlideFidelity => ({
  title: 'A slide',
  notes: false,
  hidden: false,
  texts: 1,
  shapes: 0,
  tables: 0,
  pictures: 0,
  pictured: [],
  simplified: [],
  missing: [],
  fonts: [],
  outside: [],
  similarity: 1,
  ...rest,
});

function show(component: unknown, props: Record<string, unknown>, app = new App(new ScriptedTransport({}), null)) {
  return render(Harness, { props: { app, component: component as Component, props } });
}

describe('what comes twice', () => {
  it('is one remark of a slide with how often it is so', () => {
    const pictured = { what: 'svg', why: 'It is drawn.' };
    const slides = [slide({ pictured: [pictured, pictured, { ...pictured, what: 'canvas' }] })];
    show(DeckFidelity, { fidelity: { engine: 'an engine', slides } });
    const rows = [...screen.getByTestId(testids.artifactFidelity).querySelectorAll('tr.remark')];
    expect(rows.map((row) => row.textContent?.replace(/\s+/g, ' ').trim())).toEqual([
      expect.stringMatching(/svg.* × 2$/),
      expect.not.stringContaining('×'),
    ]);
  });

  it('is listed twice where a page was refused something', async () => {
    const entries = [
      { directive: 'a', uri: 'bc' },
      { directive: 'ab', uri: 'c' },
    ];
    show(Blocked, { entries, deployed: false });
    await fireEvent.click(screen.getByRole('button'));
    expect(screen.getAllByRole('listitem')).toHaveLength(2);
  });

  it('is two sheets of a workbook', () => {
    show(TableSheets, { names: ['One', 'One'], current: 'One', onsheet: () => undefined });
    expect(screen.getAllByTestId(testids.tableSheet)).toHaveLength(2);
  });

  it('is two pictures and two cut outputs of a call', () => {
    const image = { type: 'image', hash: 'h', mime: 'image/png', path: 'a.png' } as const;
    const cut: Artifact = { kind: 'output', title: 'Output', path: 'cut.txt' };
    const result: ToolResult = { content: [image, image], isError: false, artifacts: [cut, cut] } as never;
    const turn = {
      node: node('n1', null, 0),
      message: { text: 'hi', attachments: [] },
      items: [callItem('c1', 'n1', { status: 'completed', result })],
      error: null,
      usage: unknownUsage,
    };
    const session = new SessionState(detail({ turns: [turn] as never }));
    const item = session.turns[0]?.items[0];
    const { container } = show(ToolOutcome, { item, sessionId: 's1', working: false });
    expect(container.querySelectorAll('.path')).toHaveLength(2);
  });

  it('is two entries of an import, and two tasks with one number', async () => {
    const entry = { source: '/a', reason: 'tooLarge' };
    show(SkippedList, { skipped: [entry, entry] });
    const app = new App(new ScriptedTransport({}), null);
    const todo = { id: '1', content: 'Do it', status: 'pending', priority: 'high' };
    app.session = new SessionState(detail({ todos: [todo, todo] as never }));
    show(TodoList, {}, app);
    expect(screen.getAllByTestId(testids.todoRow)).toHaveLength(2);
  });
});

/** An artifact that no component can show. */
const broken = { kind: 'deck', title: 'Broken', path: 'deck.pptx', fidelity: { engine: '', slides: null } } as never;

const described = (path: string, hash: string): FileFacts => ({
  path,
  mime: 'application/zip',
  size: 9,
  modifiedAt: 1,
  hash,
  kind: 'file',
  meta: null,
  head: '',
  text: false,
  problem: null,
});

describe('a part that cannot be shown', () => {
  beforeAll(() => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });

  it('leaves the rest of its turn and the conversation', async () => {
    const result = { content: [], isError: false, artifacts: [broken] } as never;
    const turn = {
      node: node('n1', null, 0),
      message: { text: 'hi', attachments: [] },
      items: [callItem('c1', 'n1', { status: 'completed', result }), textItem('t1', 'n1', 'It is done.', 1, 1)],
      error: null,
      usage: unknownUsage,
    };
    const session = new SessionState(detail({ turns: [turn] as never, tree: [turn.node], currentNode: 'n1' }));
    show(Conversation, { session });
    expect(await screen.findByText('It is done.')).toBeInTheDocument();
    const failed = screen.getByTestId(testids.partFailed);
    expect(failed).toHaveTextContent('deck.pptx could not be shown.');
    await fireEvent.click(within(failed).getByRole('button'));
    expect(screen.getByTestId(testids.partFailed)).toBeInTheDocument();
    expect(screen.getByTestId(testids.toolCard)).toBeInTheDocument();
  });

  it('is shown once it can be, in the viewer', async () => {
    let listing: unknown = null;
    const transport = new ScriptedTransport({
      preview_describe: () => described('a.zip', 'h'),
      archive_list: () => ({ entries: listing, total: 0, unpacked: 0, truncated: false, notes: [] }) as never,
    });
    const app = new App(transport, null);
    show(FileView, { sessionId: 's1', source: { type: 'live', path: 'a.zip' }, version: 1, device: 'fit' }, app);
    const failed = await screen.findByTestId(testids.partFailed);
    expect(failed).toHaveTextContent('a.zip could not be shown.');
    listing = [{ path: 'inside.txt', size: 3, folder: false, modifiedAt: null }];
    await fireEvent.click(within(failed).getByRole('button'));
    expect(await screen.findByText('inside.txt')).toBeInTheDocument();
    expect(screen.queryByTestId(testids.partFailed)).toBeNull();
  });

  it('is tried again when its content is another', async () => {
    let content = 'h1';
    const transport = new ScriptedTransport({
      preview_describe: () => described('a.zip', content),
      archive_list: () =>
        ({ entries: content === 'h1' ? null : [], total: 0, unpacked: 0, truncated: false, notes: [] }) as never,
    });
    const app = new App(transport, null);
    const props = { sessionId: 's1', source: { type: 'live', path: 'a.zip' }, version: 1, device: 'fit' };
    const { rerender } = show(FileView, props, app);
    await screen.findByTestId(testids.partFailed);
    content = 'h2';
    await rerender({ props: { app, component: FileView as unknown as Component, props: { ...props, version: 2 } } });
    await waitFor(() => expect(screen.queryByTestId(testids.partFailed)).toBeNull());
    expect(screen.getByTestId(testids.archiveSize)).toBeInTheDocument();
  });
});
