// From the first start to a site, a change of it, back by the tree, and forward again.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chooseDemo, filesIn, previewText, runTurn, turns, waitForTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, TURN, WIDE, journey, stage } from '../harness/window.mjs';

test('the demo makes a site, changes it, and every moment can be had back', (t) =>
  journey({ name: 'demo' }, async (window) => {
    let first;
    let second;
    let filesOfFirst;
    let filesOfSecond;
    let pageOfFirst;
    let pageOfSecond;

    await stage(t, 'the first run leads to the demo, which says what it is', async () => {
      await window.see(id.firstRun);
      await window.picture('first-run');
      await window.resize(NARROW);
      await window.picture('first-run-narrow');
      await window.resize(WIDE);
      await chooseDemo(window);
      assert.match(await window.text(id.demoBadge), /\S/);
    });

    await stage(t, 'a message makes a site that the preview shows', async () => {
      first = await runTurn(window, 'Make a website about a bicycle workshop', 1);
      pageOfFirst = await previewText(window);
      filesOfFirst = filesIn(workspaceOf(window));
      const page = Object.entries(filesOfFirst).find(([path]) => path.endsWith('index.html'));
      assert.ok(page, `no index.html among ${Object.keys(filesOfFirst)}`);
      const heading = pageOfFirst.split('\n')[0].trim();
      assert.ok(
        Buffer.from(page[1], 'latin1').toString('utf8').toLowerCase().includes(heading.toLowerCase()),
        `${heading} is not in ${page[0]}`,
      );
      await window.see(id.artifact);
      await window.picture('site');
      await window.resize(NARROW);
      await window.picture('site-narrow');
      await window.resize(WIDE);
    });

    await stage(t, 'a second message changes it', async () => {
      second = await runTurn(window, 'Change the title to "Spokes and Chains" and make it green', 2);
      pageOfSecond = await previewText(window, (text) => text.toLowerCase().includes('spokes and chains'));
      filesOfSecond = filesIn(workspaceOf(window));
      assert.notDeepEqual(filesOfSecond, filesOfFirst);
      await window.picture('changed');
    });

    await stage(t, 'the tree leads back one node: files, conversation and page', async () => {
      await window.click(id.tabTree);
      await window.see(id.treeNode, { attributes: { node: second } });
      await window.picture('tree');
      const node = await window.see(id.treeNode, { attributes: { node: first } });
      await node.click();
      await (await node.$(`[data-testid="${id.treeNodeRestore}"]`)).click();
      await window.see(id.restoreDialog);
      await window.see(id.restoreChange);
      await window.picture('restore');
      await window.click(id.restoreApply);
      await window.gone(id.restoreDialog, { timeout: TURN });
      assert.equal(await waitForTurn(window, 1), first);
      assert.deepEqual(filesIn(workspaceOf(window)), filesOfFirst);
      await window.click(id.tabPreview);
      assert.equal(await previewText(window, (text) => text === pageOfFirst), pageOfFirst);
    });

    await stage(t, 'and the restore itself is undone', async () => {
      await window.click(id.tabTree);
      await window.click(id.treeUndo);
      assert.equal(await waitForTurn(window, 2), second);
      assert.deepEqual(filesIn(workspaceOf(window)), filesOfSecond);
      await window.click(id.tabPreview);
      assert.equal(await previewText(window, (text) => text === pageOfSecond), pageOfSecond);
    });

    await stage(t, 'each panel has something true to show', async () => {
      await window.click(id.tabChanges);
      await window.see(id.changesFile);
      await window.picture('changes');
      await window.click(id.tabTimeline);
      await window.see(id.timelineSpan);
      await window.picture('timeline');
      assert.deepEqual(
        (await turns(window)).map(({ status }) => status),
        ['completed', 'completed'],
      );
    });
  }));
