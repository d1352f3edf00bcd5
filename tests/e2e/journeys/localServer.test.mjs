// A model server that runs on this machine is found by the first-run page and taken with one click.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startModelServer } from '../harness/modelServer.mjs';
import { retryLast, runTurn, send, waitForTurn } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

const MODEL = 'llama3.2:latest';

/** The ports on which the app looks, and how the server there is told from others. */
const KINDS = [
  {
    name: 'Ollama',
    port: 11_434,
    // As its documentation has it: https://docs.ollama.com/api/tags
    pages: {
      '/api/tags': {
        models: [
          { name: 'nomic-embed-text:latest', model: 'nomic-embed-text:latest', size: 274_302_450 },
          { name: MODEL, model: MODEL, size: 2_019_393_189 },
        ],
      },
    },
  },
  { name: 'LM Studio', port: 1234, pages: {} },
];

/** A server of the first kind whose port is free on this machine. */
async function startServer() {
  for (const kind of KINDS) {
    const options = { model: MODEL, script: () => [{ text: 'I run on this machine.' }], ...kind };
    const server = await startModelServer(options).catch((error) => {
      if (error.code === 'EADDRINUSE') return undefined;
      throw error;
    });
    if (server !== undefined) return { ...server, name: kind.name };
  }
  return undefined;
}

test('a model server on this machine is found and taken with one click', async (t) => {
  let server = await startServer();
  if (server === undefined) {
    t.skip(`the ports ${KINDS.map(({ port }) => port).join(' and ')} are taken by other programs`);
    return;
  }
  try {
    await journey({ name: 'local-server' }, async (window) => {
      await stage(t, 'the first run shows it by name, with its model', async () => {
        await window.see(id.firstRun);
        const shown = await window.text(id.firstRunServer);
        assert.ok(shown.includes(server.name), shown);
        assert.ok(shown.includes(MODEL), shown);
        await window.picture('found');
      });

      await stage(t, 'one click, and it answers', async () => {
        await window.click(id.firstRunServer);
        await window.see(id.composerInput);
        await runTurn(window, 'Where do you run?', 1);
        assert.match(await window.text(id.itemText), /I run on this machine\./);
        assert.equal(server.chats().at(-1).body.model, MODEL);
        await window.picture('answered');
      });

      await stage(t, 'a server that is gone is named, and a retry finds it when it is back', async () => {
        await server.stop();
        await send(window, 'Are you still there?');
        await waitForTurn(window, 2, 'failed');
        assert.match(await window.text(id.turnError), /cannot be reached/);
        await window.picture('gone');
        server = await startServer();
        await retryLast(window);
        await waitForTurn(window, 2);
      });
    });
  } finally {
    await server.stop();
  }
});
