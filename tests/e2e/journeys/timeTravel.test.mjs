// Anywhere in the tree and back: single files, one turn, branches, the trash, comparing, the history of a file, room.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { chooseDemo, filesIn, runTurn, send, turns, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { NARROW, WIDE, journey, stage } from '../harness/window.mjs';

const NOTES = 'notes.txt';

test('every moment is reached and left again, and nothing is lost on the way', (t) =>
  journey({ name: 'timeTravel' }, async (window, reopen) => {
    let workspace;
    /** The node and the files after each turn. */
    const nodes = [];
    const moments = [];
    let page;
    let sheet;
    let afterHand;

    const tree = () => window.click(id.tabTree);
    const files = () => filesIn(workspace);
    const holds = async (expected, what) => {
      await window.until(what, () => JSON.stringify(files()) === JSON.stringify(expected)).catch(() => {});
      assert.deepEqual(files(), expected, what);
    };
    /** Undo or redo, until the window offers the way back. */
    const move = async (button) => {
      await window.click(button);
      const back = await window.see(button === id.treeUndo ? id.treeRedo : id.treeUndo);
      await window.until('the way back', () => back.isEnabled());
      assert.equal((await window.all(id.toast, { kind: 'error' })).length, 0);
    };
    /** The row of a node, chosen so that its buttons are there. */
    const rowOf = async (node) => {
      const row = await window.see(id.treeNode, { attributes: { node } });
      await row.click();
      return row;
    };
    const fromMenu = async (node, item) => {
      const row = await rowOf(node);
      await (await row.$(`[data-testid="${id.treeNodeMenu}"]`)).click();
      await window.click(item);
    };
    const listed = async (name) =>
      (
        await window.browser.execute(
          (selector) => [...document.querySelectorAll(selector)].map((row) => row.dataset.path),
          `[data-testid="${name}"]`,
        )
      ).sort();
    const close = async (dialog) => {
      await window.browser.keys('Escape');
      await window.gone(dialog);
    };
    const pictures = async (label) => {
      const themes = async (suffix) => {
        for (const theme of ['dark', 'light']) {
          await window.browser.execute((name) => (document.documentElement.dataset.theme = name), theme);
          await window.picture(`${label}-${theme}${suffix}`);
        }
      };
      await themes('');
      await window.resize(NARROW);
      await themes('-narrow');
      await window.resize(WIDE);
    };
    const endsWith = (node) =>
      window.until('the conversation ends with the node', async () => (await turns(window)).at(-1)?.node === node);
    const turn = async (words) => {
      await send(window, words);
      nodes.push(
        await window.until(`the end of “${words}”`, async () => {
          // Of a long conversation only what is in sight is there.
          const last = (await turns(window)).at(-1);
          return last?.status === 'completed' && !nodes.includes(last.node) && last.node;
        }),
      );
      moments.push(files());
    };

    await stage(t, 'turns and a hand between them', async () => {
      await chooseDemo(window);
      nodes.push(await runTurn(window, 'Make a website about a bicycle workshop', 1));
      workspace = workspaceOf(window);
      moments.push(files());
      page = Object.keys(moments[0]).find((path) => path.endsWith('index.html'));
      sheet = Object.keys(moments[0]).find((path) => path.endsWith('style.css'));
      assert.ok(page && sheet, Object.keys(moments[0]).join(', '));
      writeFileSync(join(workspace, NOTES), 'by hand\n');
      appendFileSync(join(workspace, page), '<!-- by hand -->\n');
      afterHand = files();
      await turn('Change the title to "Spokes and Chains"');
      await turn('Make it green');
      await turn('Make it blue');
    });

    await stage(t, 'the tree shows all of them, what they changed, and whose hand was between', async () => {
      await tree();
      for (const node of nodes) await window.see(id.treeNode, { attributes: { node } });
      const marks = await window.browser.execute(
        (selector) =>
          [...document.querySelectorAll(selector)].map((row) => ({
            node: row.dataset.node,
            current: row.dataset.current,
            hand: row.querySelector('.by-hand')?.textContent.trim().match(/\d+/)?.[0] ?? null,
          })),
        `[data-testid="${id.treeNode}"]`,
      );
      assert.deepEqual(
        marks,
        nodes.map((node, at) => ({ node, current: String(at === 3), hand: at === 1 ? '2' : null })),
      );
      await pictures('tree');
      await fromMenu(nodes[1], id.treeNodeChanges);
      await window.see(id.changesNode, { attributes: { node: nodes[1] } });
      await window.see(id.changesFile, { attributes: { path: page, group: 'turn' } });
      await window.see(id.changesFile, { attributes: { path: NOTES, group: 'user' } });
      await window.click(id.changesFile, { attributes: { path: page, group: 'user' } });
      await window.until('the lines of the hand', async () =>
        (await window.text(id.changesDiff)).includes('<!-- by hand -->'),
      );
      await pictures('changes');
    });

    await stage(t, 'one file is brought back from an older node, and the rest stays', async () => {
      await tree();
      await fromMenu(nodes[0], id.treeNodeChanges);
      await window.click(id.changesFile, { attributes: { path: sheet } });
      await window.click(id.linesRestore);
      await window.see(id.restoreDialog);
      await window.see(id.restoreChange, { attributes: { path: sheet, kind: 'modified' } });
      assert.deepEqual(await listed(id.restoreChange), [sheet]);
      await pictures('restore-file');
      await window.click(id.restoreApply);
      await window.gone(id.restoreDialog);
      const restored = { ...moments[3], [sheet]: moments[0][sheet] };
      await holds(restored, 'the file is back');
      await endsWith(nodes[3]);
      await tree();
      await move(id.treeUndo);
      await holds(moments[3], 'taken back');
      await move(id.treeRedo);
      await holds(restored, 'done again');
      await move(id.treeUndo);
      await holds(moments[3], 'taken back again');
    });

    await stage(t, 'only one turn is taken back: what came after it stays, by hand too', async () => {
      appendFileSync(join(workspace, page), '<!-- not recorded -->\n');
      const before = files();
      await tree();
      await fromMenu(nodes[1], id.treeNodeRevert);
      await window.see(id.revertDialog);
      await window.see(id.restoreChange, { attributes: { path: page, kind: 'modified' } });
      assert.deepEqual(await listed(id.restoreChange), [page]);
      assert.match(await window.text(id.restoreUnsaved), /index\.html/);
      await pictures('revert');
      await window.click(id.revertApply);
      await window.gone(id.revertDialog);
      const reverted = { ...before, [page]: `${afterHand[page]}<!-- not recorded -->\n` };
      await holds(reverted, 'the turn is taken back');
      await tree();
      await pictures('reverted');
      await move(id.treeUndo);
      await holds(before, 'the turn is back');
      await move(id.treeRedo);
      await holds(reverted, 'the turn is taken back again');
      await move(id.treeUndo);
      await holds(before, 'the turn is back again');
    });

    await stage(t, 'a turn that is in the way of later ones is listed and touches nothing', async () => {
      const before = files();
      await tree();
      await fromMenu(nodes[2], id.treeNodeRevert);
      await window.see(id.revertConflict, { attributes: { path: sheet } });
      assert.deepEqual(await listed(id.revertConflict), [sheet]);
      assert.equal((await window.all(id.revertApply)).length, 0);
      await pictures('conflict');
      await close(id.revertDialog);
      assert.deepEqual(files(), before);
    });

    await stage(t, 'a branch has the files of its node; the other one goes to the trash and comes back', async () => {
      await tree();
      await (await (await rowOf(nodes[1])).$(`[data-testid="${id.treeNodeFork}"]`)).click();
      await endsWith(nodes[1]);
      await holds(moments[1], 'the files of the second turn');
      await turn('Make it dark');
      await tree();
      await window.until('five nodes', async () => (await window.all(id.treeNode)).length === 5);
      await pictures('branches');
      await fromMenu(nodes[2], id.treeNodeDelete);
      await window.until('three nodes', async () => (await window.all(id.treeNode)).length === 3);
      await holds(moments[4], 'the files stay');
      await window.click(id.treeTrash);
      const branch = await window.see(id.trashBranch, { attributes: { node: nodes[2] } });
      assert.match(await branch.getProperty('innerText'), /2 nodes/);
      await pictures('trash');
      await (await branch.$(`[data-testid="${id.trashRecover}"]`)).click();
      await window.gone(id.trashBranch);
      await window.click(id.treeTrash);
      await window.until('five nodes again', async () => (await window.all(id.treeNode)).length === 5);
      await (await (await rowOf(nodes[3])).$(`[data-testid="${id.treeNodeRestore}"]`)).click();
      await window.see(id.restoreChange);
      await pictures('restore');
      await window.click(id.restoreApply);
      await window.gone(id.restoreDialog);
      await endsWith(nodes[3]);
      await holds(moments[3], 'the files of the recovered branch');
    });

    await stage(t, 'two nodes are compared, down to the lines', async () => {
      await tree();
      await fromMenu(nodes[4], id.treeNodeMark);
      await pictures('marked');
      await fromMenu(nodes[3], id.treeNodeCompareMarked);
      await window.see(id.changesCompared);
      await window.see(id.changesFile, { attributes: { path: sheet, group: 'compare' } });
      const differing = Object.keys(moments[3]).filter((path) => moments[3][path] !== moments[4][path]);
      assert.deepEqual(await listed(id.changesFile), differing.sort());
      await window.click(id.changesFile, { attributes: { path: sheet } });
      await window.until('lines', async () => /[+−]\d/.test(await window.text(id.changesDiff)));
      const [added, removed] = changedLines(moments[4][sheet], moments[3][sheet]);
      const text = await window.text(id.changesDiff);
      for (const line of [...added, ...removed]) assert.ok(text.includes(line.trim()), `${line} is not in ${text}`);
      await pictures('compare');
    });

    await stage(t, 'the history of a file names every change of it and who made it', async () => {
      await window.browser.execute(() => document.activeElement?.blur());
      await (await window.see(id.changesFile, { attributes: { path: sheet } })).moveTo();
      await window.click(id.changesFileHistory);
      await window.see(id.fileMoment);
      await pictures('history');
      const history = await writersOf(window);
      assert.deepEqual(
        history.filter(({ writer }) => writer === 'agent').map(({ kind }) => kind),
        ['modified', 'modified', 'added'],
      );
      await window.click(id.fileMoment, { attributes: { kind: 'added' } });
      await window.until('its first lines', async () => (await window.text(id.changesDiff)).includes('{'));
    });

    await stage(t, 'the room is shown, and tidying changes no file and forgets no moment', async () => {
      await tree();
      await window.click(id.treeHistorySize);
      const shown = await window.see(id.historyUsed);
      const used = Number(await shown.getAttribute('data-bytes'));
      assert.ok(used > 1000, `${used} bytes`);
      await window.click(id.historyTidy);
      await window.until('the outcome', async () => /\S/.test(await window.text(id.historyOutcome)));
      await pictures('usage');
      await window.click(id.settingsClose);
      assert.deepEqual(files(), moments[3]);
      await (await (await rowOf(nodes[0])).$(`[data-testid="${id.treeNodeRestore}"]`)).click();
      await window.see(id.restoreChange);
      await window.click(id.restoreApply);
      await window.gone(id.restoreDialog);
      await holds(moments[0], 'the first moment');
    });

    await stage(t, 'after a kill the undo is still there', async () => {
      await window.killHard();
      window = await reopen();
      await window.see(id.turn);
      assert.deepEqual(files(), moments[0]);
      await tree();
      await move(id.treeUndo);
      await endsWith(nodes[3]);
      await holds(moments[3], 'the files before the kill');
      await move(id.treeRedo);
      await endsWith(nodes[0]);
      await holds(moments[0], 'there again');
    });

    await stage(t, 'git finds no fault in the history', () => {
      const repository = join(dirname(workspace), 'history', 'repository.git');
      const { status, stdout, stderr } = spawnSync('git', ['--git-dir', repository, 'fsck', '--full', '--strict'], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(`${stdout}${stderr}`, /error|warning|missing|broken|dangling/);
      assert.ok(readFileSync(join(repository, 'HEAD'), 'utf8').length > 0);
    });
  }));

/** Who changed the file and how, the latest first. */
function writersOf(window) {
  return window.browser.execute(
    (selector) => [...document.querySelectorAll(selector)].map(({ dataset: { kind, writer } }) => ({ kind, writer })),
    `[data-testid="${id.fileMoment}"]`,
  );
}

/** Lines that only the second text has, and those that only the first has. */
function changedLines(first, second) {
  const only = (one, other) =>
    one.split('\n').filter((line) => line.trim() !== '' && !other.split('\n').includes(line));
  return [only(second, first), only(first, second)];
}
