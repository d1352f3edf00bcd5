import { matchesIn, type Match, type PageText } from './find';

/** What is found so far. */
export interface Found {
  /** In the order of the pages. */
  all: readonly Match[];
  /** The same by page; a page without any is not in it. */
  pages: ReadonlyMap<number, readonly Match[]>;
  /** So many pages were looked through. */
  searched: number;
}

export const nothingFound: Found = { all: [], pages: new Map(), searched: 0 };
export const MOST_FOUND = 10_000;
/** So long, in milliseconds, others wait for their turn, and so often is told what was found. */
const SLICE = 12;
const TELL = 100;

/** Looks for words on one page after the other. A page that cannot be read has none. */
export async function searchPages(
  count: number,
  read: (page: number) => Promise<PageText>,
  words: string,
  signal: AbortSignal,
  tell: (found: Found) => void,
): Promise<void> {
  const all: Match[] = [];
  const pages = new Map<number, readonly Match[]>();
  let rested = performance.now();
  let told = -Infinity;
  let page = 0;
  for (; page < count && all.length < MOST_FOUND; page += 1) {
    const text = await read(page).catch(() => null);
    if (signal.aborted) return;
    const found = text === null ? [] : matchesIn(page, text, words).slice(0, MOST_FOUND - all.length);
    if (found.length > 0) {
      pages.set(page, found);
      for (const match of found) all.push(match);
    }
    const now = performance.now();
    if (now - told > TELL) {
      told = now;
      tell({ all, pages, searched: page + 1 });
    }
    if (now - rested > SLICE) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (signal.aborted) return;
      rested = performance.now();
    }
  }
  tell({ all, pages, searched: page });
}
