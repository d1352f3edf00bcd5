import { fireEvent, render, screen } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import Harness from './Harness.svelte';
import Composer from '$lib/features/composer/Composer.svelte';
import { CommandError } from '$lib/ipc';
import { settings } from '$lib/ipc/mock/fixtures';
import { App } from '$lib/state/app.svelte';
import { SessionState } from '$lib/state/sessionState.svelte';
import { testids } from '$lib/testids';
import { detail, node, ScriptedTransport, unknownUsage } from './support';

function setup(running: boolean) {
  const transport = new ScriptedTransport({
    turn_start: () => ({ type: 'started', nodeId: 'n1' }),
    turn_stop: () => ({}),
    turn_steer: () => ({}),
  });
  const app = new App(transport, null);
  app.preferences.settings = settings;
  const turn = {
    node: node('n1', null, 0, running ? { status: 'running', endedAt: null } : {}),
    message: { text: 'hi', attachments: [] },
    items: [],
    error: null,
    usage: unknownUsage,
  };
  app.session = new SessionState(detail({ turns: [turn], tree: [turn.node], currentNode: 'n1' }));
  render(Harness, { app, component: Composer });
  return { app, transport, input: screen.getByTestId(testids.composerInput) };
}

describe('the composer', () => {
  it('sends with Enter, and only then is empty', async () => {
    const { transport, input, app } = setup(false);
    await fireEvent.input(input, { target: { value: 'make a site' } });
    await fireEvent.keyDown(input, { key: 'Enter' });
    await vi.waitFor(() =>
      expect(transport.named('turn_start')).toEqual([{ sessionId: 's1', text: 'make a site', attachments: [] }]),
    );
    expect(app.composer.draft('s1').text).toBe('');
  });

  it('never sends what an input method is composing', async () => {
    const { transport, input } = setup(false);
    await fireEvent.input(input, { target: { value: 'ni' } });
    await fireEvent.keyDown(input, { key: 'Enter', isComposing: true });
    await fireEvent.keyDown(input, { key: 'Enter', keyCode: 229 });
    await fireEvent.keyDown(input, { key: 'Process', keyCode: 229 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(transport.named('turn_start')).toEqual([]);
  });

  it('leaves Shift+Enter to the text', async () => {
    const { transport, input } = setup(false);
    await fireEvent.input(input, { target: { value: 'a' } });
    const kept = await fireEvent.keyDown(input, { key: 'Enter', shiftKey: true });
    expect(kept).toBe(true);
    expect(transport.named('turn_start')).toEqual([]);
  });

  it('stops with Escape, but not while an input method is composing', async () => {
    const { transport, input } = setup(true);
    await fireEvent.keyDown(input, { key: 'Escape', isComposing: true });
    expect(transport.named('turn_stop')).toEqual([]);
    await fireEvent.keyDown(input, { key: 'Escape' });
    await vi.waitFor(() => expect(transport.named('turn_stop')).toEqual([{ sessionId: 's1' }]));
  });

  it('steers the running turn', async () => {
    const { transport, input } = setup(true);
    await fireEvent.input(input, { target: { value: 'shorter' } });
    await fireEvent.click(screen.getByTestId(testids.composerSteer));
    await vi.waitFor(() => expect(transport.named('turn_steer')).toEqual([{ sessionId: 's1', text: 'shorter' }]));
  });

  it('says that the demo is scripted', () => {
    setup(false);
    expect(screen.getByTestId(testids.demoBadge)).toHaveTextContent('Scripted demo');
  });

  it('does not show a model that could not be chosen', async () => {
    const { app, transport } = setup(false);
    transport.handlers.session_configure = () => {
      throw new CommandError({ code: 'readOnly', message: 'This session is open in another program.' });
    };
    const select = screen.getByTestId<HTMLSelectElement>(testids.composerModel);
    const shown = app.activeProfile?.id;
    const other = settings.profiles.find(({ id }) => id !== shown);
    await fireEvent.change(select, { target: { value: other?.id } });
    await vi.waitFor(() => expect(app.toasts.list).toHaveLength(1));
    await vi.waitFor(() => expect(select.value).toBe(shown));
  });
});

describe('a draft', () => {
  const again = () => new App(new ScriptedTransport({}), localStorage).composer;
  const attachment = { path: 'a.csv', size: 3, mime: 'text/csv' };

  it('is still there when the window is loaded anew, until it is sent', async () => {
    vi.useFakeTimers();
    try {
      const { composer } = new App(new ScriptedTransport({}), localStorage);
      composer.write('s1', 'Half a sen');
      composer.attach('s1', [attachment]);
      composer.write(null, 'Before there is a session');
      vi.advanceTimersByTime(1000);
      expect(again().draft('s1')).toEqual({ text: 'Half a sen', attachments: [attachment] });
      expect(again().draft(null).text).toBe('Before there is a session');
      composer.clear('s1');
      expect(again().draft('s1')).toEqual({ text: '', attachments: [] });
      expect(again().draft(null).text).toBe('Before there is a session');
    } finally {
      vi.useRealTimers();
    }
  });

  it('is kept within bounds, the newest first', () => {
    vi.useFakeTimers();
    try {
      const { composer } = new App(new ScriptedTransport({}), localStorage);
      for (let index = 0; index < 100; index += 1) composer.write(`s${index}`, 'words');
      composer.write('s98', 'more words');
      composer.write('long', 'x'.repeat(2_000_000));
      vi.advanceTimersByTime(1000);
      expect(localStorage.getItem('okcvm.drafts')?.length).toBeLessThan(1_000_000);
      expect(again().draft('s98').text).toBe('more words');
      expect(again().draft('s0').text).toBe('');
      expect(again().draft('long').text).toBe('');
    } finally {
      vi.useRealTimers();
    }
  });

  it('that is damaged in the store is none', () => {
    for (const kept of ['{', '{"a":1}', '[["s1"],["s1",null],["s1",{"text":1,"attachments":[]}],7]']) {
      localStorage.setItem('okcvm.drafts', kept);
      expect(again().draft('s1').text).toBe('');
    }
  });
});
