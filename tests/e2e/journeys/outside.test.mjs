// Things that are opened outside of the window: files, folders, sites, links. And a machine where nothing opens them.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { installViewer, pathWithoutLaunchers, startBareBus, startDesktop } from '../harness/standInDesktop.mjs';
import { chooseDemo, previewText, runTurn, workspaceOf } from '../harness/steps.mjs';
import { startModelServer } from '../harness/modelServer.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

const TABLE = 'harbour ü & co.csv';
const LINK = 'https://site.example/path?a=1&b=%20two#part';

test('files, folders, sites and links are opened by the desktop, and a machine that cannot says so', async (t) => {
  const folder = mkdtempSync(join(process.env.OKCVM_E2E_BASE, 'outside-'));
  const viewer = installViewer(folder);
  const desktop = await startDesktop();
  const bus = await startBareBus(folder);
  const server = await startModelServer({
    key: 'a-key',
    model: 'scripted-1',
    script: () => [{ text: `Read [the page](${LINK}) about it.` }],
  });
  try {
    await journey({ name: 'outside', env: viewer.env }, async (window, reopen) => {
      const menu = async (path, item) => {
        const row = await window.see(id.fileRow, { attributes: { path } });
        await row.moveTo();
        await (await row.$(`[data-testid="${id.fileMenu}"]`)).click();
        await window.click(item);
      };
      const says = (what, pattern) =>
        window.until(what, async () => (await window.told()).some((text) => pattern.test(text)));
      let workspace;

      await chooseDemo(window);
      await runTurn(window, 'Make a website about a bicycle workshop', 1);
      await previewText(window);
      workspace = workspaceOf(window);
      writeFileSync(join(workspace, TABLE), 'a,b\n1,2\n');
      writeFileSync(join(workspace, 'run-me.sh'), '#!/bin/sh\ntouch ran\n');

      await stage(t, 'a file is opened in the program of the desktop', async () => {
        await menu(TABLE, id.fileOpen);
        const [asked] = await viewer.asked(1);
        assert.ok([join(workspace, TABLE), pathToFileURL(join(workspace, TABLE)).href].includes(asked), asked);
      });

      await stage(t, 'a program is not started', async () => {
        await menu('run-me.sh', id.fileOpen);
        await says('the refusal', /run-me\.sh is a program and is not started from here/);
        await window.picture('program');
      });

      await stage(t, 'a file is shown in the file manager', async () => {
        await menu(TABLE, id.fileReveal);
        const [[files]] = await desktop.hear('ShowItems');
        assert.deepEqual(
          files.map((file) => decodeURI(file)),
          [`file://${join(workspace, TABLE)}`],
        );
      });

      await stage(t, 'the published site is opened in the browser, and is there', async () => {
        await window.click(id.previewOpenBrowser);
        const address = (await viewer.asked(2))[1];
        assert.match(address, /^http:\/\/[\w-]+\.localhost:\d+\/$/);
        const url = new URL(address);
        const answer = await fetch(`http://127.0.0.1:${url.port}/`, { headers: { host: url.host } });
        console.log(address, answer.status);
      });

      await stage(t, 'where no file manager answers, the folder is opened instead', async () => {
        await desktop.stop();
        await window.close();
        window = await reopen({ env: { ...viewer.env, DBUS_SESSION_BUS_ADDRESS: bus.address } });
        await menu(TABLE, id.fileReveal);
        await window.picture('revealed');
        console.log(await window.told());
      });

      await stage(t, 'where nothing opens files or links, the window says so and goes on', async () => {
        await window.close();
        window = await reopen({
          env: {
            ...viewer.env,
            DBUS_SESSION_BUS_ADDRESS: bus.address,
            PATH: pathWithoutLaunchers(folder),
            OKCVM_CHAT_BASE_URL: server.address,
            OKCVM_CHAT_MODEL: 'scripted-1',
            OKCVM_CHAT_API_KEY: 'a-key',
          },
        });
        await menu(TABLE, id.fileOpen);
        await says('that the file could not be opened', /harbour ü & co\.csv could not be opened/);
        await window.picture('no-program');
        await menu(TABLE, id.fileReveal);
        await window.click(id.previewOpenBrowser);
        await says('that the site could not be opened', /localhost:\d+\/ could not be opened/);
        console.log(await window.told());
        await window.picture('nothing');
      });
    });
  } finally {
    await server.stop();
    await bus.stop();
    await desktop.stop();
  }
});
