/**
 * The members of a JSON object of which only the start may have arrived. Complete members have their value; a
 * string that is still open has what came of it. What cannot be read is left out: the raw text is shown beside it.
 */
export function partialObject(text: string): Record<string, unknown> {
  try {
    const whole: unknown = JSON.parse(text);
    return typeof whole === 'object' && whole !== null && !Array.isArray(whole) ? { ...whole } : {};
  } catch {
    return readMembers(text);
  }
}

function readMembers(text: string): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return members;
  at = skipSpace(text, at + 1);
  while (text[at] === '"') {
    const key = readString(text, at);
    if (!key.closed) break;
    at = skipSpace(text, key.end);
    if (text[at] !== ':') break;
    at = skipSpace(text, at + 1);
    if (at >= text.length) break;
    if (text[at] === '"') {
      const value = readString(text, at);
      members[key.value] = value.value;
      if (!value.closed) break;
      at = value.end;
    } else {
      const end = valueEnd(text, at);
      if (end === -1) break;
      try {
        members[key.value] = JSON.parse(text.slice(at, end));
      } catch {
        break;
      }
      at = end;
    }
    at = skipSpace(text, at);
    if (text[at] !== ',') break;
    at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text.charAt(at))) at += 1;
  return at;
}

function readString(text: string, quote: number): { value: string; end: number; closed: boolean } {
  let at = quote + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  const closed = at < text.length;
  const raw = text.slice(quote + 1, Math.min(at, text.length));
  return { value: unescape(raw), end: at + 1, closed };
}

function unescape(raw: string): string {
  // An escape that is not all there yet waits for the rest.
  const whole = raw.replace(/(^|[^\\])((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$/, '$1$2');
  try {
    return JSON.parse(`"${whole.replace(/\p{Cc}/gu, (char) => JSON.stringify(char).slice(1, -1))}"`) as string;
  } catch {
    return whole;
  }
}

/** The end of a number, word, array or object that is complete; -1 if it may go on. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const inner = readString(text, at);
      if (!inner.closed) return -1;
      at = inner.end - 1;
    } else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (char === ',' && depth === 0) return at;
  }
  return -1;
}
