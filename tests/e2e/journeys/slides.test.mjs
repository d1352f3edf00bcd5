// Slides: made by the demo, looked at as a page and as a presentation, read by another program, changed, and had back.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { dragFiles } from '../harness/dragFiles.mjs';
import { readPptx } from '../harness/presentations.mjs';
import { chooseDemo, middleOf, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, WIDE, journey, stage } from '../harness/window.mjs';

const CSV = `orchard,fruit,trees,harvest_kg,year
North,Apple,120,5400,2023
North,Pear,80,2960,2023
South,Apple,150,7050,2023
South,Cherry,60,1260,2023
North,Apple,124,5890,2024
North,Pear,80,3120,2024
South,Apple,150,6750,2024
South,Cherry,66,1518,2024
`;
const FOLDER = 'output/a-bicycle-workshop';
const says = (window, name, pattern) =>
  window.until(`${name} says ${pattern}`, async () => pattern.test(await window.text(name).catch(() => '')));

async function pictures(window, label) {
  for (const [size, name] of [
    [WIDE, 'wide'],
    [NARROW, 'narrow'],
  ]) {
    await window.resize(size);
    for (const theme of ['dark', 'light']) {
      await window.browser.execute((chosen) => (document.documentElement.dataset.theme = chosen), theme);
      await window.picture(`${label}-${name}-${theme}`);
    }
  }
  await window.resize(WIDE);
}

/** How many pictures in an element have been drawn. */
const drawn = (window, element) =>
  window.browser.execute(
    (inside) => [...inside.querySelectorAll('img')].filter(({ complete, naturalWidth }) => complete && naturalWidth > 0).length,
    element,
  );

async function openRow(window, path) {
  const row = await window.see(id.fileRow, { attributes: { path } });
  await row.scrollIntoView();
  await (await row.$('button')).click();
}

/** The background of the first slide in the preview, once there is one. */
const ground = (window) =>
  window.inPreview((page) =>
    page.execute(() => {
      const slide = document.querySelector('.ppt-slide');
      return slide === null ? '' : getComputedStyle(slide).backgroundColor;
    }),
  );

test('slides are made, looked at, read elsewhere, changed, and had back', (t) =>
  journey({ name: 'slides' }, async (window) => {
    const { browser } = window;
    let file;
    let first;

    await stage(t, 'the demo makes a page and a presentation, by a suggestion', async () => {
      await chooseDemo(window);
      await pictures(window, 'welcome');
      const suggestions = await window.all(id.suggestion);
      const words = [];
      for (const one of suggestions) words.push(await one.getText());
      await suggestions[words.findIndex((text) => /slides/.test(text))].click();
      await window.click(id.composerSend);
      await window.until('the end of the turn', async () => (await window.all(id.artifact)).length > 0, 90_000);
      await window.see(id.artifact, { attributes: { path: `${FOLDER}/deck.pptx` } });
      file = join(workspaceOf(window), FOLDER, 'deck.pptx');
      first = readFileSync(file);
    });

    await stage(t, 'its card has a small picture, facts and the report on how true it is', async () => {
      const card = await window.see(id.artifact, { attributes: { path: `${FOLDER}/deck.pptx` } });
      await window.until('the small picture', () =>
        browser.execute(
          (element) => [...element.querySelectorAll('img')].some((image) => image.naturalWidth > 0),
          card,
        ),
      );
      await says(window, id.artifactMeta, /5 slides/);
      const slides = await card.$(`[data-testid="${id.artifactSlides}"]`);
      await window.until('pictures of the other slides', async () => (await drawn(window, slides)) === 4, 90_000);
      const report = await window.see(id.artifactFidelity);
      await pictures(window, 'card');
      await (await report.$('summary')).click();
      const text = await report.getText();
      for (const title of ['A bicycle workshop', 'How this deck is built', 'Words in the speaker notes']) {
        assert.ok(text.includes(title), `${title} is not in: ${text}`);
      }
      assert.match(text, /WebKitGTK/, 'the window’s own engine laid it out');
      const shares = [...text.matchAll(/(\d+)\s?%/g)].map((match) => Number(match[1]));
      assert.ok(shares.length >= 6 && Math.min(...shares) >= 80, `how alike: ${shares}`);
      await pictures(window, 'fidelity');
      await (await report.$('summary')).click();
    });

    await stage(t, 'the page is looked at slide by slide', async () => {
      await window.click(id.fileRow, { attributes: { path: 'output' } });
      await window.click(id.fileRow, { attributes: { path: FOLDER } });
      await openRow(window, `${FOLDER}/deck.html`);
      await says(window, id.deckCount, /1 \/ 5/);
      await window.see(id.deckRail);
      // The slides of the rail give way to pictures that are kept.
      const rail = await window.see(id.deckRailPictures, { timeout: 90_000 });
      assert.equal(await drawn(window, rail), 5, 'a picture of each slide');
      await pictures(window, 'cover');
      for (let number = 2; number <= 5; number += 1) {
        await browser.execute(
          (selector) => document.querySelector(selector).focus(),
          `[data-testid="${id.deckStage}"]`,
        );
        await browser.keys('ArrowRight');
        await says(window, id.deckCount, new RegExp(`${number} / 5`));
        await window.picture(`slide-${number}`);
      }
      const fits = await window.inPreview((page) =>
        page.execute(() =>
          [...document.querySelectorAll('.ppt-slide:not(.cover)')].map(({ scrollWidth, scrollHeight }) => [
            scrollWidth,
            scrollHeight,
          ]),
        ),
      );
      assert.deepEqual(fits, Array(4).fill([1024, 576]), 'what stands on a slide fits it');
      await window.click(id.deckCount);
    });

    await stage(t, 'the presentation is opened: outline with notes, and pages where there is a program', async () => {
      await openRow(window, `${FOLDER}/deck.pptx`);
      const outline = await (await window.see(id.previewOutline)).getText();
      assert.match(outline, /A bicycle workshop[^]*Welcome everybody[^]*What you asked for[^]*Read the request/);
      await window.until(
        'a picture of each slide',
        async () => (await drawn(window, await window.see(id.previewOutline))) === 5,
        90_000,
      );
      await pictures(window, 'outline');
      await window.click(id.slidesPages);
      await window.until(
        'pages, or what to install',
        async () =>
          (await browser.execute(() => document.querySelector('canvas[data-drawn="1"]') !== null)) ||
          /LibreOffice/.test(await window.text(id.previewProblem, { timeout: 200 }).catch(() => '')),
        90_000,
      );
      await window.picture('pages');
    });

    await stage(t, 'another program finds titles in their placeholders, notes and a table', async (stage) => {
      const { reader, slides } = readPptx(file);
      stage?.diagnostic?.(`read with ${reader}`);
      assert.deepEqual(
        slides.map(({ title }) => title),
        [
          'A bicycle workshop',
          'How this deck is built',
          'What each slide becomes',
          'Words in the speaker notes',
          'What you asked for',
        ],
      );
      assert.equal(slides[0].ellipses, 2, 'circles stay circles');
      assert.match(slides[0].notes, /^Welcome everybody/);
      assert.ok(slides.every(({ notes }) => notes.length > 20));
      assert.equal(slides[2].tables.length, 1);
      assert.deepEqual(slides[2].tables[0].length, 6);
      assert.ok(slides[4].texts.some((text) => text.includes('Make slides about a bicycle workshop')));
    });

    await stage(t, 'a second message changes both, in the same file', async () => {
      await runTurn(window, 'Make the slides dark and red, and change the title to "Spokes"', 2);
      assert.notDeepEqual(readFileSync(file), first);
      assert.deepEqual(readdirSync(join(workspaceOf(window), FOLDER)).sort(), ['deck.html', 'deck.pptx']);
      assert.equal(readPptx(file).slides[0].title, 'Spokes');
      await openRow(window, `${FOLDER}/deck.html`);
      await window.until('the red cover', async () => (await ground(window)) === 'rgb(192, 57, 43)');
      await pictures(window, 'changed');
      await window.click(id.deckCount);
    });

    await stage(t, 'looking back shows the first slides, and touches no file', async () => {
      const now = readFileSync(file);
      await browser.execute((selector) => {
        const slider = document.querySelector(selector);
        slider.value = '0';
        slider.dispatchEvent(new Event('input', { bubbles: true }));
      }, `[data-testid="${id.scrubberInput}"]`);
      await window.see(id.previewAsOf);
      await window.until('the first cover', async () => (await ground(window)) === 'rgb(15, 107, 92)');
      await window.picture('then');
      assert.deepEqual(readFileSync(file), now);
    });
  }));

