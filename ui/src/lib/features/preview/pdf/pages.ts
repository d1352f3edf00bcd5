/** Sizes of pages at scale 1, in CSS pixels. */
export interface PageSize {
  width: number;
  height: number;
}

/** Room between two pages and at the edges, in CSS pixels. */
export const GAP = 12;

/** Where each page begins, from the top, and how tall all of them are. */
export function layOut(
  sizes: readonly PageSize[],
  scaleOf: (size: PageSize) => number,
): { tops: number[]; height: number } {
  const tops: number[] = [];
  let top = GAP;
  for (const size of sizes) {
    tops.push(top);
    top += size.height * scaleOf(size) + GAP;
  }
  return { tops, height: top };
}

/** The page at a height: the last that begins above it. */
export function pageAt(tops: readonly number[], height: number): number {
  let low = 0;
  let high = tops.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tops[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

export const ZOOMS = [0.25, 0.33, 0.5, 0.67, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6] as const;

/** The next step in or out. */
export function zoomStep(scale: number, by: 1 | -1): number {
  const steps = by === 1 ? ZOOMS : [...ZOOMS].reverse();
  return steps.find((step) => (by === 1 ? step > scale * 1.01 : step < scale * 0.99)) ?? scale;
}
