import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CommandName, Params, Response } from '$lib/ipc';
import { MockTransport } from '$lib/ipc/mock/mockTransport';
import Root from '$lib/views/Root.svelte';
import { testids } from '$lib/testids';

/** Remembers what was asked for. */
class Watched extends MockTransport {
  readonly asked: [CommandName, unknown][] = [];
  override async invoke<C extends CommandName>(command: C, params: Params<C>): Promise<Response<C>> {
    this.asked.push([command, params]);
    return super.invoke(command, params);
  }
  last(command: CommandName): unknown {
    return this.asked.findLast(([name]) => name === command)?.[1];
  }
}

let transport: Watched;

async function openTree(options = ''): Promise<HTMLElement[]> {
  transport = new Watched(new URLSearchParams(`lang=en&${options}`));
  render(Root, { transport });
  await fireEvent.click(await screen.findByTestId(testids.tabTree));
  return screen.findAllByTestId(testids.treeNode);
}

async function choose(row: HTMLElement | undefined, item: string): Promise<void> {
  const menu = within(row as HTMLElement).getByTestId(testids.treeNodeMenu);
  await fireEvent.pointerDown(menu, { button: 0, pointerType: 'mouse' });
  await fireEvent.pointerUp(await screen.findByTestId(item), { button: 0, pointerType: 'mouse' });
}

beforeEach(() => localStorage.clear());

describe('the session tree', () => {
  it('draws a few of ten thousand nodes, and only the last turns', async () => {
    const rows = await openTree('big');
    expect(rows.length).toBeLessThan(60);
    expect(screen.getAllByTestId(testids.turn).length).toBeLessThanOrEqual(20);
    expect(rows[0]).toHaveAttribute('aria-setsize', '10000');
  });

  it('walks with the arrows, opens with Enter, and asks before it restores', async () => {
    const rows = await openTree();
    const current = rows.find((row) => row.dataset.current === 'true') as HTMLElement;
    current.focus();
    await fireEvent.keyDown(current, { key: 'ArrowUp' });
    await waitFor(() => expect(rows[3]).toHaveFocus());
    await fireEvent.keyDown(rows[3] as HTMLElement, { key: 'Home' });
    await waitFor(() => expect(rows[0]).toHaveFocus());
    await fireEvent.keyDown(rows[0] as HTMLElement, { key: 'r' });
    expect(await screen.findByTestId(testids.restoreDialog)).toBeInTheDocument();
    await fireEvent.keyDown(document.activeElement ?? document.body, { key: 'Escape' });
    await waitFor(() => expect(screen.queryByTestId(testids.restoreDialog)).toBeNull());
    await fireEvent.keyDown(rows[0] as HTMLElement, { key: 'Enter' });
    expect(await screen.findByTestId(testids.changesNode)).toHaveAttribute('data-node', rows[0]?.dataset.node);
  });

  it('moves a branch to the trash and takes it back, but never the one of the conversation', async () => {
    const rows = await openTree();
    const branch = rows[1]?.dataset.node;
    await fireEvent.keyDown(rows[0] as HTMLElement, { key: 'Delete' });
    expect(transport.last('branch_delete')).toBeUndefined();
    await fireEvent.keyDown(rows[1] as HTMLElement, { key: 'Delete' });
    await waitFor(() => expect(screen.getAllByTestId(testids.treeNode)).toHaveLength(3));
    expect(transport.last('branch_delete')).toMatchObject({ nodeId: branch });
    await fireEvent.click(screen.getByTestId(testids.treeTrash));
    const trashed = await screen.findByTestId(testids.trashBranch);
    expect(trashed).toHaveTextContent('2 nodes');
    expect(trashed).toHaveTextContent('gone in 30 days');
    await fireEvent.click(within(trashed).getByTestId(testids.trashRecover));
    await waitFor(() => expect(screen.queryByTestId(testids.trashBranch)).toBeNull());
    await fireEvent.click(screen.getByTestId(testids.treeTrash));
    expect(await screen.findAllByTestId(testids.treeNode)).toHaveLength(5);
  });

  it('reverts one turn where it applies, and lists what stands in the way where it does not', async () => {
    const rows = await openTree();
    await choose(rows[1], testids.treeNodeRevert);
    expect(await screen.findByTestId(testids.revertConflict)).toHaveTextContent('site/index.html');
    expect(screen.queryByTestId(testids.revertApply)).toBeNull();
    await fireEvent.keyDown(document.activeElement ?? document.body, { key: 'Escape' });
    await waitFor(() => expect(screen.queryByTestId(testids.revertDialog)).toBeNull());
    await choose(rows[0], testids.treeNodeRevert);
    await waitFor(() => expect(screen.getByTestId(testids.revertApply)).toBeEnabled());
    await fireEvent.click(screen.getByTestId(testids.revertApply));
    await waitFor(() => expect(transport.last('turn_revert')).toMatchObject({ nodeId: rows[0]?.dataset.node }));
    await waitFor(() => expect(screen.getByTestId(testids.treeUndo)).toHaveTextContent('Revert of'));
  });

  it('compares a node with the current one', async () => {
    const rows = await openTree();
    await choose(rows[0], testids.treeNodeCompare);
    expect(await screen.findByTestId(testids.changesCompared)).toHaveTextContent('first site → Check that');
    await waitFor(() => expect(screen.getAllByTestId(testids.changesFile)).toHaveLength(2));
    await waitFor(() => expect(transport.last('node_compare_file')).toMatchObject({ left: rows[0]?.dataset.node }));
  });
});

