import { fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { MockTransport } from '$lib/ipc/mock/mockTransport';
import type { CommandName, Params, Response } from '$lib/ipc';
import Root from '$lib/views/Root.svelte';
import { testids } from '$lib/testids';

describe('the whole window', () => {
  it('goes from the first-run page to a session', async () => {
    render(Root, { transport: new MockTransport(new URLSearchParams('first&lang=en')) });
    expect(await screen.findByTestId(testids.firstRunDemo)).toHaveTextContent('A scripted model');
    await fireEvent.click(screen.getByTestId(testids.firstRunDemo));
    expect(await screen.findByTestId(testids.composerInput)).toBeVisible();
    expect(screen.getByTestId(testids.demoBadge)).toBeVisible();
  });

  it('shows a session, restores a node by the dialog, and undoes it', async () => {
    render(Root, { transport: new MockTransport(new URLSearchParams('lang=en')) });
    expect(await screen.findAllByTestId(testids.turn)).toHaveLength(3);
    await fireEvent.click(screen.getByTestId(testids.tabTree));
    const rows = await screen.findAllByTestId(testids.treeNode);
    expect(rows).toHaveLength(5);
    await fireEvent.click(within(rows[0] as HTMLElement).getByTestId(testids.treeNodeRestore));
    expect(await screen.findAllByTestId(testids.restoreChange)).toHaveLength(3);
    expect(screen.getByTestId(testids.restoreUnsaved)).toHaveTextContent('notes.md');
    await fireEvent.click(screen.getByTestId(testids.restoreApply));
    expect(await screen.findByTestId(testids.toastAction)).toHaveTextContent('Undo');
    expect(screen.getAllByTestId(testids.turn)).toHaveLength(1);
  });

  it('frames a page of the agent without an origin of ours', async () => {
    render(Root, { transport: new MockTransport(new URLSearchParams('lang=zh')) });
    const frame = await screen.findByTestId(testids.previewFrame);
    expect(frame.getAttribute('sandbox')).toBe('allow-scripts');
  });

  it('renames a session by its menu, which gives the focus on', async () => {
    render(Root, { transport: new MockTransport(new URLSearchParams('lang=en')) });
    // A narrow window has the list in a drawer.
    await fireEvent.click(await screen.findByTestId(testids.sidebarToggle));
    const [menu] = await screen.findAllByTestId(testids.sessionMenu);
    await fireEvent.pointerDown(menu as HTMLElement, { button: 0, pointerType: 'mouse' });
    await fireEvent.pointerUp(await screen.findByTestId(testids.sessionRename), { button: 0, pointerType: 'mouse' });
    await waitFor(() => expect(screen.getByTestId(testids.sessionRenameInput)).toHaveFocus());
    const input = screen.getByTestId(testids.sessionRenameInput);
    await fireEvent.input(input, { target: { value: 'Another name' } });
    await fireEvent.keyDown(input, { key: 'Enter' });
    await waitFor(() => expect(screen.getAllByTestId(testids.sessionTitle)[0]).toHaveTextContent('Another name'));
  });

  it('tells of what an earlier run left, and how it ended', async () => {
    const left = (title: string, ended: number, remaining: number) => ({
      owner: { sessionId: 'session', nodeId: null, itemId: null },
      title,
      ended,
      remaining,
    });
    class AfterACrash extends MockTransport {
      override async invoke<C extends CommandName>(command: C, params: Params<C>): Promise<Response<C>> {
        const answer = await super.invoke(command, params);
        if (command !== 'process_list') return answer;
        return { ...answer, leftBehind: [left('Python', 2, 0), left('make', 0, 0), left('stuck', 1, 1)] };
      }
    }
    render(Root, { transport: new AfterACrash(new URLSearchParams('lang=en')) });
    expect(await screen.findByTestId(testids.toast)).toHaveTextContent('left 4 processes running');
    await fireEvent.click(screen.getByTestId(testids.tabProcesses));
    const rows = (await screen.findAllByTestId(testids.processLeft)).map((row) => row.textContent.trim());
    expect(rows).toEqual([
      expect.stringMatching(/^Python\s*2 processes ended now$/),
      expect.stringMatching(/^make\s*had ended with the app$/),
      expect.stringMatching(/^stuck\s*1 process could not be ended$/),
    ]);
  });

  it('says where a wrong settings file is, and that defaults are in force', async () => {
    class WithProblem extends MockTransport {
      override async invoke<C extends CommandName>(command: C, params: Params<C>): Promise<Response<C>> {
        const answer = await super.invoke(command, params);
        if (command !== 'settings_get') return answer;
        return { ...answer, path: '/data/settings.toml', problem: { message: 'line 3: no such setting.' } };
      }
    }
    render(Root, { transport: new WithProblem(new URLSearchParams('lang=en')) });
    const banner = await screen.findByTestId(testids.settingsProblem);
    expect(banner).toHaveTextContent('Defaults are in force');
    await fireEvent.click(within(banner).getByRole('button'));
    const problem = await screen.findByTestId(testids.settingsProblemDetail);
    expect(problem).toHaveTextContent('/data/settings.toml');
    expect(problem).toHaveTextContent('line 3: no such setting.');
  });
});
