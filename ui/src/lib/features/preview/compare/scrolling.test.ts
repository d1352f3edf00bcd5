import { afterEach, describe, expect, it, vi } from 'vitest';
import { ViewLink } from '../page/link';
import { placeOf, spotOf, tieScrolling } from './scrolling';

/** A box with something in it that is scrolled; as large as it is said to be. */
function side(height: number, lines?: number): { box: HTMLElement; scroller: HTMLElement } {
  const box = document.createElement('div');
  const small = document.createElement('div');
  small.className = 'scroll';
  const scroller = document.createElement('div');
  scroller.className = 'scroll';
  if (lines !== undefined) scroller.dataset.lines = String(lines);
  const sizes = { clientWidth: 300, clientHeight: 100, scrollWidth: 300, scrollHeight: height };
  for (const [name, value] of Object.entries(sizes)) Object.defineProperty(scroller, name, { value });
  scroller.scrollTo = ((to: ScrollToOptions) => {
    scroller.scrollTop = Math.min(height - 100, to.top ?? 0);
    scroller.dispatchEvent(new Event('scroll'));
  }) as typeof scroller.scrollTo;
  box.append(small, scroller);
  document.body.append(box);
  return { box, scroller };
}
const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

describe('two sides', () => {
  afterEach(() => document.body.replaceChildren());

  it('are at the same line where lines are counted, and at the same part else', () => {
    const short = side(1000, 50).scroller;
    const long = side(4000, 200).scroller;
    short.scrollTop = 400;
    expect(placeOf(short)).toEqual({ x: 0, y: 400 / 900, line: 20 });
    expect(spotOf(long, placeOf(short)).top).toBe(400);
    const prose = side(1900).scroller;
    expect(placeOf(prose)).toEqual({ x: 0, y: 0 });
    expect(spotOf(prose, placeOf(short)).top).toBeCloseTo(800);
    expect(spotOf(side(100).scroller, { x: 1, y: 1 })).toEqual({ left: 0, top: 0 });
  });

  it('follow one another without an echo, also where one is shorter', async () => {
    const link = new ViewLink();
    const tell = vi.spyOn(link, 'tell');
    const [left, right] = [side(4000, 200), side(1000, 50)];
    const ends = [left, right].map(({ box }) => tieScrolling(box, link));
    left.scroller.scrollTop = 600;
    left.scroller.dispatchEvent(new Event('scroll'));
    await frames();
    expect(right.scroller.scrollTop).toBe(600);
    left.scroller.scrollTop = 3000;
    left.scroller.dispatchEvent(new Event('scroll'));
    await frames();
    expect([left.scroller.scrollTop, right.scroller.scrollTop]).toEqual([3000, 900]);
    expect(tell).toHaveBeenCalledTimes(2);
    right.scroller.scrollTop = 200;
    right.scroller.dispatchEvent(new Event('scroll'));
    await frames();
    expect(left.scroller.scrollTop).toBe(200);
    ends.forEach((end) => end());
    right.scroller.scrollTop = 0;
    right.scroller.dispatchEvent(new Event('scroll'));
    await frames();
    expect(left.scroller.scrollTop).toBe(200);
    expect(tell).toHaveBeenCalledTimes(3);
  });
});
