// Looking along ten moments of a session, comparing two of them, and taking one file back; looking changes nothing.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chooseDemo, filesIn, previewText, send, turns, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, TURN, WIDE, journey, stage } from '../harness/window.mjs';

const MOMENTS = 10;
const page = (number) =>
  `<!doctype html><meta charset="utf-8"><title>${number}</title><h1>Moment ${number}</h1>` +
  `<p style="height:3000px">below</p><a href="other.html">other</a>`;
const drawing = (number) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${100 + number}" height="50"><rect width="100" height="50" fill="teal"/></svg>`;

const report = readFileSync(fileURLToPath(new URL('../../fixtures/documents/over-pages.pdf', import.meta.url)));
const deck = readFileSync(fileURLToPath(new URL('../fixtures/deck.html', import.meta.url)));
/** Files that are longer than the window; another one at each moment, by its number. */
const longFiles = (number) => ({
  'lines.txt': Array.from({ length: 200 + 20 * number }, (_, line) => `line ${line} of moment ${number}`).join('\n'),
  'words.md': `# 时刻 ${number}\n\n${'Some words of a paragraph.\n\n'.repeat(60 + 4 * number)}`,
  'rows.csv': `id,name\n${Array.from({ length: 300 + number }, (_, row) => `${row},第${row}行`).join('\n')}\n`,
  'tree.json': JSON.stringify(Array.from({ length: 90 + number }, (_, id) => id)),
  'report.pdf': Buffer.concat([report, Buffer.from(`\n% ${number}\n`)]),
  'photo.svg': `<svg xmlns="http://www.w3.org/2000/svg" width="2400" height="${2000 + number}"><circle cx="1200" cy="1000" r="900" fill="teal"/></svg>`,
  'deck.html': deck.toString('utf8').replace('First slide', `Slide of moment ${number}`),
});

