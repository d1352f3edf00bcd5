// A machine without a keychain: it is said, memory or an encrypted file is offered, and the file is what it says.
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { startModelServer } from '../harness/modelServer.mjs';
import { startBareBus } from '../harness/standInDesktop.mjs';
import { filesHolding, profileCalled, retryLast, runTurn, send, waitForTurn } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

const secret = () => Math.random().toString(36).slice(2);
const KEY = `canary-${secret()}-${secret()}`;
const PASSPHRASE = `three Words ${secret()}`;

test('without a keychain a key lives in memory, or in a file that only its passphrase opens', async (t) => {
  const bus = await startBareBus(mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'bus-')));
  const server = await startModelServer({ key: KEY, model: 'scripted-1', script: () => [{ text: 'Answered.' }] });
  const env = { DBUS_SESSION_BUS_ADDRESS: bus.address };
  try {
    await journey({ name: 'no-keychain', env }, async (window, reopen) => {
      const says = (pattern) =>
        window.until(`${pattern} is said`, async () => (await window.told()).some((text) => pattern.test(text)));
      const backend = async (expected) => {
        const shown = await window.see(id.secretBackend);
        await window.until(`keys in ${expected}`, async () => (await shown.getAttribute('data-backend')) === expected);
        return shown;
      };
      const openKeys = async () => {
        await window.click(id.settingsOpen);
        await window.click(id.settingsSection, { attributes: { section: 'keys' } });
        await window.see(id.secretBackend);
      };
      const closeSettings = async () => {
        await window.click(id.settingsClose);
        await window.gone(id.settings);
      };

      await stage(t, 'the first run says so before a key is lost', async () => {
        await window.see(id.firstRun);
        await window.click(id.firstRunOwn);
        await window.type(id.profileName, 'Mine');
        await window.type(id.profileBaseUrl, server.address);
        await window.type(id.profileModel, 'scripted-1');
        await window.type(id.profileKey, KEY);
        await window.picture('unsettled');
        await window.click(id.firstRunSave);
        await says(/No place for keys has been chosen/);
        await window.see(id.firstRun);
        await window.click(id.profileKeysOpen);
        assert.match(await window.text(id.settings), /The keychain of this system cannot be used/);
        await backend('none');
        await window.picture('choice');
      });

      await stage(t, 'memory keeps it for this run', async () => {
        await window.click(id.secretMemory);
        await backend('memory');
        await closeSettings();
        assert.equal(await (await window.find(id.profileKey)).getValue(), KEY, 'what was typed is still there');
        await window.click(id.firstRunSave);
        await window.see(id.composerInput);
        await runTurn(window, 'First', 1);
        await window.close();
        window = await reopen();
        await window.see(id.composerInput);
        await send(window, 'Second');
        await waitForTurn(window, 2, 'failed');
        assert.match(await window.text(id.turnError), /wants a key/);
        await window.picture('forgotten');
      });

      await stage(t, 'an encrypted file wants a passphrase of some length, and then keeps it', async () => {
        await openKeys();
        await window.type(id.secretPassphrase, PASSPHRASE);
        await window.click(id.secretUseFile);
        await backend('encryptedFile');
        await window.picture('file');
        await window.click(id.settingsSection, { attributes: { section: 'models' } });
        const row = await window.see(id.profileRow, { attributes: { profile: profileCalled(window, 'Mine') } });
        await (await row.$(`[data-testid="${id.profileEdit}"]`)).click();
        await window.type(id.profileKey, KEY);
        await window.click(id.profileSave);
        await window.gone(id.profileSave);
        await closeSettings();
        await runTurn(window, 'Third', 3);
      });

      await stage(
        t,
        'after a restart the window asks for the passphrase; a wrong one is refused in words',
        async () => {
          await window.close();
          window = await reopen();
          await window.see(id.keysLocked);
          await window.picture('locked');
          await send(window, 'Fourth');
          await waitForTurn(window, 4, 'failed');
          assert.match(await (await window.all(id.turnError)).at(-1).getText(), /key file .* is locked/);
          await window.click(id.keysUnlock);
          await backend('encryptedFile');
          assert.doesNotMatch(
            await window.text(id.settings),
            /cannot be used/,
            'a file was chosen, so nothing is wrong',
          );
          await window.click(id.secretKeychain);
          await says(/The keychain of the system cannot be used/);
          await window.type(id.secretPassphrase, 'not the passphrase');
          await window.click(id.secretUseFile);
          await says(/The passphrase does not open the key file/);
          await window.picture('wrong');
          assert.equal(await (await backend('encryptedFile')).getAttribute('data-locked'), 'true');
          await window.type(id.secretPassphrase, PASSPHRASE);
          await window.click(id.secretUseFile);
          await window.until(
            'the file is open',
            async () => (await (await backend('encryptedFile')).getAttribute('data-locked')) === 'false',
          );
          await closeSettings();
          await window.gone(id.keysLocked);
          await retryLast(window);
          await waitForTurn(window, 4);
        },
      );

      await stage(t, 'neither key nor passphrase lies in a file', async () => {
        await window.close();
        const forms = [KEY, PASSPHRASE].flatMap((text) => [
          text,
          Buffer.from(text).toString('base64').slice(0, -4),
          Buffer.from(text).toString('hex'),
        ]);
        assert.deepEqual(filesHolding(process.env.OKCVM_E2E_BASE, forms), []);
      });

      await stage(t, 'where there is a keychain, it can be chosen again', async () => {
        window = await reopen({ env: {} });
        await openKeys();
        await window.click(id.secretKeychain);
        await backend('keychain');
        await window.picture('keychain');
      });
    });
  } finally {
    await server.stop();
    await bus.stop();
  }
});
