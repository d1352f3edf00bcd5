/** Sizes of pages at scale 1, in CSS pixels. */
export interface PageSize {
  width: number;
  height: number;
}

/** Room between two pages and at the edges, in CSS pixels. */
export const GAP = 12;

/** So many pages are shown. What a document says of their number need not be true. */
export const MOST_PAGES = 20_000;
/** Browsers end somewhat above this height, in CSS pixels. */
const TALLEST = 30_000_000;
/** What sizes are told apart, in CSS pixels. */
const NEAR = 0.5;

/** The sizes of the pages of a document: of all the same but for those that were found to be otherwise. */
export class PageSizes {
  readonly count: number;

  constructor(
    count: number,
    readonly usual: PageSize,
    private readonly other: ReadonlyMap<number, PageSize> = new Map(),
  ) {
    this.count = Math.min(MOST_PAGES, Math.max(0, count));
  }

  of(page: number): PageSize {
    return this.other.get(page) ?? this.usual;
  }

  /** The largest scale at which the last page is still within what browsers draw. */
  get mostScale(): number {
    return Math.max(0.1, TALLEST / Math.max(1, this.count * this.usual.height));
  }

  /** The widest page, in CSS pixels. */
  get widest(): number {
    let most = this.usual.width;
    for (const { width } of this.other.values()) most = Math.max(most, width);
    return most;
  }

  /** With the size of a page; the same if it is nothing new. */
  with(page: number, size: PageSize): PageSizes {
    const known = this.of(page);
    if (Math.abs(known.width - size.width) <= NEAR && Math.abs(known.height - size.height) <= NEAR) return this;
    return new PageSizes(this.count, this.usual, new Map(this.other).set(page, size));
  }
}

/** Where each page begins, from the top, and how tall all of them are. */
export function layOut(sizes: PageSizes, scaleOf: (size: PageSize) => number): { tops: number[]; height: number } {
  const tops: number[] = [];
  let top = GAP;
  for (let page = 0; page < sizes.count; page += 1) {
    tops.push(top);
    const size = sizes.of(page);
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
