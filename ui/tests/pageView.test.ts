import { render, screen, waitFor } from '@testing-library/svelte';
import type { Component } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import deckScript from '../../src-tauri/crates/preview/src/deck.js?raw';
import PageView from '$lib/features/preview/page/PageView.svelte';
import { App } from '$lib/state/app.svelte';
import { testids } from '$lib/testids';
import Harness from './Harness.svelte';
import { ScriptedTransport } from './support';

const SITE = 'preview://localhost/0123/';

async function show() {
  const transport = new ScriptedTransport({
    preview_open: () => ({ token: '0123', url: `${SITE}index.html` }),
    preview_close: () => ({}),
    preview_read: () => ({ path: '', mime: '', size: 0, text: null, truncated: false, hash: '' }),
    window_fill_display: () => ({}),
  });
  const app = new App(transport, null);
  const props = { sessionId: 's1', source: { type: 'live', path: 'site' }, path: 'site', device: 'fit', version: 1 };
  const given = (version: number) => ({
    props: { app, component: PageView as unknown as Component, props: { ...props, version } },
  });
  const { rerender } = render(Harness, given(1));
  const frame = () => screen.getByTestId<HTMLIFrameElement>(testids.previewFrame);
  await waitFor(() => expect(frame().src).toBe(`${SITE}index.html`));
  const say = (data: unknown) =>
    window.dispatchEvent(new MessageEvent('message', { data, source: frame().contentWindow }));
  const load = () => frame().dispatchEvent(new Event('load'));
  return { app, frame, say, load, change: (version: number) => rerender(given(version)) };
}

const slides = (...titles: string[]) => ({ okcvm: 'deck', slides: titles.map((title) => ({ title, notes: '' })) });

describe('a page', () => {
  it('is loaded anew where it is, also at a place within itself, and its slides with it', async () => {
    const { frame, say, load, change } = await show();
    say({ okcvm: 'navigated', path: 'two.html', title: '' });
    say(slides('One', 'Two'));
    load();
    const rail = () => screen.getByTestId<HTMLIFrameElement>(testids.deckRailFrame);
    await waitFor(() => expect(rail().src).toBe(`${SITE}two.html`));
    say({ okcvm: 'navigated', path: 'two.html#x', title: '' });
    const [before, railBefore] = [frame(), rail()];
    await change(2);
    await waitFor(() => expect(frame()).not.toBe(before));
    expect(frame().src).toBe(`${SITE}two.html#x`);
    expect(rail()).not.toBe(railBefore);
    expect(rail().src).toBe(`${SITE}two.html`);
    // The old one is seen until the new one is there.
    expect(before.isConnected).toBe(true);
    before.focus();
    load();
    await waitFor(() => expect(before.isConnected).toBe(false));
    expect(document.activeElement).toBe(frame());
  });

  it('without slides shows none of the page before it', async () => {
    const { say, load } = await show();
    say(slides('One', 'Two'));
    load();
    expect(await screen.findByTestId(testids.deckCount)).toHaveTextContent('1 / 2');
    // Scripts may make slides a moment later.
    say(slides());
    say(slides('Three'));
    load();
    await waitFor(() => expect(screen.getByTestId(testids.deckCount)).toHaveTextContent('1 / 1'));
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(screen.getByTestId(testids.deckCount)).toBeInTheDocument();
    // Something that says nothing at all.
    load();
    await waitFor(() => expect(screen.queryByTestId(testids.deckCount)).toBeNull());
  });

  it('that sends messages without an end is heard to a bound, which is said once', async () => {
    const { app, say } = await show();
    app.preview.consoleOpen = true;
    for (let index = 0; index < 20_000; index += 1) say({ okcvm: 'console', level: 'log', text: String(index) });
    expect(await screen.findAllByTestId(testids.consoleFlooded)).toHaveLength(1);
    expect(screen.getAllByTestId(testids.consoleLine).length).toBeLessThanOrEqual(200);
  });
});

describe('the script of slides', () => {
  it('says also of a page without slides that it has none', () => {
    const host = { postMessage: vi.fn() };
    const page = { parent: host, addEventListener: () => undefined };
    const run = () => new Function('window', deckScript)(page) as void;
    run();
    expect(host.postMessage.mock.calls).toEqual([[{ okcvm: 'deck', slides: [] }, '*']]);
    document.body.innerHTML = '<div class="ppt-slide" data-notes="n"><h1>One</h1></div>';
    run();
    expect(host.postMessage.mock.calls.at(-1)?.[0]).toEqual({ okcvm: 'deck', slides: [{ title: 'One', notes: 'n' }] });
    document.body.innerHTML =
      '<div class="ppt-slide"><h1>One<br>more</h1><aside class="notes"><p>First <b>note</b></p>\n<p>Second</p></aside></div>';
    run();
    expect(host.postMessage.mock.calls.at(-1)?.[0]).toEqual({
      okcvm: 'deck',
      slides: [{ title: 'One more', notes: 'First note\nSecond' }],
    });
    document.body.innerHTML = '';
  });

  it('cuts the root at the edges of the slide and leaves the body whole, which may end within the slide', () => {
    const host = { postMessage: () => undefined };
    let tell: (event: unknown) => void = () => undefined;
    const page = {
      parent: host,
      innerWidth: 512,
      innerHeight: 500,
      scrollTo: () => undefined,
      addEventListener: (type: string, listen: typeof tell) => {
        if (type === 'message') tell = listen;
      },
    };
    document.body.innerHTML = '<div class="ppt-slide"><h1>One</h1></div>';
    const slide = document.querySelector('.ppt-slide') as HTMLElement;
    slide.getBoundingClientRect = () => new DOMRect(0, 0, 1024, 576);
    new Function('window', deckScript)(page);
    const ask = (show: number) =>
      tell({ source: host, data: { okcvm: 'deck', show }, stopImmediatePropagation: () => undefined });
    ask(0);
    expect(document.body.style.getPropertyValue('transform')).toBe('translate(0px,106px) scale(0.5)');
    expect(document.body.style.getPropertyValue('clip-path')).toBe('');
    const root = document.documentElement;
    expect(root.style.getPropertyValue('clip-path')).toBe('polygon(0px 106px,512px 106px,512px 394px,0px 394px)');
    ask(-1);
    expect(root.style.getPropertyValue('clip-path')).toBe('');
    expect(document.body.style.getPropertyValue('transform')).toBe('');
    document.body.innerHTML = '';
  });
});
