// The stop button, in the middle of a turn at a human pace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { chooseDemo, filesIn, send, turns, waitForTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { SOON, TURN, journey } from '../harness/window.mjs';

test('a turn that is stopped ends at once and leaves nothing running', () =>
  journey({ name: 'stop', pace: 'human' }, async (window) => {
    await chooseDemo(window);
    await send(window, 'Make a website about a bicycle workshop');
    await window.see(id.itemText, { timeout: TURN });
    assert.equal((await turns(window))[0].status, 'running');
    const before = window.processes();
    const asked = Date.now();
    await window.click(id.composerStop);
    await waitForTurn(window, 1, 'interrupted', SOON);
    const took = Date.now() - asked;
    // Finding and clicking the button through the driver is most of it.
    assert.ok(took < 5000, `the stop took ${took} ms`);
    await window.picture('stopped');
    const files = filesIn(workspaceOf(window));
    await sleep(1500);
    assert.deepEqual(filesIn(workspaceOf(window)), files, 'something still writes');
    assert.deepEqual(
      window.processes().filter((pid) => !before.includes(pid)),
      [],
    );
    assert.deepEqual(
      (await turns(window)).map(({ status }) => status),
      ['interrupted'],
    );
    await window.click(id.turnContinue);
    await window.until('it goes on', async () => (await turns(window)).some(({ status }) => status === 'running'));
    await window.click(id.composerStop);
    await window.gone(id.composerStop);
  }));
