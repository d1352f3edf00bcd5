// Presenting: the window fills the display and comes back; keys work wherever a click has put the focus.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ask } from '../../../src-tauri/scripts/lib/run.mjs';
import { chooseDemo, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { focusWindow, placeOf, placeWindow, startWindowManager } from '../harness/windowManager.mjs';
import { journey, stage } from '../harness/window.mjs';

const deck = fileURLToPath(new URL('../fixtures/deck.html', import.meta.url));
const SIZE = { width: 1280, height: 760 };
const PLACE = { x: 90, y: 60, ...SIZE };
// Says, without a hand on it, that somebody pressed F.
const FORGED = `<script>addEventListener('load', () => { let left = 40;
  const ask = () => { parent.postMessage({ okcvm: 'deck-key', key: 'f' }, '*'); if (left--) setTimeout(ask, 50); }; ask(); });</script>`;

/** A click and keys of a hand, which go where the focus is. */
const hand = {
  key: (name) => ask('xdotool', ['key', '--delay', '40', name]),
  click: (x, y) => ask('xdotool', ['mousemove', String(x), String(y), 'click', '1']),
};

const display = () => {
  const [width, height] = (ask('xdotool', ['getdisplaygeometry']) ?? '').split(' ').map(Number);
  return { width, height };
};
const sizeOf = (window) => {
  const { width, height } = placeOf(window);
  return { width, height };
};
const same = (one, other) => one.width === other.width && one.height === other.height;

async function openDeck(window, name = 'deck.html') {
  const row = await window.see(id.fileRow, { attributes: { path: name } });
  await row.scrollIntoView();
  await (await row.$('button')).click();
  await counts(window, '1 / 3');
}
/** By the name of the stage: on the whole display the bar is out of sight. */
const counts = (window, words) =>
  window.until(`slide ${words}`, async () => {
    const stage = await window.find(id.deckStage);
    return (await stage.getAttribute('aria-label').catch(() => '')) === `Slide ${words.replace('/', 'of')}`;
  });

/** Clicks into the middle of the slide, as a hand does, and tells whether the page has the focus then. */
async function clickIntoSlide(window) {
  const box = await window.browser.execute((selector) => {
    const { left, top, width, height } = document.querySelector(selector).getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  }, `[data-testid="${id.previewFrame}"]`);
  const { x, y } = placeOf(window);
  hand.click(Math.round(x + box.x), Math.round(y + box.y));
  await window.until('the page has the focus', () =>
    window.browser.execute(() => document.activeElement instanceof HTMLIFrameElement),
  );
}

test('a deck is presented on the whole display, by keys from wherever the focus is', async (t) => {
  const manager = await startWindowManager();
  try {
    await journey({ name: 'presenting', size: SIZE }, async (window, reopen) => {
      await chooseDemo(window);
      await runTurn(window, 'Make a to-do list for spring cleaning', 1);
      const workspace = workspaceOf(window);
      copyFileSync(deck, join(workspace, 'deck.html'));
      writeFileSync(join(workspace, 'forged.html'), readFileSync(deck, 'utf8').replace('</body>', `${FORGED}</body>`));
      await focusWindow(window);
      await placeWindow(window, PLACE);
      const before = sizeOf(window);
      assert.deepEqual(before, SIZE);
      const where = place(window);
      const whole = display();
      assert.notDeepEqual(before, whole, 'the display is larger than the window');

      await stage(t, 'keys turn slides after a click into one', async () => {
        await openDeck(window);
        await clickIntoSlide(window);
        hand.key('Right');
        await counts(window, '2 / 3');
        hand.key('End');
        await counts(window, '3 / 3');
        hand.key('Left');
        await counts(window, '2 / 3');
        hand.key('Home');
        await counts(window, '1 / 3');
      });

      await stage(t, 'F fills the display from there, and Escape gives the window its size back', async () => {
        await clickIntoSlide(window);
        hand.key('f');
        await window.until('the window is as large as the display', () => same(sizeOf(window), whole));
        const { x, y } = placeOf(window);
        assert.deepEqual([x, y], [0, 0]);
        await window.until('so is the page in it', async () => {
          const inner = await window.browser.execute(() => [window.innerWidth, window.innerHeight]);
          return inner[0] === whole.width && inner[1] === whole.height;
        });
        await window.display('full');
        await clickAnywhere(window, whole);
        hand.key('space');
        await counts(window, '2 / 3');
        hand.key('Escape');
        await window.until('the size before', () => same(sizeOf(window), before));
        await window
          .until('the place before', () => String(place(window)) === String(where))
          .catch((error) => {
            throw new Error(`${error.message}: ${place(window)} is not ${where}`);
          });
      });

      await stage(t, 'P shows the presenter view, which the button closes', async () => {
        await clickIntoSlide(window);
        hand.key('p');
        await window.see(id.deckPresenter);
        await window.until('the whole display', () => same(sizeOf(window), whole));
        assert.match(await window.text(id.deckNotes), /Name the three models/);
        await window.display('presenter');
        await window.click(id.deckFull);
        await window.gone(id.deckPresenter);
        await window.until('the size before', () => same(sizeOf(window), before));
      });

      await stage(t, 'a page that only says that F was pressed gets nothing', async () => {
        await openDeck(window, 'forged.html');
        await new Promise((done) => setTimeout(done, 2500));
        assert.deepEqual(sizeOf(window), before);
        assert.equal(await (await window.see(id.deckFull)).getAttribute('aria-pressed'), 'false');
      });

      await stage(t, 'closed while it fills the display, it opens with the size before', async () => {
        await openDeck(window);
        await window.click(id.deckFull);
        await window.until('the whole display', () => same(sizeOf(window), whole));
        await window.close();
        window = await reopen({ size: undefined });
        await window.see(id.composerInput);
        await window
          .until('the size before', () => same(sizeOf(window), before))
          .catch((error) => {
            throw new Error(`${error.message}: ${JSON.stringify(sizeOf(window))}`);
          });
      });
    });
  } finally {
    await manager.stop();
  }
});

test('where the system refuses, the slides cover the window', (t) =>
  journey({ name: 'presenting-refused', size: SIZE }, async (window) => {
    // Without a window manager nothing fills the display.
    await chooseDemo(window);
    await runTurn(window, 'Make a to-do list for spring cleaning', 1);
    copyFileSync(deck, join(workspaceOf(window), 'deck.html'));
    await stage(t, 'and Escape uncovers it', async () => {
      await openDeck(window);
      await window.click(id.deckFull);
      await window.until('the slides cover the window', () =>
        window.browser.execute((selector) => {
          const { left, top, width, height } = document.querySelector(selector).getBoundingClientRect();
          return left === 0 && top === 0 && width === window.innerWidth && height === window.innerHeight;
        }, `[data-testid="${id.deckStage}"]`),
      );
      await window.picture('covers');
      await window.browser.keys('Escape');
      await window.until('the bars are back', async () => (await window.all(id.previewReload)).length === 1);
      await window.until('not pressed', async () =>
        (await (await window.see(id.deckFull)).getAttribute('aria-pressed')) === 'false',
      );
    });
  }));

function place(window) {
  const { x, y } = placeOf(window);
  return [x, y];
}

/** A click into the slide where the window keeps the focus. */
async function clickAnywhere(window, { width, height }) {
  hand.click(Math.round(width / 2), Math.round(height / 2));
  await new Promise((done) => setTimeout(done, 300));
}
