// The window in Chinese: what is ours is Chinese in every panel, and so are the refusals that people meet.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { dragFiles } from '../harness/dragFiles.mjs';
import { fileDialog } from '../harness/fileDialog.mjs';
import { chooseDemo, middleOf, previewText, runTurn, turns, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

/** Words of others: of the user, of the model, of files, of programs. Ours must not hide behind them. */
const THEIRS = [
  id.userMessage,
  id.itemText,
  id.itemReasoning,
  id.sessionTitle,
  id.todoRow,
  id.fileRow,
  id.attachment,
  id.logLines,
  id.changesDiff,
];
/** Names that are the same in every language. */
const NAMES =
  /OKCVM|OpenAI|Anthropic Messages|chat completions|LM Studio|Landlock|llama\.cpp|Ollama|Apache License|Python|Jupyter/gi;

test('in Chinese nothing of ours is English', (t) =>
  journey({ name: 'chinese' }, async (window) => {
    const { browser } = window;
    const outside = mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'chinese-'));
    const english = async (where) => {
      const found = await browser.execute(readOurs, THEIRS);
      const left = found
        .map((text) => text.replaceAll(NAMES, ''))
        .filter(
          (text) => /[A-Za-z]{2,}[ ,]+[A-Za-z]{2,}[ ,]+[A-Za-z]{2,}/.test(text) || /^[A-Z][a-z]{3,}[.:!]?$/.test(text),
        );
      return left.map((text) => `${where}: ${text}`);
    };
    const none = async (where) => {
      await window.picture(where);
      seen.push(...(await english(where)));
    };
    const seen = [];

    await chooseDemo(window);
    assert.ok((await english('before')).length > 3, 'what is English is found as long as it is');
    await window.click(id.settingsOpen);
    await window.click(id.settingsSection, { attributes: { section: 'appearance' } });
    await (await window.see(id.languageSelect)).selectByAttribute('value', 'zh');
    await window.until('the page is Chinese', () => browser.execute(() => document.documentElement.lang === 'zh-CN'));
    await window.click(id.settingsClose);

    await stage(t, 'a turn of the demo, and every panel after it', async () => {
      await none('empty');
      await runTurn(window, 'Make a website about a bicycle workshop', 1);
      await previewText(window);
      await none('conversation');
      for (const tab of ['tabTree', 'tabChanges', 'tabTimeline']) {
        await window.click(id[tab]);
        await none(tab);
      }
      await window.click(id.tabTree);
      const [{ node }] = await turns(window);
      await window.click(id.treeNode, { attributes: { node } });
      await none('node');
    });

    await stage(t, 'every section of the settings', async () => {
      await window.click(id.settingsOpen);
      for (const section of ['models', 'keys', 'limits', 'appearance', 'tools', 'python', 'logs', 'about']) {
        await window.click(id.settingsSection, { attributes: { section } });
        await none(`settings-${section}`);
      }
      await window.click(id.settingsClose);
    });

    await stage(
      t,
      'what is left out of an import, a folder that is refused, a program that is not started',
      async () => {
        const odd = join(outside, 'odd');
        mkdirSync(odd);
        writeFileSync(join(odd, 'plain.txt'), 'plain\n');
        symlinkSync('/etc/hostname', join(odd, 'link.txt'));
        execFileSync('mkfifo', [join(odd, 'pipe')]);
        writeFileSync(join(odd, 'huge.bin'), '');
        truncateSync(join(odd, 'huge.bin'), 20_000_000_000);
        await dragFiles([odd], await middleOf(window, await window.see(id.composerInput)));
        await window.see(id.importDialog);
        await none('skipped');
        await (await (await window.see(id.importDialog)).$('footer button:last-child')).click();
        // Other journeys read all files of the session, and one of these is large.
        rmSync(odd, { recursive: true });

        for (const folder of ['/', process.env.HOME, '/usr']) {
          await window.click(id.sessionNewMenu);
          await window.click(id.sessionNewFolder);
          const dialog = await fileDialog(window);
          assert.equal(dialog.title, '在此文件夹中工作');
          await dialog.type(folder);
          await dialog.accept();
        }
        await window.until('three refusals', async () => (await window.told()).length >= 3);
        await none('refused');

        writeFileSync(join(workspaceOf(window), 'run-me.sh'), '#!/bin/sh\n');
        const row = await window.see(id.fileRow, { attributes: { path: 'run-me.sh' } });
        await row.scrollIntoView();
        await row.moveTo();
        await (await row.$(`[data-testid="${id.fileMenu}"]`)).click();
        await window.click(id.fileOpen);
        await window.until('a fourth message', async () => (await window.told()).length >= 4);
        await none('program');
      },
    );

    await stage(t, 'the palette and the keys', async () => {
      await browser.keys(['Control', 'k']);
      await window.see(id.paletteInput);
      await none('palette');
      await browser.keys('Escape');
    });
    assert.deepEqual([...new Set(seen)], []);
  }));

/** Runs in the page: every text that is seen, and every name and hint of a control, but for those of others. */
function readOurs(theirs) {
  const others = [
    ...theirs.map((name) => `[data-testid="${name}"]`),
    'pre',
    'code',
    '.mono',
    'kbd',
    'h1',
    'select',
  ].join(',');
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest(others) || element.closest('script, style') || element.getClientRects().length === 0) continue;
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data.trim());
    else
      for (const name of ['title', 'placeholder', 'aria-label']) {
        const value = element.getAttribute(name);
        if (value) found.push(value.trim());
      }
  }
  return found.filter((text) => text !== '');
}