test('moments are looked at and compared without touching a file', (t) =>
  journey({ name: 'scrubbing' }, async (window) => {
    const { browser } = window;
    await chooseDemo(window);
    let workspace;
    const known = new Set();
    const turn = async (words) => {
      await send(window, words);
      // Of a long conversation only what is in sight is there.
      const ended = async () => {
        const last = (await turns(window)).at(-1);
        return last?.status === 'completed' && !known.has(last.node) && last.node;
      };
      known.add(await window.until(`the end of “${words}”`, ended, TURN));
    };
    for (let number = 1; number <= MOMENTS; number += 1) {
      if (workspace) {
        writeFileSync(join(workspace, 'moment.html'), page(number));
        writeFileSync(join(workspace, 'other.html'), `<h1>Other ${number}</h1>`);
        writeFileSync(join(workspace, 'drawing.svg'), drawing(number));
        for (const [name, content] of Object.entries(longFiles(number))) writeFileSync(join(workspace, name), content);
      }
      await turn(number === 1 ? 'Make a website about a garden' : 'Make a to-do list for spring cleaning');
      workspace ??= workspaceOf(window);
    }
    writeFileSync(join(workspace, 'moment.html'), page('now'));
    const before = filesIn(workspace);

    const open = async (name) =>
      (await (await window.see(id.fileRow, { attributes: { path: name } })).$('button')).click();
    const scrubTo = (value) =>
      browser.execute(
        (selector, to) => {
          const slider = document.querySelector(selector);
          slider.value = String(to);
          slider.dispatchEvent(new Event('input', { bubbles: true }));
        },
        `[data-testid="${id.scrubberInput}"]`,
        value,
      );
    const shows = (words) => previewText(window, (text) => text.includes(words));

    await stage(t, 'moments are there soon, those that were read ahead sooner', async () => {
      await open('moment.html');
      await shows('Moment now');
      /** Milliseconds from the hand on the slider to the page of that moment, which says its number by its title. */
      const took = (number) =>
        browser.executeAsync(
          (selector, value, title, done) => {
            const slider = document.querySelector(selector);
            const begun = performance.now();
            const hear = ({ data }) => {
              if (data?.okcvm !== 'navigated' || data.title !== title) return;
              removeEventListener('message', hear);
              done(performance.now() - begun);
            };
            addEventListener('message', hear);
            slider.value = String(value);
            slider.dispatchEvent(new Event('input', { bubbles: true }));
          },
          `[data-testid="${id.scrubberInput}"]`,
          number - 1,
          String(number),
        );
      const rest = () => new Promise((done) => setTimeout(done, 700));
      const far = [];
      const near = [];
      // None of them was looked at before; the second of each pair was read ahead while the first was looked at.
      for (const [first, second] of [
        [9, 8],
        [5, 4],
        [2, 3],
      ]) {
        far.push(await took(first));
        await rest();
        near.push(await took(second));
        await rest();
      }
      const middle = (times) => times.toSorted((a, b) => a - b)[1];
      const words = (times) => times.map((time) => Math.round(time)).join(', ');
      t.diagnostic(`moments far off: ${words(far)} ms; neighbours: ${words(near)} ms`);
      // This build is not optimised and the machine may be busy: the figures are for people, the bounds for what hangs.
      assert.ok(middle(far) < 1500, `a moment far off takes ${words(far)} ms`);
      assert.ok(middle(near) < 1000, `a neighbour takes ${words(near)} ms`);
    });

    await stage(t, 'a page is shown as it was at each of ten moments', async () => {
      await open('moment.html');
      await shows('Moment now');
      const slider = await window.see(id.scrubberInput);
      assert.equal(await slider.getAttribute('max'), String(MOMENTS));
      for (let number = MOMENTS; number >= 2; number -= 1) {
        await scrubTo(number - 1);
        await shows(`Moment ${number}`);
        await window.see(id.previewAsOf);
      }
      await window.picture('moment');
      // At the first the page did not exist.
      await scrubTo(0);
      await window.see(id.previewMissing);
      await scrubTo(MOMENTS);
      await shows('Moment now');
      assert.equal((await window.all(id.previewAsOf)).length, 0);
    });

    await stage(t, 'the keys move along the moments', async () => {
      const slider = await window.see(id.scrubberInput);
      await browser.execute((element) => element.focus(), slider);
      await browser.keys('ArrowLeft');
      await browser.keys('ArrowLeft');
      await shows(`Moment ${MOMENTS - 1}`);
    });

    await stage(t, 'the page one was on stays, and back leads to where one was', async () => {
      await window.inPreview((frame) => frame.execute(() => document.querySelector('a').click()));
      await shows(`Other ${MOMENTS - 1}`);
      await scrubTo(4);
      await shows('Other 5');
      await window.click(id.previewBack);
      await shows('Moment 5');
      await window.click(id.previewForward);
      await shows('Other 5');
    });

    await stage(t, 'a picture follows too', async () => {
      await open('drawing.svg');
      await scrubTo(2);
      await window.until('the picture of then', async () => /103 × 50/.test(await window.text(id.imageSize)));
    });

    await stage(t, 'two moments stand side by side and are scrolled as one', async () => {
      await open('moment.html');
      await scrubTo(3);
      await shows('Moment 4');
      await window.click(id.previewCompare);
      await window.until('two sides', async () => (await window.all(id.compareSide)).length === 2);
      const frames = async () => browser.$$(`[data-testid="${id.compareSide}"] iframe`).getElements();
      await window.until('two frames', async () => (await frames()).length === 2);
      const inside = async (index, work) => {
        await browser.switchFrame((await frames())[index]);
        try {
          return await browser.execute(work);
        } finally {
          await browser.switchFrame(null);
        }
      };
      await window.until('both pages', async () =>
        /Moment/.test(`${await inside(0, () => document.body?.innerText ?? '')}`),
      );
      await window.until('the other side follows', async () => {
        await inside(0, () => window.scrollTo(0, document.documentElement.scrollHeight));
        return (await inside(1, () => window.scrollY)) > 500;
      });
      await window.picture('compare');
      await window.click(id.compareSwipe);
      const divider = await window.see(id.compareDivider);
      await browser.execute((element) => element.focus(), divider);
      await browser.keys('ArrowLeft');
      assert.equal(await divider.getAttribute('aria-valuenow'), '48');
      await window.picture('swipe');
      await window.resize(NARROW);
      await window.picture('swipe-narrow');
      await window.resize(WIDE);
      await window.click(id.previewCompare);
    });

    await stage(t, 'every viewer moves in step: text, Markdown, tables, JSON, PDF, a picture, slides', async () => {
      const sides = `[data-testid="${id.compareSide}"]`;
      /** Both sides of a file at two moments, once each has something to scroll. */
      const beside = async (name) => {
        await open(name);
        await scrubTo(MOMENTS - 2);
        await window.see(id.previewAsOf);
        await window.click(id.previewCompare);
        await window.until(`two sides of ${name}`, async () => (await window.all(id.compareSide)).length === 2);
      };
      const texts = (name) =>
        browser.execute(
          (selector) => [...document.querySelectorAll(selector)].map(({ innerText }) => innerText.trim()),
          `[data-testid="${name}"]`,
        );
      const end = async () => {
        await window.click(id.previewCompare);
        await window.until('one side', async () => (await window.all(id.compareSide)).length === 0);
      };
      /** What a person scrolls on each side: the largest that scrolls. */
      const scrolled = (work) =>
        browser.execute(
          `const scrollers = [...document.querySelectorAll('${sides}')].map((side) =>
             [...side.querySelectorAll('.scroll')].sort((a, b) => b.clientHeight * b.clientWidth - a.clientHeight * a.clientWidth)[0]);
           return (${work})(...scrollers);`,
        );
      const tall = (name) =>
        window.until(`both sides of ${name} can be scrolled`, () =>
          scrolled('(a, b) => Boolean(a && b && a.scrollHeight > a.clientHeight + 200 && b.scrollHeight > b.clientHeight + 200)'),
        );
      for (const name of ['lines.txt', 'words.md', 'rows.csv', 'tree.json', 'report.pdf']) {
        await beside(name);
        await tall(name);
        await scrolled('(a) => { a.scrollTop = 400; }');
        await window.until(`${name}: the right side follows`, () => scrolled('(a, b) => a.scrollTop === 400 && b.scrollTop > 50'));
        await new Promise((done) => setTimeout(done, 300));
        const [left, right, heights] = await scrolled(
          '(a, b) => [a.scrollTop, b.scrollTop, [a, b].map((side) => side.scrollHeight - side.clientHeight)]',
        );
        assert.equal(left, 400, 'what was followed does not answer');
        if (['lines.txt', 'rows.csv', 'report.pdf'].includes(name)) {
          assert.ok(Math.abs(left - right) < 3, `${name}: the same line or page, not ${left} beside ${right}`);
        } else {
          const parts = [left / heights[0], right / heights[1]];
          assert.ok(Math.abs(parts[0] - parts[1]) < 0.02, `${name}: the same part, not ${parts}`);
        }
        await scrolled('(a, b) => { b.scrollTop = 0; }');
        await window.until(`${name}: the left side follows`, () => scrolled('(a) => a.scrollTop === 0'));
        await window.picture(`step-${name}`);
        await end();
      }

      await beside('photo.svg');
      await window.until('two pictures', () =>
        browser.execute(
          (selector) => [...document.querySelectorAll(`${selector} img`)].filter((one) => one.complete).length === 2,
          sides,
        ),
      );
      const zoom = () => texts(id.imageZoom);
      await (await window.all(id.imageZoom))[0].click();
      await window.until('both at their size', async () => (await zoom()).join() === '100 %,100 %');
      await tall('photo.svg');
      await scrolled('(a) => { a.scrollTop = a.scrollHeight; a.scrollLeft = a.scrollWidth; }');
      await window.until('the right side is moved', () =>
        scrolled('(a, b) => b.scrollTop > 100 && b.scrollLeft > 100'),
      );
      await window.picture('step-photo');
      await end();

      await beside('deck.html');
      const counts = () => texts(id.deckCount);
      await window.until('two decks', async () => (await counts()).join() === '1 / 3,1 / 3');
      await (await window.all(id.deckNext))[1].click();
      await window.until('both on the second slide', async () => (await counts()).join() === '2 / 3,2 / 3');
      await (await window.all(id.deckPrevious))[0].click();
      await window.until('both on the first slide', async () => (await counts()).join() === '1 / 3,1 / 3');
      await window.picture('step-deck');
      await window.resize(NARROW);
      await window.picture('step-deck-narrow');
      await window.resize(WIDE);
      await end();
    });

    assert.deepEqual(filesIn(workspace), before, 'looking changed a file');

    await stage(t, 'one file is taken from there, and only that', async () => {
      await scrubTo(5);
      await shows('Moment 6');
      await window.click(id.scrubberTakeFile);
      await window.click(id.restoreApply);
      await window.until('the file of then', () => readFileSync(join(workspace, 'moment.html'), 'utf8') === page(6));
      const { ['moment.html']: _then, ...rest } = filesIn(workspace);
      const { ['moment.html']: _now, ...others } = before;
      assert.deepEqual(rest, others);
    });
  }));
