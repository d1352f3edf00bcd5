// A page whose script never ends shares the window's process. It costs the person a moment, and nothing else.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ask } from '../../../src-tauri/scripts/lib/run.mjs';
import { chooseDemo, runTurn, turns, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey } from '../harness/window.mjs';

const LOOP = '<!doctype html><title>Loop</title><p>Loop</p><script>for (;;) {}</script>';
const MESSAGE = 'Make a to-do list for autumn';

/** Waits for something outside of the page: the driver's session ends with the page's process. */
async function until(what, condition, timeout) {
  const end = Date.now() + timeout;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeout} ms`);
    await sleep(200);
  }
}

/** Sends a message by keys alone, as soon as the window takes them, until a second turn has begun. */
async function sendByKeys(window, begun) {
  const [frame] = (ask('xdotool', ['search', '--onlyvisible', '--pid', String(window.pid)]) ?? '').split('\n');
  ask('xdotool', ['windowfocus', frame]);
  const end = Date.now() + 90_000;
  for (let tries = 0; begun() < 2; tries += 1) {
    if (Date.now() > end) throw new Error('the window does not take a message after its page was ended');
    await sleep(2_000);
    if (tries === 1) await window.display('told');
    ask('xdotool', ['key', 'ctrl+l']);
    ask('xdotool', ['key', 'ctrl+a']);
    ask('xdotool', ['type', MESSAGE]);
    ask('xdotool', ['key', 'ctrl+Return']);
    // A busy machine takes its time: sent twice it would be two turns.
    await until('a turn', () => begun() > 1, 8_000).catch(() => undefined);
  }
}

test('a page without end is closed, and the window goes on', () =>
  journey({ name: 'hang' }, async (window, reopen) => {
    const log = () => readFileSync(window.logPath, 'utf8').split(' hang\n').at(-1);
    const begun = () => log().split('turn begins').length - 1;
    await chooseDemo(window);
    await runTurn(window, 'Make a to-do list for spring cleaning', 1);
    writeFileSync(join(workspaceOf(window), 'loop.html'), LOOP);
    const row = await window.see(id.fileRow, { attributes: { path: 'loop.html' } });
    // From then on the page answers nobody.
    await window.browser.execute((button) => void setTimeout(() => button.click(), 300), await row.$('button'));
    const shown = Date.now();
    await until('the hanging page is ended', () => log().includes('process of the window'), 60_000);
    assert.ok(Date.now() - shown > 5_000, 'the page was given no time');

    // Nobody touched anything: the window is back when it takes keys.
    await sendByKeys(window, begun);
    await until('the turn ends', () => log().split('turn ends').length > 2, 60_000);

    // Nor is the page open at the next start.
    await window.close();
    window = await reopen();
    await window.see(id.turn);
    assert.deepEqual(
      (await turns(window)).map(({ status }) => status),
      ['completed', 'completed'],
    );
    assert.match(await window.browser.execute(() => localStorage.getItem('okcvm.hungPreviews')), /file:loop\.html/);
    const tabs = await window.browser.execute(
      (selector) => [...document.querySelectorAll(selector)].map(({ innerText }) => innerText),
      `[data-testid="${id.previewTab}"]`,
    );
    assert.ok(!tabs.some((name) => name.includes('loop')), `open at the next start: ${tabs}`);
    await runTurn(window, 'Make a to-do list for winter', 3);
  }));

test('a window that hangs by itself, with no preview open, is brought back too', () =>
  journey({ name: 'hangAlone' }, async (window, reopen) => {
    const log = () => readFileSync(window.logPath, 'utf8').split(' hangAlone\n').at(-1);
    await chooseDemo(window);
    await runTurn(window, 'Make a to-do list for spring cleaning', 1);
    const tabs = await window.browser.execute(
      (selector) => document.querySelectorAll(selector).length,
      `[data-testid="${id.previewTab}"]`,
    );
    assert.equal(tabs, 0, 'no preview is open');
    await window.browser.execute(
      () =>
        void setTimeout(() => {
          for (;;);
        }, 300),
    );
    const hung = Date.now();
    await until('the hanging window is ended', () => log().includes('process of the window'), 120_000);
    // Later than where a preview is open: here it may be work of our own.
    assert.ok(Date.now() - hung > 20_000, `after ${Date.now() - hung} ms already`);

    // The driver's session ended with the page; the window takes keys again.
    await sendByKeys(window, () => log().split('turn begins').length - 1);
    await until('the turn ends', () => log().split('turn ends').length > 2, 60_000);
    await window.close();
    window = await reopen();
    await window.see(id.turn);
    assert.deepEqual(
      (await turns(window)).map(({ status }) => status),
      ['completed', 'completed'],
    );
    // No file is blamed.
    const blamed = await window.browser.execute(() => localStorage.getItem('okcvm.hungPreviews'));
    assert.doesNotMatch(blamed ?? '', /file:/);
  }));
