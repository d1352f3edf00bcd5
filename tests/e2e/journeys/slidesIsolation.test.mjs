// A deck is written by a model and its scripts run while it is laid out. They reach nothing, and they stop nothing.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startModelServer } from '../harness/modelServer.mjs';
import { readPptx } from '../harness/presentations.mjs';
import { programOf } from '../harness/processes.mjs';
import { chooseDemo, pathsNamed, send, waitForTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { TURN, journey, stage } from '../harness/window.mjs';

const MODEL = 'makes-decks';
const SLIDE = '<section class="ppt-slide" style="width:1024px;height:576px"><h1>A slide</h1></section>';
/** Who lays a deck out waits for Tailwind, so this runs before anything is measured. */
const LATER = '<style type="text/tailwindcss"></style>';
const DECKS = {
  attack: readFileSync(new URL('../fixtures/deckAttack.html', import.meta.url), 'utf8'),
  loop: `${SLIDE}<script>for (;;) {}</script>`,
  'loop later': `${LATER}${SLIDE}<script>setTimeout(() => { for (;;) {} }, 300)</script>`,
  'loop again': `${SLIDE}<script>for (;;) {}</script>`,
  'reload without end': `${SLIDE}<script>location.reload()</script>`,
  'crowd of frames': `${SLIDE}<script>const go = () => { for (let n = 0; n < 50; n += 1) document.body.append(document.createElement('iframe')); setTimeout(go, 1); }; go()</script>`,
  good: SLIDE,
};
/** Outside of every workspace. */
const SOUND = join(process.env.OKCVM_E2E_BASE, 'tone.wav');

/** A tenth of a second of silence: PCM, 8000 samples a second, 8 bits. */
function wav() {
  const samples = Buffer.alloc(800, 128);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(8000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

/** Keeps the first line of whatever connects. */
async function startCanary() {
  const seen = [];
  const server = createServer((socket) => {
    seen.push('a connection');
    socket.on('error', () => {});
    socket.once('data', (data) => {
      seen.push(data.toString('latin1').split('\r\n')[0]);
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\naccess-control-allow-origin: *\r\n\r\n');
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { seen, port: server.address().port, stop: () => new Promise((done) => server.close(done)) };
}

test('the scripts of a deck reach nothing and stop nothing', async (t) => {
  const canary = await startCanary();
  const deckOf = (name) => DECKS[name].replaceAll('CANARY_PORT', String(canary.port)).replaceAll('SOUND', SOUND);
  const server = await startModelServer({
    model: MODEL,
    script: ({ messages }) => {
      const last = messages.findLastIndex(({ role }) => role === 'user');
      const { content } = messages[last];
      const name = typeof content === 'string' ? content : content.map((part) => part.text).join('');
      if (messages.slice(last).some(({ role }) => role === 'tool')) return [{ text: 'Done.' }];
      return [{ call: { name: 'mshtools-slides_generator', arguments: { content: deckOf(name.trim()) } } }];
    },
  });
  writeFileSync(SOUND, wav());
  const env = { OKCVM_CHAT_BASE_URL: server.address, OKCVM_CHAT_MODEL: MODEL };
  try {
    await journey({ name: 'slides-isolation', env }, async (window) => {
      await chooseDemo(window);
      const engines = () => window.processes().filter((pid) => programOf(pid)?.endsWith('WebKitWebProcess'));
      const before = engines();
      let count = 0;
      const begin = async (name) => {
        await send(window, name);
        count += 1;
      };
      const answer = () => {
        const { content } = server
          .chats()
          .at(-1)
          .body.messages.findLast(({ role }) => role === 'tool');
        return typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('');
      };
      /** Makes a deck; what the tool said, and how long it took in seconds. */
      const make = async (name, limit = TURN) => {
        const start = Date.now();
        await begin(name);
        await waitForTurn(window, count, 'completed', limit);
        const told = answer();
        t.diagnostic(`${name}: ${told.split('\n')[0]} (${Date.now() - start} ms)`);
        return { told, seconds: (Date.now() - start) / 1000 };
      };
      const noneLeft = (name) =>
        window.until(
          `${name}: no engine is left`,
          async () => engines().filter((pid) => !before.includes(pid)).length === 0,
          5000,
        );
      const pptx = () => {
        const workspace = workspaceOf(window);
        const made = readdirSync(workspace).filter((file) => file.endsWith('.pptx'));
        assert.equal(made.length, 1, `${made}`);
        return readPptx(join(workspace, made[0]));
      };

      await stage(t, 'nothing of the app, of the machine or of the network is reached', async () => {
        const { told } = await make('attack');
        assert.match(told, /^Wrote /);
        const lines = pptx()
          .slides[0].texts.flatMap((text) => text.split(/[\n\v]/))
          .filter((line) => line.includes(' = '));
        t.diagnostic(lines.join(' | '));
        assert.ok(lines.length >= 55, `only ${lines.length} attacks ran: ${lines.join('\n')}`);
        const succeeded = lines.filter((line) => line.includes('SUCCEEDED'));
        assert.deepEqual(
          succeeded.map((line) => line.split(' = ')[0]),
          ['own page'],
          succeeded.join('\n'),
        );
        await sleep(1000);
        assert.deepEqual(canary.seen, [], 'the deck reached the network');
        await fetch(`http://127.0.0.1:${canary.port}/self-test`);
        assert.equal(canary.seen.at(-1), 'GET /self-test HTTP/1.1', 'the canary sings when it is reached');
        const saved = pathsNamed(process.env.OKCVM_E2E_BASE, 'stolen-by-deck');
        assert.deepEqual(saved, [], 'the deck saved a file');
        await noneLeft('attack');
      });

      await stage(t, 'a script without end is named in time, and the window goes on meanwhile', async () => {
        await begin('loop');
        await window.until('an engine more', async () => engines().length > before.length);
        const start = Date.now();
        await window.click(id.settingsOpen);
        await window.see(id.settingsSection);
        await window.click(id.settingsClose);
        await window.click(id.tabTimeline);
        await window.click(id.tabPreview);
        assert.ok(Date.now() - start < 5000, `the window took ${Date.now() - start} ms`);
        await window.picture('while');
        await waitForTurn(window, count, 'completed', 40_000);
        const took = Date.now() - start;
        t.diagnostic(`loop: ${answer()} (${took} ms)`);
        assert.match(answer(), /took longer than 20 s to load the page, whose scripts seem to run without end/);
        await noneLeft('loop');
        await window.picture('told');
      });

      await stage(t, 'stopped by the user it ends at once', async () => {
        await begin('loop again');
        await window.until('an engine more', async () => engines().length > before.length);
        await window.click(id.composerStop);
        const start = Date.now();
        await window.until('the turn has ended', async () => (await window.all(id.composerStop)).length === 0, 5000);
        await noneLeft('stopped');
        t.diagnostic(`stopped: ${Date.now() - start} ms`);
      });

      await stage(t, 'so are pages that hang later, reload or grow without end', async () => {
        const { told, seconds } = await make('loop later', 100_000);
        assert.match(told, /took longer than 60 s to measure the page/);
        assert.ok(seconds < 80, `${seconds} s`);
        await noneLeft('loop later');
        assert.match((await make('reload without end')).told, /^Wrote |loaded itself anew/);
        await noneLeft('reload without end');
        const crowd = await make('crowd of frames', 100_000);
        assert.ok(crowd.seconds < 90, `${crowd.seconds} s`);
        await noneLeft('crowd of frames');
      });

      await stage(t, 'and afterwards a deck is made as ever', async () => {
        const { told, seconds } = await make('good');
        assert.match(told, /^Wrote /);
        assert.ok(seconds < 20, `${seconds} s`);
        assert.deepEqual(
          pptx().slides.map(({ title }) => title),
          ['A slide'],
        );
        await noneLeft('good');
      });
    });
  } finally {
    await server.stop();
    await canary.stop();
  }
});
