import { describe, expect, it, vi } from 'vitest';
import { Deck } from './deck.svelte';
import { addressOf, canMove, moved, noHistory, siteOf, visited } from './history';
import { ViewLink } from './link';
import { standAlone } from './alone';
import { MessageRate, readMessage } from './messages';
import { Reports } from './reports.svelte';
import { slideLines } from './slideLines';

describe('what a page tells', () => {
  it('is taken only in the shapes that are known', () => {
    for (const data of [
      null,
      'blocked',
      7,
      [],
      {},
      { okcvm: 'run', code: '1' },
      { okcvm: 'blocked', directive: 'img-src' },
      { okcvm: 'console', text: { toString: () => 'x' } },
      { okcvm: 'navigated', path: 'x'.repeat(3000) },
      { okcvm: 'scrolled', x: Infinity, y: 0 },
      { okcvm: 'scrolled', x: '1', y: 0 },
      { okcvm: 'deck', slides: 'all' },
      { okcvm: 'deck-pick', index: -1 },
      { okcvm: 'deck-pick', index: 1e9 },
      { okcvm: 'deck-key', key: 'F5' },
      { okcvm: 'deck-key', key: 'q' },
    ]) {
      expect(readMessage(data), JSON.stringify(data)).toBeNull();
    }
  });

  it('is cut short', () => {
    const long = 'x'.repeat(100_000);
    const blocked = readMessage({ okcvm: 'blocked', directive: long, uri: long });
    expect(JSON.stringify(blocked).length).toBeLessThan(2200);
    const deck = readMessage({ okcvm: 'deck', slides: Array(9000).fill({ title: long, notes: long, other: long }) });
    expect(deck?.type === 'deck' && deck.slides).toHaveLength(500);
    expect(JSON.stringify(deck).length).toBeLessThan(500 * 4400);
    expect(readMessage({ okcvm: 'scrolled', x: -4, y: 7 })).toEqual({ type: 'scrolled', x: 0, y: 1 });
    expect(readMessage({ okcvm: 'failed', uri: '/a', status: 'x' })).toEqual({ type: 'failed', uri: '/a', status: 0 });
    expect(readMessage({ okcvm: 'console', level: 'fatal', text: 'a' })).toEqual({
      type: 'console',
      level: 'log',
      text: 'a',
    });
    expect(readMessage({ okcvm: 'deck', slides: [null, { title: 3 }] })).toEqual({
      type: 'deck',
      slides: [
        { title: '', notes: '' },
        { title: '', notes: '' },
      ],
    });
  });
});

describe('a page that does not stop', () => {
  it('is heard so many times a second, by kinds', () => {
    const rate = new MessageRate();
    const heard = (data: unknown, at: number, times: number) =>
      Array.from({ length: times }, () => rate.allows(data, at)).filter(Boolean).length;
    expect(heard({ okcvm: 'console', text: 'a' }, 0, 5000)).toBe(100);
    // What it says of its slides is not lost in the noise.
    expect(heard({ okcvm: 'deck', slides: [] }, 900, 50)).toBe(8);
    expect(heard({ okcvm: 'console', text: 'a' }, 999, 50)).toBe(0);
    expect(heard({ okcvm: 'console', text: 'a' }, 1000, 50)).toBe(50);
    expect(heard({ okcvm: 'toString' }, 1000, 5)).toBe(5);
    expect(readMessage({ okcvm: 'toString' })).toBeNull();
  });
});

describe('what covers the window', () => {
  it('is the only thing that keys and pointers reach', () => {
    document.body.innerHTML = '<nav></nav><main><p inert></p><div id="stage"><b></b></div><i></i></main>';
    const stage = document.getElementById('stage') as HTMLElement;
    const names = () => [...document.querySelectorAll('[inert]')].map(({ localName }) => localName);
    const giveBack = standAlone(stage);
    expect(names()).toEqual(['nav', 'p', 'i']);
    giveBack();
    expect(names()).toEqual(['p']);
    document.body.innerHTML = '';
  });
});

describe('reports', () => {
  it('count what is said again and are bounded', () => {
    const reports = new Reports();
    for (let index = 0; index < 3; index += 1) reports.hear({ type: 'console', level: 'error', text: 'same' });
    for (let index = 0; index < 500; index += 1)
      reports.hear({ type: 'blocked', directive: 'img-src', uri: `/${index}` });
    expect(reports.list).toHaveLength(200);
    expect(reports.left).toBe(301);
    expect(reports.blocked).toHaveLength(50);
    expect(reports.problems).toBe(3);
    reports.clear();
    expect([reports.list, reports.blocked, reports.left]).toEqual([[], [], 0]);
  });

  it('hand on what went wrong, or everything if nothing did', () => {
    const reports = new Reports();
    reports.hear({ type: 'console', level: 'log', text: 'hello' });
    expect(reports.lines()).toEqual(['log: hello']);
    reports.hear({ type: 'failed', uri: '/data.json', status: 404 });
    reports.hear({ type: 'failed', uri: '/data.json', status: 404 });
    reports.hear({ type: 'failed', uri: '/x.png', status: 0 });
    expect(reports.lines()).toEqual(['failed: 404 /data.json (×2)', 'failed: /x.png']);
  });
});

