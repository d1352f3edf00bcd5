// What people do in the window, step by step.
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

import { testids as id } from './testids.mjs';
import { SOON, TURN } from './window.mjs';

/** Answers the first-run page with the demo. */
export async function chooseDemo(window) {
  await window.see(id.firstRun);
  await window.click(id.firstRunDemo);
  await window.see(id.composerInput);
}

/** Sends a message and returns at once. */
export async function send(window, text) {
  await window.type(id.composerInput, text);
  await window.click(id.composerSend);
}

/** The turns of the active path: `[{ node, status }]`. */
export function turns(window) {
  return window.browser.execute(
    (selector) =>
      [...document.querySelectorAll(selector)].map(({ dataset }) => ({ node: dataset.node, status: dataset.status })),
    `[data-testid="${id.turn}"]`,
  );
}

/** Waits until there are so many turns and the last one has the status. Returns its node. */
export async function waitForTurn(window, count, status = 'completed', timeout = TURN) {
  let last;
  const ended = async () => {
    const all = await turns(window);
    last = all.at(-1);
    if (all.length === count && last.status === 'failed' && status !== 'failed') {
      throw new Error(`turn ${count} failed: ${await window.text(id.turnError).catch(() => 'nothing is said')}`);
    }
    return all.length === count && last.status === status;
  };
  try {
    await window.until(`turn ${count} is ${status}`, ended, timeout);
  } catch (error) {
    throw new Error(`${error.message}; the turns are ${JSON.stringify(await turns(window))}`, { cause: error });
  }
  return last.node;
}

/** Sends a message and waits for the end of its turn. */
export async function runTurn(window, text, count) {
  await send(window, text);
  return waitForTurn(window, count);
}

/** Tries the last turn once more, by the button beside its error, and waits until another stands in its place. */
export async function retryLast(window) {
  const failed = (await turns(window)).at(-1).node;
  const error = (await window.all(id.turnError)).at(-1);
  await (await error.$(`[data-testid="${id.turnRetry}"]`)).click();
  await window.until('another turn', async () => ![undefined, failed].includes((await turns(window)).at(-1)?.node));
}

/** The text of the page in the preview, once it has some that `accept` takes. */
export async function previewText(window, accept = (text) => text !== '') {
  let text = '';
  await window
    .until(
      'the page in the preview',
      async () => {
        text = await window.inPreview((page) => page.execute(() => document.body?.innerText ?? '')).catch(() => '');
        return accept(text);
      },
      SOON,
    )
    .catch((error) => {
      throw new Error(`${error.message}; the page says: ${text.slice(0, 2000)}`, { cause: error });
    });
  return text;
}

/** The folder of the newest session's workspace. */
export function workspaceOf(window) {
  const sessions = join(window.home, 'sessions');
  const names = existsSync(sessions) ? readdirSync(sessions).sort() : [];
  if (names.length === 0) throw new Error(`${sessions} holds no session`);
  return join(sessions, names.at(-1), 'workspace');
}

/** The id of the profile that has this name in the settings file. */
export function profileCalled(window, name) {
  const blocks = readFileSync(join(window.home, 'settings.toml'), 'utf8').split('[[profiles]]');
  const block = blocks.find((text) => new RegExp(`^name = ${JSON.stringify(name)}$`, 'm').test(text));
  const id = block?.match(/^id = "(.+)"$/m)?.[1];
  if (id === undefined) throw new Error(`no profile is called ${name} in settings.toml`);
  return id;
}

/** Everything in a folder: path → bytes as text. What two moments have in common is equal. */
export function filesIn(folder) {
  const found = {};
  const walk = (path) => {
    for (const name of readdirSync(path).sort()) {
      const child = join(path, name);
      const kind = lstatSync(child);
      if (kind.isDirectory()) walk(child);
      else if (kind.isFile()) found[relative(folder, child)] = readFileSync(child).toString('latin1');
    }
  };
  walk(folder);
  return found;
}

/** Files below `folder` that hold one of the texts, in plain. */
export function filesHolding(folder, texts) {
  return Object.entries(filesIn(folder))
    .filter(([, content]) => texts.some((text) => content.includes(Buffer.from(text).toString('latin1'))))
    .map(([path]) => path);
}

/** Paths below `folder` whose name holds `part`. What goes away meanwhile, since other journeys work there, is passed over. */
export function pathsNamed(folder, part) {
  const found = [];
  const walk = (path) => {
    let entries;
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch (error) {
      if (error.code === 'ENOENT') return;
      throw error;
    }
    for (const entry of entries) {
      const child = join(path, entry.name);
      if (entry.name.includes(part)) found.push(child);
      if (entry.isDirectory()) walk(child);
    }
  };
  walk(folder);
  return found;
}

/** The middle of an element on the display. */
export async function middleOf(window, element) {
  const outer = await window.browser.getWindowRect();
  const box = await element.getSize();
  const corner = await element.getLocation();
  return { x: Math.round(outer.x + corner.x + box.width / 2), y: Math.round(outer.y + corner.y + box.height / 2) };
}

/** No message at the edge of the window lies over the conversation, the composer or a column beside them. */
export async function nothingIsCovered(window) {
  const covered = await window.browser.execute(
    (toast, others) => {
      const box = (element) => element.getBoundingClientRect();
      const meet = (a, b) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
      const toasts = [...document.querySelectorAll(`[data-testid="${toast}"]`)].map(box);
      return {
        toasts: toasts.length,
        over: others.filter((name) =>
          [...document.querySelectorAll(name)].some((element) => toasts.some((shown) => meet(shown, box(element)))),
        ),
      };
    },
    id.toast,
    [
      `[data-testid="${id.conversation}"]`,
      `[data-testid="${id.composerInput}"]`,
      `[data-testid="${id.composerSend}"]`,
      `[data-testid="${id.sidebar}"]`,
      '#panel-body',
    ],
  );
  if (covered.toasts === 0) throw new Error('there is no message to look at');
  if (covered.over.length > 0) throw new Error(`a message lies over ${covered.over.join(', ')}`);
}
