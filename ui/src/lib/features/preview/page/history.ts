/** Where a page has been within its site, kept by the window: the page's own history is never touched. */
export interface PageHistory {
  /** Paths below the site, with query and fragment. */
  readonly entries: readonly string[];
  readonly at: number;
}

const MOST_ENTRIES = 100;

export const noHistory: PageHistory = { entries: [], at: -1 };

/** The page says that it is at a path. It may be there because the window led it to. */
export function visited({ entries, at }: PageHistory, path: string): PageHistory {
  if (entries[at] === path) return { entries, at };
  const next = [...entries.slice(0, at + 1), path].slice(-MOST_ENTRIES);
  return { entries: next, at: next.length - 1 };
}

export function moved({ entries, at }: PageHistory, by: number): PageHistory {
  return { entries, at: Math.min(entries.length - 1, Math.max(0, at + by)) };
}

export function canMove({ entries, at }: PageHistory, by: number): boolean {
  return entries[at + by] !== undefined;
}

/** The address of a path below a site; `null` if it would lead out of it. */
export function addressOf(site: string, path: string): string | null {
  try {
    const address = new URL(path, site).href;
    return address.startsWith(site) ? address : null;
  } catch {
    return null;
  }
}

/** The top of the site of an address: up to and with the token. Addresses without one are their own site. */
export function siteOf(url: string, token: string): string {
  const at = token === '' ? -1 : url.indexOf(`/${token}/`);
  return at === -1 ? url : url.slice(0, at + token.length + 2);
}
