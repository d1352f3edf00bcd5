/** Something that the policy of a page refused. */
export interface Blocked {
  directive: string;
  uri: string;
}

const MOST_ENTRIES = 50;
const MOST_CHARS = 300;

/** What a page reported, if it has the shape of such a report. The page is not trusted. */
export function readBlocked(data: unknown): Blocked | null {
  if (typeof data !== 'object' || data === null) return null;
  const { okcvm, directive, uri } = data as Record<string, unknown>;
  if (okcvm !== 'blocked' || typeof directive !== 'string' || typeof uri !== 'string') return null;
  return { directive: directive.slice(0, MOST_CHARS), uri: uri.slice(0, MOST_CHARS) };
}

/** The list with one more entry; the same twice is one, and a page cannot make the list endless. */
export function addBlocked(list: Blocked[], entry: Blocked): Blocked[] {
  const known = list.some(({ directive, uri }) => directive === entry.directive && uri === entry.uri);
  return known || list.length >= MOST_ENTRIES ? list : [...list, entry];
}
