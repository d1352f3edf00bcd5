// A window among others: what it tells while nobody looks, and how it stands after a restart.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { startModelServer } from '../harness/modelServer.mjs';
import { startDesktop } from '../harness/standInDesktop.mjs';
import { chooseDemo, filesIn, runTurn, send, turns, waitForTurn } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import {
  focusWindow,
  minimise,
  openOtherWindow,
  placeOf,
  placeWindow,
  startWindowManager,
} from '../harness/windowManager.mjs';
import { TURN, journey, newHome, stage } from '../harness/window.mjs';

const SIZE = { width: 1280, height: 760 };

test('the window tells the desktop of turns that nobody watched, and stands where it stood', async (t) => {
  const desktop = await startDesktop();
  const manager = await startWindowManager();
  let other;
  try {
    await journey({ name: 'attention', size: SIZE }, async (window, reopen) => {
      await chooseDemo(window);
      await focusWindow(window);

      await stage(t, 'a turn that is watched ends without a notification', async () => {
        await runTurn(window, 'Make a to-do list for spring cleaning', 1);
        // One that came late would count against the next stage, too.
        await sleep(1500);
        assert.deepEqual(desktop.calls('Notify'), []);
      });

      await stage(t, 'a turn that ends behind another window is told', async () => {
        other = await openOtherWindow();
        await window.display('behind');
        await sendUnseen(window, 'Make a to-do list for autumn');
        const [[app, , , summary, body]] = await desktop.hear('Notify');
        assert.match(app, /okcvm/i);
        assert.equal(summary, 'Make a to-do list for spring cleaning');
        assert.equal(body, 'Done.');
        await other.stop();
      });

      await stage(t, 'so is one that ends while the window is minimised', async () => {
        const back = await minimise(window);
        const last = await sendUnseen(window, 'Make a to-do list for winter');
        await desktop.hear('Notify', 2);
        await back();
        await send(window, 'Make a to-do list for summer');
        await waitForNext(window, last);
        await sleep(1500);
        assert.equal(desktop.calls('Notify').length, 2, 'a window that is back is watched again');
      });

      let place;
      let layout;
      await stage(t, 'place, size and columns are remembered over a restart', async () => {
        await window.click(id.tabTimeline);
        await drag(window, 'sidebar', 60);
        await drag(window, 'panel', -90);
        await placeWindow(window, { x: 97, y: 61, width: 1230, height: 720 });
        layout = await layoutOf(window);
        place = placeOf(window);
        assert.deepEqual([place.width, place.height], [1230, 720]);
        await window.display('placed');
        await window.close();
        window = await reopen({ size: undefined });
        await window.see(id.composerInput);
        await window
          .until('its place', () => samePlace(placeOf(window), place))
          .catch((error) => {
            throw new Error(`${error.message}: ${JSON.stringify([placeOf(window), place])}`);
          });
        await window.see(id.timelineSpan);
        assert.deepEqual(await layoutOf(window), layout);
        await window.display('placed-again');
      });

      await stage(t, 'and again, so that it does not wander; a hidden column stays hidden', async () => {
        await window.click(id.sidebarToggle);
        await window.gone(id.sidebar);
        await window.close();
        window = await reopen({ size: undefined });
        await window.see(id.composerInput);
        await window
          .until('its place', () => samePlace(placeOf(window), place))
          .catch((error) => {
            throw new Error(`${error.message}: ${JSON.stringify([placeOf(window), place])}`);
          });
        await window.gone(id.sidebar);
        assert.deepEqual(
          [process.env.XDG_CONFIG_HOME, process.env.XDG_DATA_HOME].flatMap((folder) =>
            Object.keys(filesIn(folder)).filter((path) => path.includes('okcvm')),
          ),
          [],
          'all data lies in the data folder',
        );
      });
    });
  } finally {
    await other?.stop();
    await manager.stop();
    await desktop.stop();
  }
});

