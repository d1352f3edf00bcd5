// A file that is dropped on the window by another program.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { dragFiles } from '../harness/dragFiles.mjs';
import { chooseDemo, filesIn, middleOf, previewText, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey } from '../harness/window.mjs';

const NAME = 'harbour traffic ü.csv';
const TABLE = 'Harbour,Ships\nOstervik,412\nNordhavn,377\nKvarnby,129\n';

test('a dropped table is copied in, attached, and becomes a site', () =>
  journey({ name: 'drop' }, async (window) => {
    await chooseDemo(window);
    const file = join(mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'dropped-')), NAME);
    writeFileSync(file, TABLE);
    const target = await middleOf(window, await window.see(id.composerInput));
    await dragFiles([file], target, async () => {
      await window.see(id.dropOverlay);
      await window.picture('hovering');
    });
    await window.gone(id.dropOverlay);
    assert.ok((await window.text(id.attachment)).includes(NAME));
    const copied = Object.entries(filesIn(workspaceOf(window))).filter(([path]) => path.endsWith(NAME));
    assert.deepEqual(
      copied.map(([, content]) => Buffer.from(content, 'latin1').toString('utf8')),
      [TABLE],
    );
    assert.equal(readFileSync(file, 'utf8'), TABLE);
    await runTurn(window, 'Make a website about this table', 1);
    const page = await previewText(window, (text) => text.includes('Ostervik'));
    assert.match(page, /412/);
    await window.picture('site');
  }));
