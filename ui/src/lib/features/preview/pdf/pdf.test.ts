import { describe, expect, it } from 'vitest';
import { matchesIn, rangesOf } from './find';
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

describe('words in a PDF', () => {
  it('are found without regard to capitals, and stay in their places', () => {
    expect(matchesIn(2, 'Rad und RAD', 'rad')).toEqual([
      { page: 2, start: 0, end: 3 },
      { page: 2, start: 8, end: 11 },
    ]);
    // A letter that becomes longer when it is small must not move what follows.
    expect(matchesIn(0, 'İİ city', 'city')).toEqual([{ page: 0, start: 3, end: 7 }]);
    expect(matchesIn(0, '中文与 中文', '中文')).toHaveLength(2);
    expect(matchesIn(0, 'a\u00a0b', 'a b')).toHaveLength(1);
    expect(matchesIn(0, 'abc', '  ')).toEqual([]);
    expect(matchesIn(0, 'a'.repeat(10_000), 'a')).toHaveLength(2000);
  });

  it('are marked across the elements that show them', () => {
    const box = document.createElement('div');
    box.innerHTML = '<span>Spring </span><span></span><span>bicycles</span>';
    const elements = [...box.children];
    const [range] = rangesOf(elements, matchesIn(0, 'Spring bicycles', 'ing bic'));
    expect(range?.toString()).toBe('ing bic');
    const [last] = rangesOf(elements, matchesIn(0, 'Spring bicycles', 'bicycles'));
    expect([last?.startContainer, last?.toString()]).toEqual([elements[2]?.firstChild, 'bicycles']);
    expect(rangesOf(elements, [{ page: 0, start: 90, end: 95 }])).toEqual([]);
  });
});
