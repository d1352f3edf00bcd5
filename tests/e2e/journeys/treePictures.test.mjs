// Small pictures of pages and decks in the file tree: there for what is in sight, of the files of now, drawn apart.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chooseDemo, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, WIDE, journey, stage } from '../harness/window.mjs';

const DRAWN = 60_000;
const deck = fileURLToPath(new URL('../fixtures/deck.html', import.meta.url));
const slides = fileURLToPath(new URL('../../fixtures/documents/slides.pptx', import.meta.url));
const PAGE =
  '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="look/style.css">' +
  '<h1>A page of its own</h1><script>parent.postMessage({ okcvm: "navigated", title: "hostile" }, "*");' +
  'try { top.okcvmWasHere = true; } catch { /* it is apart */ }</script>';
const colour = (name) => `html { background: ${name}; }`;

test('pages and decks have pictures in the file tree', (t) =>
  journey({ name: 'treePictures' }, async (window) => {
    const { browser } = window;
    await chooseDemo(window);
    await runTurn(window, 'Make a website about a garden', 1);
    const workspace = workspaceOf(window);
    const folder = join(workspace, 'looks');
    mkdirSync(join(folder, 'look'), { recursive: true });
    writeFileSync(join(folder, 'page.html'), PAGE);
    writeFileSync(join(folder, 'look/style.css'), colour('rgb(200, 0, 0)'));
    copyFileSync(deck, join(folder, 'deck.html'));
    copyFileSync(slides, join(folder, 'slides.pptx'));
    writeFileSync(join(folder, 'empty.html'), '');
    writeFileSync(join(folder, 'plain.html'), '<h1>Without a colour</h1>');
    await window.click(id.fileRow, { attributes: { path: 'looks' } });
    const row = (name) => window.see(id.fileRow, { attributes: { path: `looks/${name}` } });
    /** Red, green and blue of the lower right of a picture; `null` while there is none. */
    const corner = async (name) =>
      browser.execute(
        (element) => {
          const image = element.querySelector('img');
          if (!image || image.naturalWidth === 0) return null;
          const canvas = document.createElement('canvas');
          [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
          const pen = canvas.getContext('2d');
          pen.drawImage(image, 0, 0);
          return [...pen.getImageData(canvas.width - 4, canvas.height - 4, 1, 1).data.slice(0, 3)];
        },
        await row(name),
      );

    await stage(t, 'a page, slides of HTML and a presentation are drawn', async () => {
      await window.until('the page in red', async () => `${await corner('page.html')}` === '200,0,0', DRAWN);
      await window.until('a white page', async () => `${await corner('plain.html')}` === '255,255,255', DRAWN);
      for (const name of ['deck.html', 'slides.pptx']) {
        await window.until(`a picture of ${name}`, async () => (await corner(name)) !== null, DRAWN);
      }
      assert.equal(await corner('empty.html'), null, 'of nothing there is no picture');
      for (const theme of ['dark', 'light']) {
        await browser.execute((name) => (document.documentElement.dataset.theme = name), theme);
        await window.picture(theme);
        await window.resize(NARROW);
        await window.picture(`${theme}-narrow`);
        await window.resize(WIDE);
      }
    });

    await stage(t, 'it is another one when a file changes that the page draws on', async () => {
      writeFileSync(join(folder, 'look/style.css'), colour('rgb(0, 0, 200)'));
      await window.until('the page in blue', async () => `${await corner('page.html')}` === '0,0,200', DRAWN);
    });

    await stage(t, 'a page that is written again and again is drawn when it rests', async () => {
      // A picture of each would take longer than the writing.
      for (let number = 0; number < 20; number += 1) {
        writeFileSync(join(folder, 'page.html'), PAGE.replace('own', `own ${number}`));
        writeFileSync(join(folder, 'look/style.css'), colour(number === 19 ? 'rgb(0, 150, 0)' : 'rgb(9, 9, 9)'));
        await new Promise((done) => setTimeout(done, 100));
        assert.notEqual(`${await corner('page.html')}`, '9,9,9', 'it is drawn while it is written');
      }
      await window.until('the page in green', async () => `${await corner('page.html')}` === '0,150,0', DRAWN);
    });

    await stage(t, 'slides that a turn has made are all seen under it', async () => {
      await runTurn(window, 'Make a slide deck about bees', 2);
      await window.until(
        'five pictures',
        () =>
          browser.execute(
            (card, strip) => {
              const last = [...document.querySelectorAll(card)].at(-1);
              const slides = [...(last?.querySelectorAll(`${strip} .thumb`) ?? [])];
              return slides.length === 4 && last.querySelectorAll('img').length === 5;
            },
            `[data-testid="${id.artifact}"]`,
            `[data-testid="${id.artifactSlides}"]`,
          ),
        DRAWN,
      );
      await window.picture('strip');
    });

    await stage(t, 'scripts of a page ran apart from the window', async () => {
      assert.equal(await browser.execute(() => 'okcvmWasHere' in globalThis), false);
    });

    await stage(t, 'of a long list only what is in sight is drawn', async () => {
      const many = join(workspace, 'many');
      mkdirSync(many);
      for (let number = 100; number < 300; number += 1) {
        writeFileSync(join(many, `${number}.html`), `<h1 style="font-size: 200px">${number}</h1>`);
      }
      await window.click(id.fileRow, { attributes: { path: 'looks' } });
      await window.click(id.fileRow, { attributes: { path: 'many' } });
      await window.see(id.fileRow, { attributes: { path: 'many/299.html' } });
      const scroll = (part) =>
        browser.execute(
          (selector, where) => {
            const tree = document.querySelector(selector);
            tree.scrollTop = where * tree.scrollHeight;
          },
          `[data-testid="${id.fileTree}"]`,
          part,
        );
      // Passing by asks for nothing that is not seen any more; the end is soon drawn.
      for (const part of [0.2, 0.4, 0.6, 0.8, 1]) {
        await scroll(part);
        await new Promise((done) => setTimeout(done, 100));
      }
      const last = await window.see(id.fileRow, { attributes: { path: 'many/299.html' } });
      await window.until(
        'the last picture',
        () => browser.execute((element) => element.querySelector('img') !== null, last),
        DRAWN,
      );
      await window.picture('many');
      const drawn = await browser.execute(
        (selector) => document.querySelectorAll(`${selector} img`).length,
        `[data-testid="${id.fileRow}"]`,
      );
      assert.ok(drawn < 100, `${drawn} of 200 are drawn`);
    });
  }));
