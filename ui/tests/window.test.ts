import { fireEvent, render, screen, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { MockTransport } from '$lib/ipc/mock/mockTransport';
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
});
