// A power cut in the middle of a turn, and what is there afterwards.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { chooseDemo, previewText, send, turns, waitForTurn } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { TURN, journey } from '../harness/window.mjs';

const MESSAGE = 'Make a website about a bicycle workshop';

test('after kill -9 the session is there, marked, and goes on', () =>
  journey({ name: 'restart', pace: 'human' }, async (window, reopen) => {
    await chooseDemo(window);
    await send(window, MESSAGE);
    await window.until(
      'some text',
      async () => (await window.all(id.itemText)).length > 0 && (await window.text(id.itemText)).length > 20,
      TURN,
    );
    const seen = (await window.text(id.itemText)).trim();
    // What is on the screen may be a quarter of a second ahead of what is kept.
    await sleep(400);
    await window.killHard();

    window = await reopen({ pace: 'full' });
    await window.see(id.turn);
    assert.deepEqual(
      (await turns(window)).map(({ status }) => status),
      ['interrupted'],
    );
    assert.ok((await window.text(id.userMessage)).includes(MESSAGE));
    const kept = (await window.text(id.itemText)).trim();
    assert.ok(kept.startsWith(seen), `seen before the end: ${seen}\nkept: ${kept}`);
    await window.picture('after');
    await window.click(id.turnContinue);
    await window.until(
      'the continued turn ends',
      async () => (await turns(window)).at(-1).status === 'completed',
      TURN,
    );
    assert.match(await previewText(window), /\S/);
    const all = await turns(window);
    await waitForTurn(window, all.length);
    await window.picture('continued');
  }));