describe('a restore', () => {
  it('can be of some files only', async () => {
    const rows = await openTree();
    await fireEvent.click(within(rows[0] as HTMLElement).getByTestId(testids.treeNodeRestore));
    await screen.findAllByTestId(testids.restoreChange);
    await fireEvent.click(screen.getByTestId(testids.restoreScopeFiles));
    const files = await screen.findAllByTestId(testids.restoreFile);
    await fireEvent.click(files[1] as HTMLElement);
    expect(screen.getByTestId(testids.restoreChosen)).toHaveTextContent('2 of 3 files');
    await fireEvent.click(screen.getByTestId(testids.restoreApply));
    await waitFor(() =>
      expect(transport.last('restore_apply')).toMatchObject({ scope: 'files', paths: ['site/index.html', 'notes.md'] }),
    );
  });

  it('of everything names no paths', async () => {
    const rows = await openTree();
    await fireEvent.click(within(rows[0] as HTMLElement).getByTestId(testids.treeNodeRestore));
    await screen.findAllByTestId(testids.restoreChange);
    await fireEvent.click(screen.getByTestId(testids.restoreApply));
    await waitFor(() => expect(transport.last('restore_apply')).toBeDefined());
    expect(transport.last('restore_apply')).not.toHaveProperty('paths');
  });
});

describe('the changes', () => {
  it('bring one file back from the node, with its earlier name', async () => {
    await openTree();
    await fireEvent.click(screen.getByTestId(testids.tabChanges));
    const files = await screen.findAllByTestId(testids.changesFile);
    const renamed = files.find(({ dataset }) => dataset.kind === 'renamed') as HTMLElement;
    expect(renamed).toHaveTextContent('site/css/main.css → site/style.css');
    await fireEvent.click(within(renamed.parentElement as HTMLElement).getByTestId(testids.changesFileRestore));
    await screen.findByTestId(testids.restoreDialog);
    await waitFor(() =>
      expect(transport.last('restore_plan')).toMatchObject({
        scope: 'files',
        paths: ['site/style.css', 'site/css/main.css'],
      }),
    );
  });

  it('say why something is not recorded, and name what is not text', async () => {
    await openTree();
    await fireEvent.click(screen.getByTestId(testids.tabChanges));
    await fireEvent.click(await screen.findByTestId(testids.changesSkipped));
    expect((await screen.findAllByTestId(testids.changesSkippedFile))[0]).toHaveTextContent(
      'installed packages are not recorded',
    );
    const picture = screen.getAllByTestId(testids.changesFile).find(({ dataset }) => dataset.path?.endsWith('.png'));
    await fireEvent.click(picture as HTMLElement);
    await waitFor(() => expect(screen.getByTestId(testids.changesDiff)).toHaveTextContent('Not text'));
    expect(screen.getByTestId(testids.changesDiff)).toHaveTextContent('48.1 KB → 51.9 KB');
  });

  it('show the moments of a file, and the lines of the chosen one', async () => {
    await openTree();
    await fireEvent.click(screen.getByTestId(testids.tabChanges));
    await fireEvent.click((await screen.findAllByTestId(testids.changesFileHistory))[0] as HTMLElement);
    const moments = await screen.findAllByTestId(testids.fileMoment);
    expect(moments.map(({ dataset }) => dataset.writer)).toEqual(['user', 'agent', 'agent']);
    await waitFor(() => expect(transport.last('node_diff')).toMatchObject({ side: 'user' }));
    await fireEvent.click(moments[2] as HTMLElement);
    await waitFor(() =>
      expect(transport.last('node_diff')).toMatchObject({ side: 'turn', change: { path: 'old/site/index.html' } }),
    );
  });
});

