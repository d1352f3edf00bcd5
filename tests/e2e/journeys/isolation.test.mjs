// A page that the agent could have made tries to reach the app, its data and the network. All of it fails.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { chooseDemo, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey } from '../harness/window.mjs';

const attack = readFileSync(new URL('../fixtures/attack.html', import.meta.url), 'utf8');

/** Counts every connection that anyone makes, at a port of its own and, where it may, at the one of the web. */
async function startCanary() {
  const seen = [];
  const answer = (socket) => {
    // Noted at once: a connection without a word is one, too.
    const place = seen.push('a connection without a request') - 1;
    socket.on('error', () => {});
    socket.once('data', (data) => {
      seen[place] = data.toString('latin1').split('\r\n')[0];
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\naccess-control-allow-origin: *\r\n\r\n');
    });
  };
  const listen = (port) =>
    new Promise((done, failed) => {
      const server = createServer(answer);
      server.once('error', failed);
      server.listen(port, '127.0.0.1', () => done(server));
    });
  const server = await listen(0);
  const web = await listen(80).catch((error) => {
    if (!['EACCES', 'EADDRINUSE'].includes(error.code)) throw error;
    return null;
  });
  const stop = () => Promise.all([server, web].map((one) => one && new Promise((done) => one.close(done))));
  return { seen, port: server.address().port, hasWeb: web !== null, stop };
}

test('a hostile page reaches neither the app nor the network', async (context) => {
  const canary = await startCanary();
  if (!canary.hasWeb) context.diagnostic('port 80 is not to be had: whether a page reaches it is not seen');
  try {
    await journey({ name: 'isolation' }, async (window) => {
      await chooseDemo(window);
      await runTurn(window, 'Make a to-do list for spring cleaning', 1);
      await window.browser.execute(() => localStorage.setItem('okcvm-test-canary', 'of the app'));
      const address = await window.browser.getUrl();
      const sessions = (await window.all(id.sessionRow)).length;
      const workspace = workspaceOf(window);
      writeFileSync(join(workspace, 'attack.html'), attack.replaceAll('CANARY_PORT', String(canary.port)));

      const row = await window.see(id.fileRow, { attributes: { path: 'attack.html' } });
      await (await row.$('button')).click();
      const results = async () =>
        JSON.parse(
          await window.inPreview((page) => page.execute(() => document.getElementById('results')?.textContent || '{}')),
        );
      await window.until('the attacks are over', async () => (await results()).done === true, 60_000);
      // The same once more with a person's click behind it, which browsers allow more.
      await window.inPreview(async (page) => (await page.$('#click')).click());
      await window.until('the clicked attacks are over', async () => (await results()).clicked === true, 60_000);
      await window.picture('attacked');

      const { done, clicked, ...tried } = await results();
      assert.ok(Object.keys(tried).length >= 40, `only ${Object.keys(tried).length} attacks ran`);
      const succeeded = Object.entries(tried).filter(([, outcome]) => !outcome.startsWith('failed'));
      assert.deepEqual(succeeded, []);

      await sleep(1000);
      assert.deepEqual(canary.seen, [], 'the page reached the network');
      await fetch(`http://127.0.0.1:${canary.port}/self-test`);
      assert.deepEqual(canary.seen, ['GET /self-test HTTP/1.1'], 'the canary sings when it is reached');

      // What the page told: bounded, shown as text, and it leads nowhere.
      const frame = await window.see(id.previewFrame);
      assert.match(await frame.getAttribute('src'), /^preview:\/\/localhost\/[0-9a-f]{32}\/attack\.html$/);
      assert.equal(await frame.getAttribute('sandbox'), 'allow-scripts');
      assert.equal(await window.browser.execute(() => document.fullscreenElement === null), true);
      assert.equal((await window.all(id.deckPresenter)).length, 0);
      await window.click(id.previewConsoleToggle);
      const lines = await window.all(id.consoleLine);
      assert.ok(lines.length > 0 && lines.length <= 200, `${lines.length} lines are in the console`);
      assert.equal(await window.browser.execute(() => document.querySelectorAll('img[src="x"]').length), 0);
      const longest = await window.browser.execute(
        (selector) => Math.max(...[...document.querySelectorAll(selector)].map(({ innerText }) => innerText.length)),
        `[data-testid="${id.consoleLine}"]`,
      );
      assert.ok(longest < 2500, `a line of the console has ${longest} letters`);
      const back = await window.see(id.previewBack);
      if (await back.isEnabled()) {
        await back.click();
        await sleep(500);
        assert.match(
          await (await window.see(id.previewFrame)).getAttribute('src'),
          /^preview:\/\/localhost\/[0-9a-f]{32}\//,
        );
      }
      await window.picture('told');
      await window.click(id.consoleHand);
      const draft = await (await window.see(id.composerInput)).getValue();
      assert.ok(
        draft
          .split('\n')
          .slice(1)
          .every((line) => line === '' || line.startsWith('> ')),
        'a line is no quotation',
      );
      await window.browser.execute((selector) => {
        const input = document.querySelector(selector);
        input.value = '';
        input.dispatchEvent(new Event('input', { bubbles: true }));
      }, `[data-testid="${id.composerInput}"]`);

      assert.equal(await window.browser.getUrl(), address);
      assert.equal((await window.browser.getWindowHandles()).length, 1);
      assert.equal((await window.all(id.sessionRow)).length, sessions, 'the page made or deleted a session');
      assert.equal(await window.browser.execute(() => localStorage.getItem('okcvm-test-canary')), 'of the app');
      await runTurn(window, 'Make a to-do list for autumn', 2);
    });
  } finally {
    await canary.stop();
  }
});
