// Every kind of file is shown by its own viewer; what is empty, broken or too large is said to be so, at once.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { makeSamples } from '../harness/samples.mjs';
import { chooseDemo, previewText, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, SOON, WIDE, journey, stage } from '../harness/window.mjs';

test('files of every kind are looked at in tabs', (t) =>
  journey({ name: 'viewers' }, async (window) => {
    const { browser } = window;
    await chooseDemo(window);
    await runTurn(window, 'Make a website about a garden', 1);
    await previewText(window);
    makeSamples(join(workspaceOf(window), 'samples'));
    await window.click(id.fileRow, { attributes: { path: 'samples' } });

    const open = async (name) => {
      const row = await window.see(id.fileRow, { attributes: { path: `samples/${name}` } });
      await row.scrollIntoView();
      await (await row.$('button')).click();
    };
    const says = (name, pattern) =>
      window.until(`${name} says ${pattern}`, async () => pattern.test(await window.text(name).catch(() => '')));
    /** A large file must never keep the window from answering. */
    const answersWhile = async (work) => {
      await browser.execute(() => {
        window.okcvmGap = 0;
        let last = performance.now();
        window.okcvmWatch = setInterval(() => {
          window.okcvmGap = Math.max(window.okcvmGap, performance.now() - last);
          last = performance.now();
        }, 20);
      });
      await work();
      const gap = await browser.execute(() => {
        clearInterval(window.okcvmWatch);
        return window.okcvmGap;
      });
      assert.ok(gap < 3000, `the window did not answer for ${Math.round(gap)} ms`);
    };
    const pictures = async (label) => {
      for (const theme of ['dark', 'light']) {
        await browser.execute((name) => (document.documentElement.dataset.theme = name), theme);
        await window.picture(`${label}-${theme}`);
      }
    };

    await stage(t, 'a PDF is drawn, paged, and its words are found', async () => {
      await open('report.pdf');
      await window.until('a drawn page', () =>
        browser.execute((selector) => document.querySelector(selector) !== null, 'canvas[data-drawn="1"]'),
      );
      const painted = await browser.execute(() => {
        const canvas = document.querySelector('canvas[data-drawn="1"]');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let dark = 0;
        for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] < 200) dark += 1;
        return dark;
      });
      assert.ok(painted > 200, `only ${painted} dark dots are on the page`);
      await window.see(id.pdfView);
      await (await window.find(id.pdfView)).click();
      await browser.keys(['Control', 'f']);
      await window.see(id.pdfFind);
      const word = await browser.execute(
        (selector) =>
          [...document.querySelectorAll(selector)]
            .map(({ textContent }) => textContent)
            .join('\n')
            .match(/\p{L}{4,}/u)[0],
        `[data-testid="${id.pdfPage}"] .words span`,
      );
      await window.type(id.pdfFind, word);
      await says(id.pdfFound, /^1 \/ \d+/);
      await pictures('pdf');
      // The last word of a line and the first of the next, as a person reads them.
      const across = await browser.execute((selector) => {
        const lines = [...document.querySelectorAll(`${selector} .words span`)].filter((one) => /\p{L}/u.test(one.textContent));
        const top = (one) => one.getBoundingClientRect().top;
        const at = lines.findIndex((one, index) => lines[index + 1] && top(lines[index + 1]) - top(one) > 8);
        const last = lines[at].textContent.trim().split(/\s+/).at(-1);
        const [first] = lines[at + 1].textContent.trim().split(/\s+/);
        return `${last} ${first}`;
      }, `[data-testid="${id.pdfPage}"]`);
      await window.type(id.pdfFind, across);
      await says(id.pdfFound, /^1 \/ \d+/);
      await window.picture('pdf-across');
      await window.type(id.pdfFind, 'e');
      await says(id.pdfFound, /^1 \/ \d+$/);
      await window.click(id.pdfFoundNext);
      await says(id.pdfFound, /^2 \//);
      await window.click(id.pdfFoundPrevious);
      await window.click(id.pdfFoundPrevious);
      await says(id.pdfFound, /^(\d+) \/ \1$/);
      await window.picture('pdf-last');
    });

    await stage(t, 'a picture, a sound, a font, a tree, a notebook and an archive are shown', async () => {
      await open('drawing.svg');
      await says(id.imageSize, /300 × 200/);
      await window.until('the drawing', async () =>
        browser.execute(
          (selector) => document.querySelector(selector)?.naturalWidth > 0,
          `[data-testid="${id.previewImage}"]`,
        ),
      );
      await open('tone.wav');
      const wave = await window.see(id.audioWave);
      assert.ok(Number(await wave.getAttribute('data-peaks')) > 50, 'the wave has no peaks');
      await window.click(id.audioPlay);
      await says(id.audioTime, /0:01 \/ 0:01|0:00 \/ 0:01/);
      await window.until('the end of the sound', () =>
        browser.execute(
          (selector) => document.querySelector(selector).currentTime > 0.5,
          `[data-testid="${id.previewAudio}"]`,
        ),
      );
      await pictures('sound');
      await open('letters.ttf');
      await window.see(id.previewFont);
      await open('places.json');
      await says(id.previewJson, /城市/);
      await open('notebook.ipynb');
      await window.see(id.previewNotebook);
      await pictures('notebook');
      await open('book.zip');
      await says(id.archiveSize, /\d+ entries/);
      for (const name of ['files.7z', 'files.tar.xz', 'files.tar.zst', 'files.tar.bz2']) {
        await open(name);
        await says(id.archiveSize, /5 entries/);
        await says(id.previewArchive, /计划\.md/);
      }
      await pictures('7z');
      await open('old.rar');
      await says(id.previewProblem, /RAR archive/);
      await open('program.bin');
      await says(id.previewPlain, /7f 45 4c 46/);
    });

    await stage(t, 'a table of three hundred thousand rows is counted and scrolled to its end', async () => {
      await answersWhile(async () => {
        await open('large.csv');
        await says(id.tableSize, /^300,000 rows, 3 columns/);
        await (await window.see(id.previewTable)).click();
        await browser.keys(['Control', 'End']);
        await window.until('the last row', async () => (await window.text(id.previewTable)).includes('Name 300000'));
      });
      await pictures('table');
      await open('sheets.xlsx');
      await window.see(id.previewTable);
      assert.ok((await window.all(id.tableSheet)).length > 1, 'the sheets have no tabs');
    });

    await stage(t, 'slides of a page are shown one at a time, without the network', async () => {
      await open('deck.html');
      await says(id.deckCount, /1 \/ 3/);
      const box = () =>
        window.inPreview((page) =>
          page.execute(() => {
            const [first, second] = document.querySelectorAll('.ppt-slide');
            const { width, height, left, top } = first.getBoundingClientRect();
            return {
              size: [first.offsetWidth, first.offsetHeight],
              fits: Math.abs(Math.max(width / window.innerWidth, height / window.innerHeight) - 1) < 0.01,
              inside: left > -1 && top > -1,
              second: second.getBoundingClientRect().left,
            };
          }),
        );
      await window.until('the slide fills the frame', async () => {
        const { fits, inside } = await box();
        return fits && inside;
      });
      assert.deepEqual((await box()).size, [1024, 576], 'the style of the page is at work');
      await window.see(id.deckRail);
      await pictures('deck');
      // After a look into the page the driver sends keys there, until a click brings them back.
      await window.click(id.deckCount);
      const focusStage = () =>
        browser.execute((selector) => document.querySelector(selector).focus(), `[data-testid="${id.deckStage}"]`);
      await focusStage();
      await browser.keys('ArrowRight');
      await says(id.deckCount, /2 \/ 3/);
      await browser.keys('p');
      await says(id.deckNotes, /Name the three models/);
      await window.picture('presenter');
      await browser.keys('Escape');
      await window.gone(id.deckPresenter);
      await window.click(id.deckSource);
      assert.equal(await (await window.see(id.codeLine)).getAttribute('data-line'), '17');
    });

    await stage(t, 'a presentation has an outline, and pages where there is a program for them', async () => {
      await open('slides.pptx');
      await window.see(id.previewOutline);
      await window.picture('outline');
      await window.click(id.slidesPages);
      await window.until(
        'pages, or what to install',
        async () =>
          (await window.all(id.pdfPage)).length > 0 ||
          /LibreOffice/.test(await window.text(id.previewProblem, { timeout: 200 }).catch(() => '')),
        90_000,
      );
      await window.picture('pages');
    });

    await stage(t, 'what is empty, broken or too large is said to be so, and nothing hangs', async () => {
      await answersWhile(async () => {
        await open('nothing.pdf');
        await says(id.previewEmptyFile, /nothing\.pdf is empty/);
        await open('broken.pdf');
        await says(id.previewProblem, /cannot be read as a PDF/);
        await open('broken.png');
        await says(id.previewProblem, /cannot be shown as a picture/);
        await open('broken.json');
        await says(id.previewProblem, /not valid JSON/);
        await open('broken.zip');
        await window.see(id.previewProblem);
        await open('huge.png');
        await says(id.previewProblem, /too large/);
        await window.picture('huge');
        await open('bomb.pptx');
        await window.see(id.previewProblem, { timeout: SOON });
        await window.picture('bomb');
      });
    });

    await stage(t, 'tabs are walked, closed and remembered', async () => {
      const tabs = async () => (await window.all(id.previewTab)).length;
      const before = await tabs();
      assert.ok(before > 8, `only ${before} tabs are open`);
      const last = (await window.all(id.previewTab)).at(-1);
      await last.click();
      await browser.keys('ArrowLeft');
      await browser.keys('Delete');
      await window.until('one tab less', async () => (await tabs()) === before - 1);
      await window.resize(NARROW);
      await pictures('narrow');
      await window.resize(WIDE);
    });
  }));
