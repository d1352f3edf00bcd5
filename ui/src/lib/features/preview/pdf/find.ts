/** A place of the words that were looked for: on a page (from 0), between two characters of its text. */
export interface Match {
  page: number;
  start: number;
  end: number;
}

/** The text of a page, as the elements that lie over it hold it, one after the other. */
export interface PageText {
  text: string;
  /** Places in the text at which a line ends. */
  breaks: ReadonlySet<number>;
}

const MOST_MATCHES = 2000;
/** What stands at the end of a line where a word goes on in the next. */
const HYPHENS = /[-\u2010\u00ad]/;
/** Writing without blanks between words: a line may end anywhere. */
const UNSPACED = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u{20000}-\u{3ffff}]/u;

/** One character for one character, so that places in the result are places in the text. */
export function fold(text: string): string {
  return [...text]
    .map((letter) => {
      const lower = letter.toLowerCase();
      return lower.length === letter.length ? lower : letter;
    })
    .join('')
    .replace(/\s/g, ' ');
}

/** A text to look in: lines are joined, blanks are one, and `from` tells where each character stood. */
interface Joined {
  text: string;
  from: number[];
}

/** Joins the lines of a page. A hyphen at the end of one is kept, or the word goes on without it. */
function join({ text, breaks }: PageText, hyphens: 'kept' | 'dropped'): Joined {
  const folded = fold(text);
  let out = '';
  const from: number[] = [];
  const put = (letter: string, at: number) => {
    if (letter === ' ' && (out === '' || out.endsWith(' '))) return;
    out += letter;
    from.push(at);
  };
  for (let at = 0; at < folded.length; at += 1) {
    if (breaks.has(at)) {
      const before = out.trimEnd();
      const word =
        HYPHENS.test(before.slice(-1)) && /\p{L}/u.test(before.slice(-2, -1)) && /\p{L}/u.test(folded[at] ?? '');
      if (word) {
        const length = hyphens === 'kept' ? before.length : before.length - 1;
        out = out.slice(0, length);
        from.length = length;
      } else if (!(UNSPACED.test(before.slice(-1)) && UNSPACED.test(folded[at] ?? ''))) put(' ', at);
      else {
        out = before;
        from.length = before.length;
      }
    }
    put(folded[at] ?? '', at);
  }
  return { text: out, from };
}

/** Where the words stand on a page; lines and blanks do not count, nor do capitals and hyphens at the ends of lines. */
export function matchesIn(page: number, given: PageText, words: string): Match[] {
  const needle = fold(words.trim()).replace(/ +/g, ' ');
  if (needle === '') return [];
  const found = new Map<number, Match>();
  for (const hyphens of ['kept', 'dropped'] as const) {
    const { text, from } = join(given, hyphens);
    for (let at = text.indexOf(needle); at !== -1 && found.size < MOST_MATCHES; at = text.indexOf(needle, at + 1)) {
      const start = from[at] ?? 0;
      const end = (from[at + needle.length - 1] ?? 0) + 1;
      if (!found.has(start)) found.set(start, { page, start, end });
    }
  }
  return [...found.values()].sort((left, right) => left.start - right.start);
}

/** The places as ranges in the elements that show the text, an element after the other. */
export function rangesOf(elements: readonly Element[], matches: readonly Match[]): Range[] {
  const starts: number[] = [];
  let length = 0;
  for (const element of elements) {
    starts.push(length);
    length += element.textContent?.length ?? 0;
  }
  const place = (offset: number, end: boolean): [Node, number] | null => {
    // The last element that begins before it, or for a start at it.
    let index = 0;
    let beyond = starts.length;
    while (index + 1 < beyond) {
      const middle = (index + beyond) >> 1;
      const start = starts[middle] ?? 0;
      if (end ? start < offset : start <= offset) index = middle;
      else beyond = middle;
    }
    const node = elements[index]?.firstChild;
    const inside = offset - (starts[index] ?? 0);
    return node && inside <= (node.textContent?.length ?? 0) ? [node, inside] : null;
  };
  return matches.flatMap(({ start, end }) => {
    const from = place(start, false);
    const to = place(end, true);
    if (!from || !to) return [];
    const range = document.createRange();
    range.setStart(...from);
    range.setEnd(...to);
    return [range];
  });
}
