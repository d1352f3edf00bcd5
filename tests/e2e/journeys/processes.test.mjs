// What runs and whom it speaks to: the panel lists it, ends it, and says who was reached.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { startModelServer } from '../harness/modelServer.mjs';
import { processesCalled } from '../harness/processes.mjs';
import { chooseDemo, send, waitForTurn } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, TURN, WIDE, journey, stage } from '../harness/window.mjs';

const MODEL = 'runs-things';
/** A number of seconds by which the command is found among all processes. */
const MARKER = `9${process.pid}.25`;

const call = (name, args) => [{ call: { name: `mshtools-${name}`, arguments: args } }];
const ask = (port) =>
  `python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:${port}/", timeout=20).read().decode())' 2>&1 | tail -n 1`;

/** Does the steps of the last message, one after the other. */
const scriptOf = (jobs) => (request) => {
  const last = request.messages.findLastIndex(({ role }) => role === 'user');
  const content = request.messages[last].content;
  const text = typeof content === 'string' ? content : content.map((part) => part.text).join('');
  const job = Object.entries(jobs).find(([name]) => text.startsWith(name))?.[1] ?? [];
  return job[request.messages.slice(last).filter(({ role }) => role === 'tool').length] ?? [{ text: 'Done.' }];
};

/** Answers every request with a word; `reached` counts them. */
async function startTarget() {
  const target = { reached: 0 };
  const server = createServer((_request, response) => {
    target.reached += 1;
    response.end('served');
  });
  await new Promise((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done));
  target.port = server.address().port;
  target.stop = () =>
    new Promise((done) => {
      server.closeAllConnections();
      server.close(done);
    });
  return target;
}

/** Pictures of the panel in both sizes and both themes. */
async function pictures(window, label) {
  for (const [size, dimensions] of Object.entries({ wide: WIDE, narrow: NARROW })) {
    await window.resize(dimensions);
    for (const theme of ['light', 'dark']) {
      await window.browser.execute((name) => document.documentElement.setAttribute('data-theme', name), theme);
      await window.picture(`${label}-${size}-${theme}`);
    }
  }
  await window.browser.execute(() => document.documentElement.setAttribute('data-theme', 'light'));
  await window.resize(WIDE);
}

/** The words of an element; the driver itself takes text that is cut short by an ellipsis for hidden. */
const words = (element) => element.getProperty('innerText');

/** The row of something that runs, by how its title begins. */
async function rowCalled(window, title) {
  for (const row of await window.all(id.processRow)) {
    if ((await words(row)).startsWith(title)) return row;
  }
  throw new Error(`no row begins with ${title}`);
}

/** Chooses whom the session may speak to, without saving it. */
async function choose(window, kind) {
  const radio = await window.browser.$(`[data-testid="${id.networkKind}"][value="${kind}"]`);
  await radio.waitForClickable();
  await radio.click();
  await window.see(id.networkSave);
}

