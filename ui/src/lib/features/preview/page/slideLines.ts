/** Elements whose content is not markup, or not shown. */
const SKIPPED = new Set(['script', 'style', 'textarea', 'title', 'template']);
const BLANK = /\s/;

/** The lines, from 1, on which elements of class `ppt-slide` begin in the text of a page. Reads it once. */
export function slideLines(html: string): number[] {
  const lower = html.toLowerCase();
  const starts: number[] = [];
  let at = html.indexOf('<');
  while (at !== -1) {
    if (html.startsWith('<!--', at)) at = after(html, '-->', at + 4);
    else if (/[a-z]/.test(lower[at + 1] ?? '')) {
      const tag = readTag(html, lower, at + 1);
      if (tag.classes.split(BLANK).includes('ppt-slide')) starts.push(at);
      at = SKIPPED.has(tag.name) ? after(lower, `</${tag.name}`, tag.end) : tag.end;
    } else at += 1;
    at = html.indexOf('<', at);
  }
  return linesOf(html, starts);
}

function after(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found === -1 ? text.length : found + what.length;
}

/** The tag whose name begins at `start`: its name, the value of its class, and where it ends. */
function readTag(html: string, lower: string, start: number): { name: string; classes: string; end: number } {
  let at = start;
  while (at < html.length && !/[\s/>]/.test(html[at] ?? '')) at += 1;
  const name = lower.slice(start, at);
  let classes = '';
  while (at < html.length && html[at] !== '>') {
    const begin = at;
    while (at < html.length && !/[\s=>]/.test(html[at] ?? '')) at += 1;
    const attribute = lower.slice(begin, at);
    let next = at;
    while (BLANK.test(html[next] ?? '')) next += 1;
    if (html[next] !== '=' || attribute === '') {
      at = Math.max(next, begin + 1);
      continue;
    }
    next += 1;
    while (BLANK.test(html[next] ?? '')) next += 1;
    const quote = html[next];
    let value: string;
    if (quote === '"' || quote === "'") {
      at = after(html, quote, next + 1);
      value = html.slice(next + 1, at - 1);
    } else {
      at = next;
      while (at < html.length && !/[\s>]/.test(html[at] ?? '')) at += 1;
      value = html.slice(next, at);
    }
    if (attribute === 'class') classes = value;
  }
  return { name, classes, end: Math.min(html.length, at + 1) };
}

function linesOf(html: string, starts: readonly number[]): number[] {
  let line = 1;
  let seen = 0;
  return starts.map((start) => {
    for (; seen < start; seen += 1) if (html.charCodeAt(seen) === 10) line += 1;
    return line;
  });
}
