// Things that are opened outside of the window: files, folders, sites, links. And a machine where nothing opens them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { installViewer, pathWithoutLaunchers, startBareBus, startDesktop } from '../harness/standInDesktop.mjs';
import { chooseDemo, previewText, runTurn, workspaceOf } from '../harness/steps.mjs';
import { startModelServer } from '../harness/modelServer.mjs';
import { testids as id } from '../harness/testids.mjs';
import { SOON, journey, stage } from '../harness/window.mjs';

const TABLE = 'harbour ü & co.csv';
const UNKNOWN = 'a thing.okcvm-test';
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
  const model = {
    OKCVM_CHAT_BASE_URL: server.address,
    OKCVM_CHAT_MODEL: 'scripted-1',
    OKCVM_CHAT_API_KEY: 'a-key',
  };
  try {
    await journey({ name: 'outside', env: viewer.env }, async (window, reopen) => {
      const menu = async (path, item) => {
        const row = await window.see(id.fileRow, { attributes: { path } });
        await row.scrollIntoView();
        await row.moveTo();
        await (await row.$(`[data-testid="${id.fileMenu}"]`)).click();
        await window.click(item);
      };
      const followLink = async () => {
        const link = await (await window.all(id.itemText)).at(-1).$('a');
        await link.waitForClickable({ timeout: SOON });
        await link.click();
        assert.equal(await window.text(id.linkUrl), LINK);
        await window.click(id.confirmAccept);
        await window.gone(id.confirmDialog);
      };
      const says = (what, pattern) =>
        window.until(what, async () => (await window.told()).some((text) => pattern.test(text)));
      let workspace;

      await chooseDemo(window);
      await runTurn(window, 'Make a website about a bicycle workshop', 1);
      await previewText(window);
      workspace = workspaceOf(window);
      writeFileSync(join(workspace, TABLE), 'a,b\n1,2\n');
      writeFileSync(join(workspace, UNKNOWN), Buffer.from([0, 1, 2, 255]));
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
        const { host, port } = new URL(address);
        const [answer] = await once(request({ host: '127.0.0.1', port, headers: { host } }).end(), 'response');
        answer.resume();
        assert.equal(answer.statusCode, 200);
      });

      await stage(t, 'where no file manager answers, the folder is opened instead', async () => {
        await window.close();
        window = await reopen({ env: { ...viewer.env, ...model, DBUS_SESSION_BUS_ADDRESS: bus.address } });
        await menu(TABLE, id.fileReveal);
        const asked = (await viewer.asked(3))[2];
        assert.ok([workspace, pathToFileURL(workspace).href].includes(asked), asked);
        assert.deepEqual(await window.told(), []);
      });

      await stage(t, 'a link of a message is shown in full, then opened in the browser', async () => {
        await window.find(id.composerModel).then((select) => select.selectByAttribute('value', 'environment'));
        await runTurn(window, 'Where can I read about it?', 2);
        await followLink();
        assert.equal((await viewer.asked(4))[3], LINK);
      });

      await stage(t, 'a file for which there is no program is named', async () => {
        await menu(UNKNOWN, id.fileOpen);
        await says('that there is no program', /a thing\.okcvm-test could not be opened/);
        await window.picture('no-program');
      });

      await stage(t, 'a machine without any launcher says so for files, sites and links, and goes on', async () => {
        await window.close();
        window = await reopen({
          env: {
            ...viewer.env,
            ...model,
            DBUS_SESSION_BUS_ADDRESS: bus.address,
            PATH: pathWithoutLaunchers(folder),
          },
        });
        await menu(TABLE, id.fileReveal);
        await says('that the file could not be shown', /harbour ü & co\.csv could not be opened/);
        await window.click(id.previewOpenBrowser);
        await says('that the site could not be opened', /localhost:\d+\/ could not be opened/);
        await window.picture('no-launcher');
        await followLink();
        await says('that the link could not be opened', /site\.example.* could not be opened/);
      });
    });
  } finally {
    await server.stop();
    await bus.stop();
    await desktop.stop();
  }
});