test('what runs is listed and ended by hand, and whom it spoke to is told', async (t) => {
  const [listed, other] = [await startTarget(), await startTarget()];
  const server = await startModelServer({
    model: MODEL,
    script: scriptOf({
      'Count in Python': [
        call('ipython', { code: 'words = ["a"] * 2_000_000\nsum(len(word) for word in words)' }),
        call('shell', { command: `echo waiting; head -c 50000000 /dev/zero | tail -c 1 | wc -c; sleep ${MARKER}` }),
        [{ text: 'It was ended.' }],
      ],
      'Ask both servers': [
        call('shell', { command: ask(listed.port) }),
        call('shell', { command: ask(other.port) }),
        [{ text: 'One answered.' }],
      ],
    }),
  });
  const env = {
    OKCVM_CHAT_BASE_URL: server.address,
    OKCVM_CHAT_MODEL: MODEL,
    // No environment is made for this: the kernel of the app runs with the system's Python.
    OKCVM_PYTHON: '/dev/null/python',
  };
  try {
    await journey({ name: 'processes', env }, async (window) => {
      const rows = () => window.all(id.processRow);
      const textsOf = async (name) => {
        const texts = [];
        for (const row of await window.all(name)) texts.push(await words(row));
        return texts;
      };
      const count = async () => (await window.see(id.processesFoot)).getAttribute('data-count');
      const dot = () =>
        window.browser.execute((foot) => {
          const probe = document.createElement('span');
          probe.style.background = 'var(--good)';
          document.body.append(probe);
          const good = getComputedStyle(probe).backgroundColor;
          probe.remove();
          const drawn = document.querySelector(`[data-testid="${foot}"] .dot`);
          return { good, drawn: getComputedStyle(drawn).backgroundColor };
        }, id.processesFoot);
      const sleeping = () => processesCalled('sleep', MARKER).length;
      await chooseDemo(window);

      await stage(t, 'before anything runs, the footer is green and the panel says that nothing does', async () => {
        assert.equal(await count(), '0');
        const { good, drawn } = await dot();
        assert.equal(drawn, good);
        await window.click(id.processesFoot);
        await window.see(id.processesNone);
      });

      await stage(
        t,
        'a command and a kernel are listed with owner, age, time of the processor and memory',
        async () => {
          await send(window, 'Count in Python');
          await window.until('two rows', async () => (await rows()).length === 2, TURN);
          assert.equal(await count(), '2');
          const { good, drawn } = await dot();
          assert.notEqual(drawn, good);
          const row = async (start) => (await textsOf(id.processRow)).find((text) => text.startsWith(start)) ?? '';
          await window.until('figures', async () =>
            [await row('Python'), await row('echo waiting')].every((text) => /[1-9][\d.]* [kM]B/.test(text)),
          );
          const [kernel, command] = [await row('Python'), await row('echo waiting')];
          for (const text of [kernel, command]) {
            assert.match(text, /[\d.]+ (ms|s) old · [\d.]+ (ms|s) of processor time · [\d.]+ [kM]B · \d+ process/);
            assert.match(text, /· process [1-9]\d*/);
            assert.match(text, /Count in Python · /, 'the session is named');
          }
          assert.match(kernel, /ends with the session/);
          assert.match(command, /ends with its call/);
          const age = (text) => Number(/([\d.]+) s old/.exec(text)?.[1] ?? 0);
          const before = age(command);
          await window.until('it grows older', async () => age(await row('echo waiting')) > before + 1);
          await pictures(window, 'running');
        },
      );

      await stage(t, 'the button ends the command with all of its processes, and the turn goes on', async () => {
        assert.ok(sleeping() > 0);
        const command = await rowCalled(window, 'echo waiting');
        await (await command.$(`[data-testid="${id.processEnd}"]`)).click();
        await waitForTurn(window, 1);
        await window.until('one row', async () => (await rows()).length === 1);
        assert.equal(sleeping(), 0);
        assert.match(JSON.stringify(server.chats().at(-1).body.messages), /ended (it )?by the user|the user ended it/);
      });

      await stage(t, 'and the kernel; then the footer is green again', async () => {
        const kernel = await rowCalled(window, 'Python');
        await (await kernel.$(`[data-testid="${id.processEnd}"]`)).click();
        await window.see(id.processesNone);
        await window.until('a footer of zero', async () => (await count()) === '0');
        const { good, drawn } = await dot();
        assert.equal(drawn, good);
        await window.picture('nothing');
      });

      await stage(t, 'a host that is none is refused beside the form, with the reason', async () => {
        await choose(window, 'hosts');
        await window.type(id.networkHosts, 'http://127.0.0.1/');
        await window.click(id.networkSave);
        assert.match(await window.text(id.networkProblem), /is not a host: leave out the scheme/);
        await window.picture('wrong-host');
        await window.see(id.networkSave);
      });

      await stage(t, 'hosts are listed, and who was reached or refused is told', async () => {
        await window.see(id.contactsNone);
        await window.type(id.networkHosts, `127.0.0.1:${listed.port}, example.com`);
        await window.click(id.networkSave);
        await window.gone(id.networkSave);
        await window.gone(id.networkProblem);
        await send(window, 'Ask both servers');
        await waitForTurn(window, 2);
        const contacts = await textsOf(id.contact);
        assert.equal(contacts.length, 2, JSON.stringify(contacts));
        assert.match(contacts[0], new RegExp(`127\\.0\\.0\\.1:${other.port}[^]*refused[^]*not among the hosts`));
        assert.match(contacts[1], new RegExp(`127\\.0\\.0\\.1:${listed.port}[^]*allowed`));
        assert.deepEqual([listed.reached, other.reached], [1, 0]);
        for (const contact of contacts) assert.match(contact, /Run command python3 -c/, 'the call is named');
        await pictures(window, 'contacts');
      });

      await stage(t, 'open and off are a click each, and stay over a reload', async () => {
        for (const kind of ['open', 'off']) {
          await choose(window, kind);
          await window.click(id.networkSave);
          await window.gone(id.networkSave);
          await window.browser.refresh();
          await window.click(id.tabProcesses);
          const chosen = `[data-testid="${id.networkKind}"][value="${kind}"]`;
          await window.until(`${kind} is chosen`, async () => (await window.browser.$(chosen)).isSelected());
          await window.picture(`network-${kind}`);
        }
        assert.equal((await window.all(id.contact)).length, 2, 'the contacts are still told');
      });
    });
  } finally {
    await server.stop();
    await listed.stop();
    await other.stop();
  }
});