describe('the size of the history', () => {
  it('is shown against its budget, and tidied', async () => {
    await openTree('big');
    await fireEvent.click(await screen.findByTestId(testids.treeHistorySize));
    expect(await screen.findByTestId(testids.historyUsed)).toHaveTextContent('4.6 GB of 5 GB');
    await fireEvent.click(screen.getByTestId(testids.historyTidy));
    expect(await screen.findByTestId(testids.historyCancel)).toBeInTheDocument();
    await waitFor(() => expect(screen.getByTestId(testids.historyOutcome)).toHaveTextContent('set free'));
    expect(screen.getByTestId(testids.historyUsed)).toHaveTextContent('2.8 GB of 5 GB');
  });

  it('has limits that are kept', async () => {
    await openTree();
    await fireEvent.click(await screen.findByTestId(testids.treeHistorySize));
    await fireEvent.input(await screen.findByTestId(testids.historySessionBudget), { target: { value: '2.5' } });
    await fireEvent.input(screen.getByTestId(testids.historyTrashDays), { target: { value: '7' } });
    await fireEvent.click(screen.getByTestId(testids.historySave));
    await waitFor(() =>
      expect(transport.last('settings_save')).toMatchObject({
        settings: { history: { sessionBudgetBytes: 2.5e9, trashDays: 7, maxFileBytes: 100e6 } },
      }),
    );
  });
});

describe('a copy of a moment', () => {
  it('is saved under the name that the dialog gave, and leaves a sign at its node', async () => {
    const rows = await openTree();
    const id = rows[0]?.dataset.node;
    expect(screen.queryAllByTestId(testids.treeNodeSaved)).toHaveLength(0);
    await choose(rows[0], testids.treeNodeExport);
    await waitFor(() => expect(transport.last('node_export')).toMatchObject({ nodeId: id, replace: true }));
    const { name } = transport.last('window_pick_save') as { name: string };
    const { target } = transport.last('node_export') as { target: string };
    expect(name).toMatch(/^[^<>:"/\\|?*]+\.zip$/);
    expect(target).toBe(`/home/someone/${name}`);
    expect(await screen.findByText(`The copy was saved to ${target}.`)).toBeInTheDocument();
    await waitFor(() => expect(screen.getAllByTestId(testids.treeNodeSaved)).toHaveLength(1));
  });

  it('is not saved where nothing was picked, and says what failed', async () => {
    const rows = await openTree();
    transport.invoke = (async (command: CommandName) => {
      if (command === 'window_pick_save') return { paths: [] };
      throw new Error(`asked for ${command}`);
    }) as typeof transport.invoke;
    await choose(rows[0], testids.treeNodeExport);
    await waitFor(() => expect(screen.queryByTestId(testids.exportProgress)).toBeNull());
    expect(screen.queryByText(/was saved/)).toBeNull();
  });
});

describe('a restore that would be refused', () => {
  it('says so in its dialog, and cannot be asked for', async () => {
    const rows = await openTree();
    const invoke = transport.invoke.bind(transport);
    const refusal = { message: 'A turn is running in this session.', hint: 'Stop it, or wait until it has ended.' };
    transport.invoke = (async (command: CommandName, params: never) => {
      const answer = await invoke(command, params);
      return command === 'restore_plan'
        ? { ...answer, refusal, unwritten: [{ path: 'kept.bin', reason: 'x' }] }
        : answer;
    }) as typeof transport.invoke;
    (rows[0] as HTMLElement).focus();
    await fireEvent.keyDown(rows[0] as HTMLElement, { key: 'r' });
    expect(await screen.findByTestId(testids.restoreRefusal)).toHaveTextContent(refusal.message);
    expect(screen.getByTestId(testids.restoreApply)).toBeDisabled();
    expect(screen.getByText(/kept\.bin/)).toBeInTheDocument();
  });
});
