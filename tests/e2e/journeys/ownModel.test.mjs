// A model of one's own: address and key, the key in the keychain and nowhere else.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { startModelServer } from '../harness/modelServer.mjs';
import { filesHolding, filesIn, previewText, profileCalled, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey } from '../harness/window.mjs';

const MODEL = 'scripted-1';
const KEY = `canary-${Math.random().toString(36).slice(2)}-${Math.random().toString(36).slice(2)}`;
const PAGE = '<!doctype html><title>Served</title><h1>Written by the scripted server ✓</h1>';

/** Writes a page, deploys it, then says so. */
function script(request) {
  const answered = request.messages.filter(({ role }) => role === 'tool').length;
  const asked = request.messages.filter(({ role }) => role === 'user').length;
  if (asked > 1) return [{ text: 'The second answer, with the same key.' }];
  if (answered === 0) {
    return [
      { text: 'I write the page.' },
      {
        call: {
          name: 'mshtools-write_file',
          arguments: { file_path: '/mnt/okcomputer/output/index.html', content: PAGE },
        },
      },
    ];
  }
  if (answered === 1)
    return [
      { call: { name: 'mshtools-deploy_website', arguments: { type: 'static', local_dir: '/mnt/okcomputer/output' } } },
    ];
  return [{ text: 'The page is there.' }];
}

/** Every secret that the keyring of this session holds, by the tool of the desktop. */
function keyring(account) {
  return execFileSync('secret-tool', ['search', '--all', 'username', account], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('a model of one’s own answers, and its key is in the keychain only', async () => {
  const server = await startModelServer({ key: KEY, model: MODEL, script });
  try {
    await journey({ name: 'own-model' }, async (window, reopen) => {
      await window.see(id.firstRun);
      await window.click(id.firstRunOwn);
      await window.type(id.profileName, 'Mine');
      await window.type(id.profileBaseUrl, server.address);
      await window.type(id.profileModel, MODEL);
      await window.type(id.profileKey, 'not-the-key');
      await window.click(id.profileTest);
      const report = await window.see(id.connectionReport);
      await window.until(
        'the refused key is named',
        async () => (await window.all(id.connectionCheck, { status: 'failed' })).length > 0,
      );
      await window.picture('refused');
      await window.type(id.profileKey, KEY);
      await window.click(id.profileTest);
      await window
        .until(
          'the connection is good',
          async () =>
            (await window.all(id.connectionCheck, { status: 'failed' })).length === 0 &&
            (await window.all(id.connectionCheck, { status: 'ok' })).length >= 4,
        )
        .catch(async (error) => {
          throw new Error(`${error.message}: ${await report.getText()}`, { cause: error });
        });
      await window.picture('tested');
      await window.click(id.firstRunSave);
      await window.see(id.composerInput);

      await runTurn(window, 'Write me a page', 1);
      assert.match(await previewText(window, (text) => text.includes('scripted')), /Written by the scripted server ✓/);
      assert.ok(Object.values(filesIn(workspaceOf(window))).includes(Buffer.from(PAGE).toString('latin1')));
      assert.match(await window.text(id.turnUsage), /\d/);
      await window.picture('answered');

      const chats = server.chats().length;
      assert.ok(chats >= 3, `${chats} requests`);
      assert.match(keyring(`model/${profileCalled(window, 'Mine')}`), new RegExp(`secret = ${KEY}`));
      assert.equal(await window.browser.execute((key) => document.documentElement.outerHTML.includes(key), KEY), false);

      await window.close();
      window = await reopen();
      await window.see(id.composerInput);
      await runTurn(window, 'Once more', 2);
      assert.ok(server.chats().length > chats, 'the kept key was used after a restart');

      const forms = [KEY, Buffer.from(KEY).toString('base64').slice(0, -4), Buffer.from(KEY).toString('hex')];
      assert.deepEqual(filesHolding(process.env.OKCVM_E2E_BASE, forms), []);
    });
  } finally {
    await server.stop();
  }
});
