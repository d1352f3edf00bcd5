// Files and folders that are picked in the system's own dialogs.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { dialogsOf, fileDialog } from '../harness/fileDialog.mjs';
import { chooseDemo, filesIn, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

test('files and folders are picked in the dialogs of the system', (t) => {
  const outside = mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'picked-'));
  const mine = join(outside, 'my project');
  mkdirSync(mine);
  writeFileSync(join(mine, 'notes.txt'), 'mine\n');
  writeFileSync(join(outside, 'one table.csv'), 'a,b\n1,2\n');

  return journey({ name: 'dialogs' }, async (window) => {
    await chooseDemo(window);
    const sessions = async () => (await window.all(id.sessionRow)).length;
    const askForFolder = async () => {
      await window.click(id.sessionNewMenu);
      await window.click(id.sessionNewFolder);
      return fileDialog(window);
    };
    const told = () => window.told();

    await stage(t, 'a dialog that is cancelled changes nothing, and a second click opens no second one', async () => {
      await window.click(id.composerAttach);
      const dialog = await fileDialog(window);
      await window.display('files');
      await window.click(id.composerAttach);
      await sleep(1500);
      assert.equal(dialogsOf(window).length, 1, 'one dialog at a time');
      dialog.press('Escape');
      await dialog.gone();
      assert.equal((await window.all(id.attachment)).length, 0);
      assert.deepEqual(await told(), []);
    });

    await stage(t, 'a picked file is copied in and attached', async () => {
      await window.click(id.composerAttach);
      const dialog = await fileDialog(window);
      await dialog.type(join(outside, 'one table.csv'));
      await window.display('file-typed');
      await dialog.accept();
      await window.see(id.attachment, { attributes: { path: 'one table.csv' } });
      assert.equal(readFileSync(join(workspaceOf(window), 'one table.csv'), 'utf8'), 'a,b\n1,2\n');
    });

    await stage(t, 'a folder that is no good is refused with the reason', async () => {
      const before = await sessions();
      for (const [folder, reason] of [
        [process.env.OKCVM_E2E_BASE + '/home', /home/],
        ['/', /root of the file system/],
      ]) {
        const dialog = await askForFolder();
        await dialog.type(folder);
        await dialog.accept();
        await window.until('the reason', async () => (await told()).some((text) => reason.test(text)));
        await window.picture(`refused-${folder === '/' ? 'root' : 'home'}`);
      }
      const dialog = await askForFolder();
      dialog.press('Escape');
      await dialog.gone();
      assert.equal(await sessions(), before);
    });

    await stage(
      t,
      'a folder of one’s own becomes the workspace, and gets nothing but what the agent makes',
      async () => {
        const before = await sessions();
        const dialog = await askForFolder();
        await dialog.type(mine);
        await window.display('folder-typed');
        await dialog.accept();
        await window.until('one session more', async () => (await sessions()) === before + 1);
        await window.see(id.fileRow, { attributes: { path: 'notes.txt' } });
        await runTurn(window, 'Make a to-do list for spring cleaning', 1);
        await window.picture('own-folder');
        assert.equal(readFileSync(join(mine, 'notes.txt'), 'utf8'), 'mine\n');
        assert.deepEqual(Object.keys(filesIn(mine)), ['notes.txt'], 'a turn that made no files leaves none');
      },
    );
  });
});
