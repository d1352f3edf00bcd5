import { render, screen, waitFor } from '@testing-library/svelte';
import type { Component } from 'svelte';
import { describe, expect, it } from 'vitest';
import Compare from '$lib/features/preview/compare/Compare.svelte';
import Scrubber from '$lib/features/preview/Scrubber.svelte';
import { App } from '$lib/state/app.svelte';
import { SessionState } from '$lib/state/sessionState.svelte';
import { testids } from '$lib/testids';
import Harness from './Harness.svelte';
import { ScriptedTransport, detail, node } from './support';

const tree = [
  node('root', null, 0, { snapshot: '1' }),
  node('left', 'root', 1, { snapshot: '2', title: 'The way that was left' }),
  node('thin', 'left', 2, { title: 'Without files', notRestorable: 'thinned' }),
  node('now', 'root', 3, { snapshot: '4' }),
];

function show(component: unknown, props: Record<string, unknown>): void {
  const transport = new ScriptedTransport({
    preview_open: () => ({ token: 'a', url: 'preview://localhost/a/' }),
    preview_close: () => ({}),
  });
  const session = new SessionState(detail({ tree, currentNode: 'now' }));
  const app = new App(transport, null);
  render(Harness, { props: { app, component: component as Component, props: { session, ...props } } });
}
const tab = (at: string | null) => ({ key: 1, target: { type: 'file', path: 'a.txt' }, at });

describe('the slider of moments', () => {
  it('stands on a node that does not lie on the shown path, among those that lead to it', async () => {
    show(Scrubber, { tab: tab('left') });
    expect(await screen.findByTestId(testids.scrubberTitle)).toHaveTextContent('The way that was left');
    const slider = screen.getByTestId<HTMLInputElement>(testids.scrubberInput);
    expect([slider.value, slider.max]).toEqual(['1', '2']);
    expect(screen.getByTestId(testids.scrubberRestore)).toBeEnabled();
  });

  it('names a node whose files are not kept, and offers nothing of it', async () => {
    show(Scrubber, { tab: tab('thin') });
    expect(await screen.findByTestId(testids.scrubberTitle)).toHaveTextContent('Without files');
    expect(screen.getByTestId(testids.scrubberRestore)).toBeDisabled();
  });
});

describe('comparing', () => {
  it('says on which side there is nothing, and shows the other', async () => {
    const site = { key: 1, target: { type: 'deployment', id: 'gone' }, at: null, beside: { at: 'root' } };
    show(Compare, { tab: site, device: 'fit', version: 1 });
    const [left, right] = await screen.findAllByTestId(testids.compareSide);
    expect(left).toHaveTextContent('There is no site on this side any more.');
    await waitFor(() => expect(right?.querySelector('iframe')).not.toBeNull());
  });
});
