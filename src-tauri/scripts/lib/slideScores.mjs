// What the scores of slides mean: tables of them, and whether the goals are reached.

/** The scores of `score_decks.py` that are shown, with the digits that count. */
const COLUMNS = [
  ['score', 'score', 1],
  ['ssim', 'ssim', 3],
  ['text_recall', 'recall', 3],
  ['editable_text_ratio', 'editable', 3],
  ['layout', 'layout', 3],
  ['wrap_ok', 'lines', 3],
  ['tables', 'tables', 2],
  ['bullets', 'bullets', 2],
  ['pictures', 'pictures', 2],
  ['overflow', 'overflow', 2],
  ['raster_excess', 'raster', 3],
];

/** The mean of one score; a slide that is missing has nothing of it, one without tables says nothing of tables. */
export function mean(slides, key) {
  const values = slides.map((slide) => (slide.missing ? 0 : slide[key])).filter((value) => typeof value === 'number');
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

const least = (slides, key) => Math.min(...slides.map((slide) => (slide.missing ? 0 : slide[key])));
const most = (slides, key) => Math.max(...slides.map((slide) => slide[key] ?? 0));
const missing = (slides) => slides.filter((slide) => slide.missing).length;

const atLeast = (what, value, goal) => ({ what, value, goal: `>= ${goal}`, holds: value >= goal });
const atMost = (what, value, goal) => ({ what, value, goal: `<= ${goal}`, holds: value <= goal });

const all = (slides) => atMost('slides that are missing', missing(slides), 0);

/** What must hold in each set of decks. */
const GOALS = {
  samples: (slides) => [
    all(slides),
    atLeast('mean score', mean(slides, 'score'), 96),
    atLeast('mean SSIM', mean(slides, 'ssim'), 0.92),
    atLeast('lowest SSIM', least(slides, 'ssim'), 0.82),
    atLeast('text found', mean(slides, 'text_recall'), 0.99),
    atLeast('text that can be edited', mean(slides, 'editable_text_ratio'), 0.99),
    atLeast('words in their places', mean(slides, 'layout'), 0.95),
    atLeast('tables', mean(slides, 'tables'), 1),
    atLeast('bullets', mean(slides, 'bullets'), 1),
    atMost('overflow', most(slides, 'overflow'), 0),
    atMost('pictures of more than there are', mean(slides, 'raster_excess'), 0.02),
  ],
  further: (slides) => [all(slides), atLeast('mean score', mean(slides, 'score'), 90)],
  window: (slides) => [all(slides), atLeast('mean score', mean(slides, 'score'), 92)],
};

/** The goals of a set, each as `{ what, value, goal, holds }`. A set without slides reaches nothing. */
export function judge(set, slides) {
  if (slides.length === 0) return [{ what: 'slides', value: 0, goal: '>= 1', holds: false }];
  return GOALS[set](slides);
}

const shown = (value, digits) => (value === undefined ? '-' : value.toFixed(digits));

export function heading() {
  const columns = COLUMNS.map(([, name]) => name.padStart(9)).join('');
  return `${'deck'.padEnd(24)}${'slides'.padStart(7)}${columns}${'seconds'.padStart(9)}`;
}

/** One line of the table: the means of some slides. */
export function row(name, slides, seconds) {
  const columns = COLUMNS.map(([key, , digits]) => shown(mean(slides, key), digits).padStart(9)).join('');
  const gone = missing(slides) > 0 ? `  ${missing(slides)} MISSING` : '';
  return `${name.padEnd(24)}${String(slides.length).padStart(7)}${columns}${shown(seconds, 1).padStart(9)}${gone}`;
}

export function goalLine(set, { what, value, goal, holds }) {
  const number = value === undefined ? '-' : String(Math.round(value * 10_000) / 10_000);
  return `${set.padEnd(24)}${what.padEnd(34)}${number.padStart(10)}  ${goal.padEnd(8)}  ${holds ? 'holds' : 'MISSED'}`;
}

/** One page with the slides and styles of several, which stand in one folder. */
export function joined(pages) {
  const part = (page, tag) => page.match(new RegExp(`<${tag}[^>]*>([^]*)</${tag}>`))?.[1] ?? '';
  const styles = new Set(pages.flatMap((page) => part(page, 'head').match(/<(style|script)[^]*?<\/\1>/g) ?? []));
  const bodies = pages.map((page) => part(page, 'body')).join('\n');
  return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Joined</title>${[...styles].join('\n')}</head><body>${bodies}</body></html>\n`;
}
