// Looking at files of every kind that the preview knows, live, and working without the mouse.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { Key } from 'webdriverio';

import { chooseDemo, filesIn, previewText, runTurn, send, turns, waitForTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { SOON, journey, stage } from '../harness/window.mjs';

// Eight pixels by eight, all of one colour.
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGMQ6F+AFTEMLQkAWr5J4ZJ9o0QAAAAASUVORK5CYII=';

test('files of every kind are shown as they are now, and the keys reach everything', (t) =>
  journey({ name: 'panels' }, async (window) => {
    const { browser } = window;
    const open = (path) => window.click(id.fileRow, { attributes: { path } });
    const focusOf = (id) => browser.execute((name) => document.activeElement?.dataset.testid === name, id);
    await chooseDemo(window);
    await runTurn(window, 'Make a website about a garden', 1);
    await previewText(window);
    const workspace = workspaceOf(window);
    const afterFirst = filesIn(workspace);

    await stage(t, 'the site is shown at the width of a phone', async () => {
      const width = () => window.inPreview((page) => page.execute(() => window.innerWidth));
      const whole = await width();
      const device = await window.see(id.previewDevice);
      await device.$('[data-device="phone"]').click();
      await window.until('a narrower page', async () => (await width()) < whole);
      await window.picture('phone');
      await device.$('[data-device="fit"]').click();
    });

    await stage(t, 'a table, a text, a program and a picture that appear are shown', async () => {
      writeFileSync(join(workspace, 'table.csv'), 'Name,Number\nExample Ä,1\n"Example, B",2\n');
      writeFileSync(join(workspace, 'text.md'), '# A heading\n\nSome *words*. ![far away](http://127.0.0.1:9/x.png)\n');
      writeFileSync(join(workspace, 'program.py'), 'print("hello")\n');
      writeFileSync(join(workspace, 'picture.png'), Buffer.from(PICTURE, 'base64'));
      await open('table.csv');
      const table = await window.text(id.previewTable);
      for (const cell of ['Name', 'Example Ä', 'Example, B', '2']) assert.ok(table.includes(cell), table);
      await window.picture('table');
      await open('text.md');
      const heading = (await window.see(id.previewText)).$('h1');
      assert.equal(await heading.getText(), 'A heading');
      assert.equal(await browser.execute(() => document.querySelectorAll('img[src^="http"]').length), 0);
      await open('program.py');
      await window.until('the program', async () => (await window.text(id.previewText)).includes('print("hello")'));
      await open('picture.png');
      const drawn = await window.see(id.previewImage);
      await window.until('the picture', () =>
        browser.execute((image) => {
          const shown = image.tagName === 'IMG' ? image : image.querySelector('img');
          return shown?.complete === true && shown.naturalWidth === 8;
        }, drawn),
      );
      await window.picture('image');
    });

    await stage(t, 'what changes on the disk changes in the preview', async () => {
      await open('table.csv');
      writeFileSync(join(workspace, 'table.csv'), 'Name,Number\nExample Z,3\n');
      await window.until('the new row', async () => (await window.text(id.previewTable)).includes('Example Z'));
    });

    await stage(t, 'the keys reach the panels, the palette, the composer and a new session', async () => {
      await browser.keys([Key.Ctrl, '4']);
      await window.see(id.timelineSpan);
      await browser.keys([Key.Ctrl, '2']);
      await window.see(id.treeNode);
      await browser.keys([Key.Ctrl, 'k']);
      await window.see(id.paletteInput);
      await browser.keys(Key.Escape);
      await window.gone(id.palette);
      await browser.keys([Key.Ctrl, 'l']);
      await window.until('the composer has the focus', () => focusOf(id.composerInput));
    });

    await stage(t, 'Enter sends', async () => {
      await browser.keys('Change the colour to red');
      await browser.keys(Key.Enter);
      await waitForTurn(window, 2);
    });

    await stage(t, 'a branch from the first turn has its files, and both branches stay', async () => {
      const [first] = await turns(window);
      await browser.keys([Key.Ctrl, '2']);
      await window.click(id.treeNode, { attributes: { node: first.node } });
      await window.click(id.treeNodeFork);
      await window.until('one turn', async () => (await turns(window)).length === 1);
      await window.until('the files of the first turn', () => isDeepStrictEqual(filesIn(workspace), afterFirst));
      await send(window, 'Change the colour to blue');
      await waitForTurn(window, 2);
      // The new version of the site has taken the panel.
      await browser.keys([Key.Ctrl, '2']);
      await window.until('three nodes', async () => (await window.all(id.treeNode)).length === 3);
      await window.picture('branches');
    });

    await stage(t, 'a second start ends by itself and leaves the window as it is', async () => {
      const second = spawn(process.env.OKCVM_E2E_WINDOW, [], {
        env: { ...process.env, OKCVM_HOME: window.home },
        stdio: 'ignore',
        timeout: SOON,
      });
      assert.deepEqual(await once(second, 'exit'), [0, null]);
      assert.equal((await turns(window)).length, 2);
    });

    await stage(t, 'the list of sessions is searched by title', async () => {
      await browser.keys([Key.Ctrl, 'n']);
      await window.until('an empty session', async () => (await turns(window)).length === 0);
      await window.type(id.sessionSearch, 'garden');
      await window.until('one session', async () => (await window.all(id.sessionRow)).length === 1);
      await window.type(id.sessionSearch, 'nothing like it');
      await window.until('no session', async () => (await window.all(id.sessionRow)).length === 0);
    });
  }));
