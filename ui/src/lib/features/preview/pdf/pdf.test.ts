import { describe, expect, it } from 'vitest';
import { matchesIn, rangesOf, type PageText } from './find';
import { GAP, layOut, pageAt, zoomStep } from './pages';

describe('pages', () => {
  it('stand below one another, each at its own scale', () => {
    const sizes = [
      { width: 600, height: 800 },
      { width: 1200, height: 800 },
    ];
    const { tops, height } = layOut(sizes, ({ width }) => 600 / width);
    expect(tops).toEqual([GAP, 2 * GAP + 800]);
    expect(height).toBe(3 * GAP + 1200);
    expect([0, GAP, 2 * GAP + 799, 2 * GAP + 800, 1e9].map((at) => pageAt(tops, at))).toEqual([0, 0, 0, 1, 1]);
    expect(pageAt([], 5)).toBe(0);
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