describe('where a page was', () => {
  it('goes back and forward, and a new way forgets the old one', () => {
    let history = noHistory;
    for (const path of ['', 'a.html', 'a.html', 'b.html']) history = visited(history, path);
    expect(history.entries).toEqual(['', 'a.html', 'b.html']);
    expect(canMove(history, 1)).toBe(false);
    history = moved(history, -1);
    // The page says that it arrived where the window led it.
    expect(visited(history, 'a.html')).toEqual(history);
    history = visited(history, 'c.html');
    expect(history.entries).toEqual(['', 'a.html', 'c.html']);
    for (let index = 0; index < 300; index += 1) history = visited(history, String(index));
    expect(history.entries).toHaveLength(100);
    expect(history.at).toBe(99);
  });

  it('never leads out of the site', () => {
    const site = siteOf('preview://localhost/0123/first.html', '0123');
    expect(site).toBe('preview://localhost/0123/');
    expect(addressOf(site, 'a/b.html?q#f')).toBe('preview://localhost/0123/a/b.html?q#f');
    for (const path of ['../4567/x', '/4567/x', 'https://example.com', '//example.com/x', 'javascript:1', 'data:,x']) {
      expect(addressOf(site, path), path).toBeNull();
    }
    expect(siteOf('data:text/html,x', 'none')).toBe('data:text/html,x');
  });
});

describe('slides', () => {
  it('are turned by keys, and fill the display only where somebody asks for it', () => {
    const deck = new Deck();
    deck.hear([1, 2, 3].map((number) => ({ title: String(number), notes: '' })));
    expect(deck.on).toBe(true);
    for (const key of ['ArrowRight', ' ', 'ArrowRight']) expect(deck.key(key, 'turn')).toBe(true);
    expect(deck.index).toBe(2);
    deck.key('Home', 'turn');
    deck.key('ArrowLeft', 'all');
    expect(deck.index).toBe(0);
    expect(deck.key('f', 'turn')).toBe(false);
    expect(deck.key('p', 'turn')).toBe(false);
    expect(deck.full).toBe(false);
    deck.key('f', 'all');
    expect(deck.key('Escape', 'turn')).toBe(true);
    expect(deck.full).toBe(false);
    deck.key('p', 'all', 5000);
    expect(deck).toMatchObject({ presenting: true, full: true, startedAt: 5000 });
    deck.key('Escape', 'all');
    expect(deck).toMatchObject({ presenting: false, full: false });
    expect(deck.key('Escape', 'all')).toBe(false);
    // What is hidden is passed over when slides are presented, and shown otherwise.
    deck.hear([1, 2, 3].map((at) => ({ title: String(at), notes: '', ...(at > 1 ? { hidden: true as const } : {}) })));
    deck.key('Home', 'all');
    deck.key('ArrowRight', 'all');
    expect(deck.index).toBe(1);
    deck.key('Home', 'all');
    deck.key('f', 'all');
    deck.key('ArrowRight', 'all');
    expect([deck.index, deck.beside(1)]).toEqual([0, null]);
    deck.key('Escape', 'all');
    deck.key('End', 'all');
    deck.hear([{ title: 'only', notes: '' }]);
    expect(deck.index).toBe(0);
    deck.full = true;
    deck.hear([]);
    expect(deck).toMatchObject({ on: false, full: false });
  });

  it('are found in the text of a page by line', () => {
    const page = [
      '<!doctype html>',
      '<!-- <div class="ppt-slide"> -->',
      '<style>.ppt-slide{}</style><script>const a = \'<b class="ppt-slide">\';</script>',
      '<section data-x="1" class="big ppt-slide">',
      '</section><div',
      "  class='ppt-slide dark'></div>",
      '<div class=ppt-slide></div><p class="ppt-slider">',
    ].join('\n');
    expect(slideLines(page)).toEqual([4, 5, 7]);
    expect(slideLines('')).toEqual([]);
    const begun = performance.now();
    slideLines(`${'<div class="'.repeat(20_000)}`);
    slideLines('<a '.repeat(50_000));
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe('a link between two views', () => {
  it('tells all who follow, with who spoke', () => {
    const link = new ViewLink();
    const heard = vi.fn();
    const end = link.follow(heard);
    const from = {};
    link.tell({ x: 0, y: 0.5 }, from);
    end();
    link.tell({ slide: 1 }, from);
    expect(heard.mock.calls).toEqual([[{ x: 0, y: 0.5 }, from]]);
  });
});
