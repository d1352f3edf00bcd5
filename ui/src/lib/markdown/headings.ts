/** The heading that `#name` leads to, by the names that headings have on code hosts; `null` if there is none. */
export function headingOf(page: ParentNode, name: string): HTMLElement | null {
  const wanted = decoded(name.replace(/^#/, '')).toLowerCase();
  const times = new Map<string, number>();
  for (const heading of page.querySelectorAll<HTMLElement>('h1, h2, h3, h4, h5, h6')) {
    const own = nameOf(heading.textContent ?? '');
    const before = times.get(own) ?? 0;
    times.set(own, before + 1);
    if ((before > 0 ? `${own}-${String(before)}` : own) === wanted) return heading;
  }
  return null;
}

/** Letters, numbers and hyphens of a heading, with hyphens for its blanks. */
function nameOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replace(/ /g, '-');
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
