import { describe, expect, it, vi } from 'vitest';
import { matchesIn, rangesOf, type PageText } from './find';
import { GAP, MOST_PAGES, PageSizes, layOut, pageAt, zoomStep } from './pages';
import { searchPages, type Found } from './search';

describe('pages', () => {
  it('stand below one another, each at its own scale', () => {
    const sizes = new PageSizes(2, { width: 600, height: 800 }).with(1, { width: 1200, height: 800 });
    const { tops, height } = layOut(sizes, ({ width }) => 600 / width);
    expect(tops).toEqual([GAP, 2 * GAP + 800]);
    expect(height).toBe(3 * GAP + 1200);
    expect([0, GAP, 2 * GAP + 799, 2 * GAP + 800, 1e9].map((at) => pageAt(tops, at))).toEqual([0, 0, 0, 1, 1]);
    expect(pageAt([], 5)).toBe(0);
  });

  it('are no more than can be shown, whatever a document says', () => {
    const sizes = new PageSizes(999_999_999, { width: 600, height: 800 });
    expect(sizes.count).toBe(MOST_PAGES);
    expect(layOut(sizes, () => 1).tops).toHaveLength(MOST_PAGES);
    expect(new PageSizes(-4, sizes.usual).count).toBe(0);
    expect(layOut(sizes, () => sizes.mostScale).height).toBeLessThan(33_000_000);
    expect(new PageSizes(500, sizes.usual).mostScale).toBeGreaterThan(6);
    expect(sizes.with(7, { width: 600.2, height: 800 })).toBe(sizes);
    const other = sizes.with(7, { width: 900, height: 20 });
    expect([other.of(7).height, other.of(8).height, other.widest, sizes.widest]).toEqual([20, 800, 900, 600]);
  });

  it('are zoomed by steps that end', () => {
    expect([zoomStep(1, 1), zoomStep(1, -1), zoomStep(0.83, 1), zoomStep(6, 1), zoomStep(0.25, -1)]).toEqual([
      1.1, 0.9, 0.9, 6, 0.25,
    ]);
  });
});

/** Lines of a page; each is one element. */
function lines(...all: string[]): PageText {
  const breaks = new Set<number>();
  let length = 0;
  for (const line of all) breaks.add((length += line.length));
  return { text: all.join(''), breaks };
}

describe('words in a PDF', () => {
  it('are found across lines, with and without a hyphen between them', () => {
    const given = lines(
      'A bicycle work-',
      'shop with a well-',
      'known bell ',
      'and two',
      'wheels. 春天的自行',
      '车在 -',
      '5 度',
    );
    const found = (words: string) => matchesIn(0, given, words).map(({ start, end }) => given.text.slice(start, end));
    expect(found('workshop with')).toEqual(['work-shop with']);
    expect(found('work-shop')).toEqual(['work-shop']);
    expect(found('well-known BELL')).toEqual(['well-known bell']);
    expect(found('wellknown')).toEqual(['well-known']);
    expect(found('bell and  two wheels.')).toEqual(['bell and twowheels.']);
    expect(found('自行车')).toEqual(['自行车']);
    expect(found('twowheels')).toEqual([]);
  });

  it('are found without regard to capitals, and stay in their places', () => {
    expect(matchesIn(2, lines('Rad und RAD'), 'rad')).toEqual([
      { page: 2, start: 0, end: 3 },
      { page: 2, start: 8, end: 11 },
    ]);
    // A letter that becomes longer when it is small must not move what follows.
    expect(matchesIn(0, lines('İİ city'), 'city')).toEqual([{ page: 0, start: 3, end: 7 }]);
    expect(matchesIn(0, lines('中文与 中文'), '中文')).toHaveLength(2);
    expect(matchesIn(0, lines('a\u00a0b'), 'a b')).toHaveLength(1);
    expect(matchesIn(0, lines('abc'), '  ')).toEqual([]);
    expect(matchesIn(0, lines('a'.repeat(10_000)), 'a')).toHaveLength(2000);
  });

  it('are marked across the elements that show them', () => {
    const box = document.createElement('div');
    box.innerHTML = '<span>Spring </span><span></span><span>bicycles</span>';
    const elements = [...box.children];
    const [range] = rangesOf(elements, matchesIn(0, lines('Spring bicycles'), 'ing bic'));
    expect(range?.toString()).toBe('ing bic');
    const [last] = rangesOf(elements, matchesIn(0, lines('Spring bicycles'), 'bicycles'));
    expect([last?.startContainer, last?.toString()]).toEqual([elements[2]?.firstChild, 'bicycles']);
    expect(rangesOf(elements, [{ page: 0, start: 90, end: 95 }])).toEqual([]);
  });
});

describe('a search', () => {
  const page = (text: string): PageText => ({ text, breaks: new Set() });

  it('goes over all pages, also those that cannot be read, and keeps those at hand', async () => {
    const told: Found[] = [];
    const read = async (index: number) => {
      if (index === 1) throw new Error('damaged');
      return page(index === 3 ? 'a wheel and a wheel' : 'nothing');
    };
    await searchPages(5, read, 'wheel', new AbortController().signal, (found) => told.push(found));
    const last = told.at(-1);
    expect(last?.searched).toBe(5);
    expect(last?.all).toHaveLength(2);
    expect(last?.pages.get(3)).toEqual(last?.all);
    expect(last?.pages.get(0)).toBeUndefined();
  });

  it('ends with many places, and tells of them seldom', async () => {
    const told: number[] = [];
    const read = vi.fn(async () => page('a'.repeat(5000)));
    await searchPages(20_000, read, 'a', new AbortController().signal, ({ all }) => told.push(all.length));
    expect(told.at(-1)).toBe(10_000);
    expect(read).toHaveBeenCalledTimes(5);
    const many: number[] = [];
    await searchPages(
      3000,
      async () => page('a'),
      'a',
      new AbortController().signal,
      ({ all }) => many.push(all.length),
    );
    expect(many.at(-1)).toBe(3000);
    expect(many.length).toBeLessThan(300);
  });

  it('gives way to others, and stops when it is called off', async () => {
    const ending = new AbortController();
    const read = vi.fn(async () => page('b '.repeat(2000)));
    const all = searchPages(20_000, read, 'a', ending.signal, () => undefined);
    // Without a break no timer would come to its turn.
    setTimeout(() => ending.abort(), 30);
    await all;
    expect(read.mock.calls.length).toBeGreaterThan(0);
    expect(read.mock.calls.length).toBeLessThan(20_000);
  });
});