test('the window tells the desktop of a question that nobody saw', async (t) => {
  const MODEL = 'asks';
  const call = (name, args) => [{ call: { name: `mshtools-${name}`, arguments: args } }];
  const server = await startModelServer({
    model: MODEL,
    script: ({ messages }) => {
      const last = messages.findLastIndex(({ role }) => role === 'user');
      const done = messages.slice(last).filter(({ role }) => role === 'tool').length;
      const wanted = JSON.stringify(messages[last].content).includes('Publish')
        ? call('deploy_website', { type: 'static', local_dir: 'site' })
        : call('read_file', { file_path: 'report.html' });
      return done === 0 ? wanted : [{ text: 'Done.' }];
    },
  });
  const home = newHome();
  const outside = mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'attention-'));
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, 'report.html'), '<p>Report</p>');
  const env = { OKCVM_CHAT_BASE_URL: server.address, OKCVM_CHAT_MODEL: MODEL };
  const desktop = await startDesktop();
  const manager = await startWindowManager();
  let other;
  try {
    // A session that has read what strangers may have written, so that publishing asks.
    await promisify(execFile)(
      process.env.OKCVM_E2E_CLI,
      ['run', 'Read the report', '--file', join(outside, 'report.html')],
      {
        env: { ...process.env, ...env, OKCVM_HOME: home },
        timeout: TURN,
      },
    );
    await journey({ name: 'attention-question', size: SIZE, home, env }, async (window) => {
      await window.until(
        'the window',
        async () => (await window.all(id.firstRun)).length + (await turns(window)).length,
      );
      if ((await window.all(id.firstRun)).length > 0) await chooseDemo(window);
      await waitForTurn(window, 1);
      await focusWindow(window);
      const refuse = async (count) => {
        await window.click(id.approvalRefuse);
        await waitForTurn(window, count);
      };

      await stage(t, 'a question that is seen needs no notification', async () => {
        await send(window, 'Publish it');
        await window.see(id.approval, { attributes: { status: 'waiting' }, timeout: TURN });
        await sleep(1500);
        assert.deepEqual(desktop.calls('Notify'), []);
        await refuse(2);
        await sleep(1500);
        assert.deepEqual(desktop.calls('Notify'), []);
      });

      await stage(t, 'one behind another window is told at once, while the turn waits', async () => {
        other = await openOtherWindow();
        await writeUnseen(window, 'Publish it now');
        const [[app, , , summary, body]] = await desktop.hear('Notify');
        assert.match(app, /okcvm/i);
        assert.equal(summary, 'Read the report');
        assert.equal(body, 'The agent asks for your permission.');
        assert.equal((await turns(window)).at(-1).status, 'running');
        await window.see(id.approval, { attributes: { status: 'waiting' } });
        assert.equal(desktop.calls('Notify').length, 1);
        await other.stop();
        await focusWindow(window);
        await refuse(3);
      });
    });
  } finally {
    await other?.stop();
    await manager.stop();
    await desktop.stop();
    await server.stop();
  }
});

/** Sends a message unseen, and waits for its turn. */
async function sendUnseen(window, text) {
  const before = (await turns(window)).at(-1).node;
  await writeUnseen(window, text);
  return waitForNext(window, before);
}

/** Sends a message by the page alone: a click of the driver could bring the window to the front. */
async function writeUnseen(window, text) {
  await window.browser.execute(
    (input, send, words) => {
      const box = document.querySelector(`[data-testid="${input}"]`);
      box.value = words;
      box.dispatchEvent(new Event('input', { bubbles: true }));
      setTimeout(() => document.querySelector(`[data-testid="${send}"]`).click(), 100);
    },
    id.composerInput,
    id.composerSend,
    text,
  );
}

/** Waits until another turn than `before` is the last one and has ended. Returns its node. The first ones may not be drawn. */
async function waitForNext(window, before) {
  let last;
  await window.until(
    'the turn ends',
    async () => {
      last = (await turns(window)).at(-1);
      return last !== undefined && last.node !== before && last.status === 'completed';
    },
    TURN,
  );
  return last.node;
}

function samePlace(now, then) {
  return Object.entries(then).every(([name, value]) => now[name] === value);
}

/** Drags the edge of a column by some pixels. */
async function drag(window, column, by) {
  const [sidebar, panel] = await window.browser.$$('[role="separator"]').getElements();
  const edge = column === 'sidebar' ? sidebar : panel;
  await edge.dragAndDrop({ x: by, y: 0 });
}

function layoutOf(window) {
  return window.browser.execute((sidebar) => {
    const width = (element) => Math.round(element?.getBoundingClientRect().width ?? 0);
    const main = document.querySelector('main');
    return {
      sidebar: width(document.querySelector(`[data-testid="${sidebar}"]`)),
      panel: width(main.parentElement.lastElementChild),
    };
  }, id.sidebar);
}
