// Files and folders that are picked in the system's own dialogs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
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

    await stage(t, 'a copy of a moment is saved where one says', async () => {
      const node = await runTurn(window, 'Make a website about a garden', 1);
      const then = filesIn(workspaceOf(window));
      writeFileSync(join(workspaceOf(window), 'later.txt'), 'not of that moment\n');
      const askForCopy = async () => {
        // A key that the dialog did not need may have gone to the row.
        await window.click(id.tabTree);
        const row = await window.see(id.treeNode, { attributes: { node } });
        await row.click();
        await (await row.$(`[data-testid="${id.treeNodeMenu}"]`)).click();
        await window.click(id.treeNodeExport);
        return fileDialog(window);
      };
      const copies = () => readdirSync(outside).filter((name) => name.endsWith('.zip'));
      const saved = (path) =>
        window.until(`${path} is said to be saved`, async () =>
          (await told()).some((text) => text.includes(path) && /saved/.test(text)),
        );
      const inside = (path) =>
        execFileSync('unzip', ['-Z1', path], { encoding: 'utf8' })
          .split('\n')
          .filter((name) => name !== '' && !name.endsWith('/'))
          .sort();

      const first = await askForCopy();
      assert.match(first.title, /copy/i);
      await window.display('save');
      first.press('Escape');
      await first.gone();
      assert.deepEqual(copies(), [], 'a dialog that is cancelled saves nothing');
      assert.equal((await window.all(id.exportProgress)).length, 0);

      const copy = join(outside, 'my garden.zip');
      const second = await askForCopy();
      // The ending is added.
      await second.type(join(outside, 'my garden'));
      await window.display('save-typed');
      await second.accept();
      await saved(copy);
      await window.picture('saved');
      assert.deepEqual(inside(copy), Object.keys(then).sort());
      for (const [name, content] of Object.entries(then)) {
        const kept = execFileSync('unzip', ['-p', copy, name]);
        assert.equal(kept.toString('latin1'), content, name);
      }

      // A name that is taken is asked about, once for keeping it and once for replacing it.
      writeFileSync(copy, 'mine\n');
      const third = await askForCopy();
      await third.type(copy);
      const question = await third.ask();
      await window.display('save-replace');
      question.press('Escape');
      await question.gone();
      await third.cancel();
      assert.equal(readFileSync(copy, 'utf8'), 'mine\n');
      const fourth = await askForCopy();
      await fourth.type(copy);
      (await fourth.ask()).press('alt+r');
      await fourth.gone();
      await window.until('the copy in its place', () => readFileSync(copy).subarray(0, 2).toString() === 'PK');
      assert.deepEqual(inside(copy), Object.keys(then).sort());
      // The node says that a copy was saved.
      await window.click(id.tabTree);
      await window.see(id.treeNodeSaved);
      await window.picture('marked');
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

    await stage(t, 'a session whose folder was moved is told where it is', async () => {
      const moved = join(outside, 'moved project');
      renameSync(mine, moved);
      writeFileSync(join(moved, 'later.txt'), 'mine, too\n');
      // Another session, and back.
      for (const row of [1, 0]) {
        await (await window.all(id.sessionRow))[row].click();
        await sleep(500);
      }
      await window.see(id.sessionMoveFolder);
      await window.picture('folder-missing');
      await window.click(id.sessionMoveFolder);
      const first = await fileDialog(window);
      first.press('Escape');
      await first.gone();
      await window.see(id.sessionMoveFolder);
      await window.click(id.sessionMoveFolder);
      const dialog = await fileDialog(window);
      await dialog.type(moved);
      await dialog.accept();
      await window.gone(id.readOnlyBanner);
      await window.see(id.fileRow, { attributes: { path: 'later.txt' } });
      await window.picture('folder-found');
      await runTurn(window, 'Make a to-do list for autumn', 2);
      assert.deepEqual(Object.keys(filesIn(moved)).sort(), ['later.txt', 'notes.txt']);
    });
  });
});
