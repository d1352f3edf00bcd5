/** A place of the words that were looked for: on a page (from 0), between two characters of its text. */
export interface Match {
  page: number;
  start: number;
  end: number;
}

const MOST_MATCHES = 2000;

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

/** Where the words stand in the text of a page; blanks count as one another, capitals do not count. */
export function matchesIn(page: number, text: string, words: string): Match[] {
  const needle = fold(words.trim());
  if (needle === '') return [];
  const hay = fold(text);
  const found: Match[] = [];
  for (let at = hay.indexOf(needle); at !== -1 && found.length < MOST_MATCHES; at = hay.indexOf(needle, at + 1)) {
    found.push({ page, start: at, end: at + needle.length });
  }
  return found;
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
    let index = 0;
    while (
      index + 1 < starts.length &&
      (end ? (starts[index + 1] ?? 0) < offset : (starts[index + 1] ?? 0) <= offset)
    ) {
      index += 1;
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
