const TAGS =
  /<!--[\s\S]*?(?:-->|$)|<(script|style|textarea|title|template)\b[\s\S]*?(?:<\/\1\s*>|$)|<[a-z][^\s>/]*(?:\s+(?:"[^"]*"|'[^']*'|[^"'>])*)?>/gi;
const CLASS = /\sclass\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i;

/** The lines, from 1, on which elements of class `ppt-slide` begin in the text of a page. */
export function slideLines(html: string): number[] {
  const lines: number[] = [];
  let line = 1;
  let seen = 0;
  for (const match of html.matchAll(TAGS)) {
    const [tag, skipped] = match;
    if (skipped !== undefined || tag.startsWith('<!--')) continue;
    const found = CLASS.exec(tag);
    const names = (found?.[1] ?? found?.[2] ?? found?.[3] ?? '').split(/\s+/);
    if (!names.includes('ppt-slide')) continue;
    for (; seen < match.index; seen += 1) if (html.charCodeAt(seen) === 10) line += 1;
    lines.push(line);
  }
  return lines;
}
