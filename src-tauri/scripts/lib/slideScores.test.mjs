import assert from 'node:assert/strict';
import { test } from 'node:test';

import { goalLine, heading, joined, judge, mean, row } from './slideScores.mjs';

const perfect = {
  slide: 1,
  score: 100,
  ssim: 0.99,
  text_recall: 1,
  editable_text_ratio: 1,
  layout: 1,
  wrap_ok: 1,
  tables: 1,
  bullets: null,
  pictures: null,
  overflow: 0,
  raster_excess: 0,
};
const missed = (set, slides) =>
  judge(set, slides)
    .filter((goal) => !goal.holds)
    .map((goal) => goal.what);

test('a deck without lists says nothing of bullets', () => {
  assert.equal(mean([perfect, { ...perfect, bullets: 0.5 }], 'bullets'), 0.5);
  assert.equal(mean([perfect], 'bullets'), undefined);
  assert.match(row('d1', [perfect], 1.25), /^d1 +1 +100\.0 +0\.990 .* - +- +0\.00 +0\.000 +1\.3$/);
});

test('each goal is missed by what it is about alone', () => {
  const good = { ...perfect, bullets: 1 };
  assert.deepEqual(missed('samples', [good, good]), []);
  for (const [change, what] of [
    [{ score: 80 }, 'mean score'],
    [{ ssim: 0.81 }, 'lowest SSIM'],
    [{ text_recall: 0.9 }, 'text found'],
    [{ editable_text_ratio: 0.9 }, 'text that can be edited'],
    [{ layout: 0.8 }, 'words in their places'],
    [{ tables: 0.5 }, 'tables'],
    [{ bullets: 0.9 }, 'bullets'],
    [{ overflow: 1 }, 'overflow'],
    [{ raster_excess: 0.1 }, 'pictures of more than there are'],
  ]) {
    assert.deepEqual(missed('samples', [good, good, { ...good, ...change }]), [what]);
  }
  assert.deepEqual(missed('samples', [good, { ...good, ssim: 0.83 }]), ['mean SSIM']);
  assert.deepEqual(missed('further', [{ ...good, score: 89.9, ssim: 0 }]), ['mean score']);
  assert.deepEqual(missed('window', [{ ...good, score: 92, layout: 0 }]), []);
});

test('a slide that is missing is named and counts as nothing', () => {
  const slides = [
    { ...perfect, bullets: 1 },
    { slide: 2, score: 0, missing: true },
  ];
  assert.equal(mean(slides, 'score'), 50);
  assert.equal(mean(slides, 'ssim'), 0.495);
  assert.ok(missed('window', slides).includes('slides that are missing'));
  assert.match(row('d1', slides, undefined), /1 MISSING$/);
  assert.deepEqual(missed('further', []), ['slides']);
});

test('a goal says whether it is reached', () => {
  assert.match(goalLine('samples', judge('samples', [perfect])[1]), /^samples +mean score +100 +>= 96 +holds$/);
  assert.match(goalLine('further', judge('further', [{ ...perfect, score: 80 }])[1]), / 80 +>= 90 +MISSED$/);
  assert.ok(heading().includes('editable'));
});

test('pages are joined with each style once', () => {
  const page = (style, body) =>
    `<html><head><style>a{}</style><style>${style}</style></head><body class="x">${body}</body></html>`;
  const whole = joined([page('b{}', '<p>1</p>'), page('c{}', '<p>2</p>')]);
  assert.equal(whole.match(/a\{\}/g).length, 1);
  assert.match(whole, /b\{\}[^]*c\{\}[^]*<body><p>1<\/p>\n<p>2<\/p><\/body>/);
});
