import type { Place, ViewLink } from '../page/link';

/** Closer than this, in CSS pixels, two places are one. */
const NEAR = 2;

/**
 * Scrolls what stands in `box` together with the other side of the link. What is scrolled is the largest scrolling
 * element in it; one that carries `data-lines`, of how many lines, rows or pages it is, is moved by these. Parts of the
 * whole serve otherwise. The answer ends it.
 */
export function tieScrolling(box: HTMLElement, link: ViewLink): () => void {
  /** Where the other side put it: what comes of that is no news. */
  let placed: { left: number; top: number } | null = null;
  let waiting = 0;
  let last: Place | null = null;

  const told = (event: Event) => {
    const element = scrollerOf(box);
    if (!element || event.target !== element || waiting) return;
    waiting = requestAnimationFrame(() => {
      waiting = 0;
      if (placed && near(element, placed)) return;
      placed = null;
      link.tell(placeOf(element), box);
    });
  };
  const put = () => {
    const element = scrollerOf(box);
    if (!element || !last) return;
    placed = spotOf(element, last);
    element.scrollTo({ ...placed, behavior: 'instant' });
    // What is not tall enough, or not yet, went less far.
    placed = { left: element.scrollLeft, top: element.scrollTop };
  };
  const end = link.follow((place, from) => {
    if (from === box || place.y === undefined) return;
    last = place;
    put();
  });
  box.addEventListener('scroll', told, { capture: true, passive: true });
  return () => {
    end();
    box.removeEventListener('scroll', told, { capture: true });
    cancelAnimationFrame(waiting);
  };
}

function near({ scrollLeft, scrollTop }: HTMLElement, { left, top }: { left: number; top: number }): boolean {
  return Math.abs(scrollLeft - left) < NEAR && Math.abs(scrollTop - top) < NEAR;
}

function scrollerOf(box: HTMLElement): HTMLElement | null {
  let largest: HTMLElement | null = null;
  let most = 0;
  for (const element of box.querySelectorAll<HTMLElement>('.scroll')) {
    const area = element.clientWidth * element.clientHeight;
    if (area > most) [largest, most] = [element, area];
  }
  return largest;
}

/** Lines, rows or pages, if they are counted. */
function linesOf(element: HTMLElement): number {
  return Number(element.dataset.lines ?? 0);
}

const part = (offset: number, room: number) => (room > 0 ? Math.min(1, Math.max(0, offset / room)) : 0);

/** Where an element is scrolled to. */
export function placeOf(element: HTMLElement): Place {
  const x = part(element.scrollLeft, element.scrollWidth - element.clientWidth);
  const y = part(element.scrollTop, element.scrollHeight - element.clientHeight);
  const lines = linesOf(element);
  return lines > 0 ? { x, y, line: (element.scrollTop / Math.max(1, element.scrollHeight)) * lines } : { x, y };
}

/** How far an element is scrolled to be at a place, in CSS pixels. */
export function spotOf(element: HTMLElement, { x = 0, y = 0, line }: Place): { left: number; top: number } {
  const lines = linesOf(element);
  const left = x * (element.scrollWidth - element.clientWidth);
  if (line !== undefined && lines > 0) return { left, top: (line / lines) * element.scrollHeight };
  return { left, top: y * (element.scrollHeight - element.clientHeight) };
}
