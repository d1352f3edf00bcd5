// Looking along ten moments of a session, comparing two of them, and taking one file back; looking changes nothing.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { chooseDemo, filesIn, previewText, send, turns, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, TURN, WIDE, journey, stage } from '../harness/window.mjs';

const MOMENTS = 10;
const page = (number) =>
  `<!doctype html><meta charset="utf-8"><title>${number}</title><h1>Moment ${number}</h1>` +
  `<p style="height:3000px">below</p><a href="other.html">other</a>`;
const drawing = (number) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${100 + number}" height="50"><rect width="100" height="50" fill="teal"/></svg>`;

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