test('in Chinese, of a table that was dropped on the window', (t) =>
  journey({ name: 'slides-chinese' }, async (window) => {
    const { browser } = window;
    const outside = mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'slides-'));
    writeFileSync(join(outside, '收成.csv'), CSV);
    await chooseDemo(window);
    await window.click(id.settingsOpen);
    await window.click(id.settingsSection, { attributes: { section: 'appearance' } });
    await (await window.see(id.languageSelect)).selectByAttribute('value', 'zh');
    await window.until('the page is Chinese', () => browser.execute(() => document.documentElement.lang === 'zh-CN'));
    await window.click(id.settingsClose);

    await stage(t, 'the figures of the table are in the slides', async () => {
      await window.picture('welcome');
      await dragFiles([join(outside, '收成.csv')], await middleOf(window, await window.see(id.composerInput)));
      await window.see(id.attachment);
      await runTurn(window, '用这个表格做一份演示文稿', 1);
      const output = join(workspaceOf(window), 'output');
      const [folder] = readdirSync(output);
      assert.ok(existsSync(join(output, folder, 'deck.pptx')));
      const { slides } = readPptx(join(output, folder, 'deck.pptx'));
      assert.deepEqual(
        slides.map(({ title }) => title),
        ['收成', '概览', '数据', '各orchard的trees（合计）', '最突出的一点'],
      );
      assert.deepEqual(slides[2].tables[0][1], ['North', 'Apple', '120', '5400', '2023']);
      // 120 + 80 + 124 + 80 and 150 + 60 + 150 + 66
      assert.ok(
        ['404', '426'].every((sum) => slides[3].texts.includes(sum)),
        JSON.stringify(slides[3].texts),
      );
      assert.ok(
        slides[1].texts.some((text) => text.includes('33,948')),
        JSON.stringify(slides[1].texts),
      );

      const report = await window.see(id.artifactFidelity);
      await (await report.$('summary')).click();
      await pictures(window, 'fidelity');
      await window.click(id.fileRow, { attributes: { path: 'output' } });
      await window.click(id.fileRow, { attributes: { path: `output/${folder}` } });
      await openRow(window, `output/${folder}/deck.html`);
      await says(window, id.deckCount, /1 \/ 5/);
      await window.picture('cover');
      for (let number = 2; number <= 5; number += 1) {
        await window.click(id.deckNext);
        await says(window, id.deckCount, new RegExp(`${number} / 5`));
        await window.picture(`slide-${number}`);
      }
    });
  }));
