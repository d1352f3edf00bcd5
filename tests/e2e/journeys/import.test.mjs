// Large and odd things that are dropped on the window: progress, cancel, what is left out, names that are taken, limits.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { dragFiles } from '../harness/dragFiles.mjs';
import { chooseDemo, filesIn, middleOf, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, newHome, stage } from '../harness/window.mjs';

const FILES = 200;
const BYTES = 10_000_000;
/** So many attachments the composer shows at most. */
const CHIPS = 12;

test('a large folder shows its progress and can be stopped; what is left out is named', async (t) => {
  const outside = mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'import-'));
  const large = join(outside, 'large');
  mkdirSync(large);
  for (let number = 0; number < FILES; number += 1) {
    const file = join(large, `file ${String(number).padStart(4, '0')}.bin`);
    writeFileSync(file, '');
    // Here it takes no room; its copy does, until it is stopped.
    truncateSync(file, BYTES);
  }
  const odd = join(outside, 'odd');
  mkdirSync(odd);
  writeFileSync(join(odd, 'plain.txt'), 'plain\n');
  symlinkSync('/etc/hostname', join(odd, 'link.txt'));
  symlinkSync('/etc', join(odd, 'folder link'));
  execFileSync('mkfifo', [join(odd, 'pipe')]);
  const socket = createServer().listen(join(odd, 'socket'));

  const home = newHome();
  try {
    await journey({ name: 'import', home }, async (window) => {
      const drop = async (...files) => dragFiles(files, await middleOf(window, await window.see(id.composerInput)));
      const dialog = () => window.text(id.importDialog);
      const close = async () => {
        await (await (await window.see(id.importDialog)).$('footer button:last-child')).click();
        await window.gone(id.importDialog);
      };
      await chooseDemo(window);

      await stage(t, 'a large folder shows how far it is, and stops when told', async () => {
        await drop(large);
        await window.until('files are copied', async () => {
          const text = await window.text(id.importProgress).catch(() => '');
          return Number(text.match(/^\D*(\d+)/)?.[1] ?? 0) > CHIPS + 2;
        });
        await window.picture('progress');
        await window.click(id.importCancel);
        const said = await (await window.see(id.importDialog)).getText();
        await window.picture('cancelled');
        const copied = Object.entries(filesIn(workspaceOf(window)));
        assert.ok(copied.length > 0 && copied.length < FILES, `${copied.length} files`);
        for (const [path, bytes] of copied) assert.equal(bytes.length, BYTES, `${path} is whole`);
        assert.ok(said.includes(String(copied.length)), `${copied.length} files were copied, and it says: ${said}`);
        await close();
        assert.equal((await window.all(id.attachment)).length, CHIPS);
        assert.ok((await window.text(id.attachmentsMore)).includes(String(copied.length - CHIPS)));
        await window.picture('attached');
        await window.click(id.attachmentsRemove);
        await window.until('no attachment', async () => (await window.all(id.attachment)).length === 0);
      });

      await stage(t, 'links, pipes and sockets are named and left out', async () => {
        await drop(odd);
        const said = await dialog();
        await window.picture('skipped');
        for (const name of ['link.txt', 'folder link', 'pipe', 'socket'])
          assert.ok(said.includes(join(odd, name)), said);
        assert.match(said, /symbolic link/i);
        assert.match(said, /pipe, socket or device/i);
        await close();
        assert.deepEqual(Object.keys(filesIn(join(workspaceOf(window), 'odd'))), ['plain.txt']);
      });

      await stage(t, 'a name that is taken asks: cancel, keep both, replace', async () => {
        writeFileSync(join(odd, 'plain.txt'), 'another\n');
        const target = join(workspaceOf(window), 'plain.txt');
        writeFileSync(target, 'of the agent\n');
        const file = join(odd, 'plain.txt');
        await drop(file);
        assert.match(await dialog(), /plain\.txt/);
        await window.picture('clash');
        await (await (await window.see(id.importDialog)).$('footer button:first-child')).click();
        await window.gone(id.importDialog);
        assert.equal(readFileSync(target, 'utf8'), 'of the agent\n');

        await drop(file);
        await window.click(id.importKeepBoth);
        await window.see(id.attachment, { attributes: { path: 'plain (2).txt' } });
        assert.equal(readFileSync(target, 'utf8'), 'of the agent\n');

        await drop(file);
        await window.click(id.importReplace);
        await window.see(id.attachment, { attributes: { path: 'plain.txt' } });
        assert.equal(readFileSync(target, 'utf8'), 'another\n');
      });

      await stage(t, 'the limit for one file is said with its number', async () => {
        const huge = join(outside, 'huge.bin');
        writeFileSync(huge, '');
        truncateSync(huge, 20_000_000_000);
        await drop(huge);
        const said = await dialog();
        await window.picture('limit');
        assert.match(said, /huge\.bin/);
        assert.match(said, /20000\.0 MB.*limit for one file is/);
        await close();
        assert.equal(Object.keys(filesIn(workspaceOf(window))).includes('huge.bin'), false);
      });
    });
  } finally {
    socket.close();
    // Other journeys read all files of the session, and these are large.
    for (const folder of [outside, home]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
