// The system's file dialog, which WebDriver does not see: found and driven as a person with a keyboard would.
import { setTimeout as sleep } from 'node:timers/promises';

import { ask } from '../../../src-tauri/scripts/lib/run.mjs';
import { SOON } from './window.mjs';

function hand(...words) {
  if (ask('xdotool', words) === undefined) throw new Error(`xdotool ${words.join(' ')} failed`);
}

/** The X windows of the app's dialogs that are open now. */
export function dialogsOf(window) {
  const windows = ask('xdotool', ['search', '--onlyvisible', '--pid', String(window.pid)])?.split('\n') ?? [];
  return windows.filter((id) =>
    ask('xprop', ['-id', id, '_NET_WM_WINDOW_TYPE'])?.includes('_NET_WM_WINDOW_TYPE_DIALOG'),
  );
}

async function waitForCount(window, count, what) {
  const end = Date.now() + SOON;
  while (dialogsOf(window).length !== count) {
    if (Date.now() > end) throw new Error(`${what}; open are ${dialogsOf(window).length} dialogs`);
    await sleep(100);
  }
}

/**
 * Waits for the one dialog that opens and gives it the keyboard. `type` types a path in place of what the
 * dialog suggests, `accept` presses Enter and waits until it has closed, `press` presses any keys.
 */
export async function fileDialog(window) {
  await waitForCount(window, 1, 'one dialog should be open');
  const [id] = dialogsOf(window);
  const press = (...keys) => hand('key', '--clearmodifiers', ...keys);
  hand('windowfocus', '--sync', id);
  // The dialog fills its list of files after it is shown, and takes the keyboard when it has.
  await sleep(700);
  return {
    id,
    title: ask('xdotool', ['getwindowname', id]),
    press,
    async type(path) {
      press('ctrl+l');
      await sleep(300);
      press('ctrl+a');
      hand('type', '--delay', '15', path);
      await sleep(500);
    },
    /** Presses Enter until the dialog takes what was typed: the first one may only complete the name. */
    async accept() {
      for (let pressed = 0; pressed < 5 && dialogsOf(window).includes(id); pressed += 1) {
        press('Return');
        await sleep(600);
      }
      await waitForCount(window, 0, 'the dialog should have taken the path');
    },
    /** Presses Escape until the dialog is gone: the first one may only close a list of names, and after a question over
     * the dialog nobody gives the keyboard back. */
    async cancel() {
      for (let pressed = 0; pressed < 5 && dialogsOf(window).includes(id); pressed += 1) {
        hand('windowfocus', '--sync', id);
        press('Escape');
        await sleep(600);
      }
      await waitForCount(window, 0, 'the dialog should have closed');
    },
    /** Presses Enter until the dialog asks whether a file may be replaced; gives that question. */
    async ask() {
      let over = [];
      for (let pressed = 0; pressed < 5 && over.length === 0; pressed += 1) {
        press('Return');
        await sleep(800);
        over = dialogsOf(window).filter((other) => other !== id);
      }
      const [question] = over;
      if (question === undefined) throw new Error('the dialog asked nothing');
      hand('windowfocus', '--sync', question);
      await sleep(300);
      return { press, gone: () => waitForCount(window, 1, 'the question should have closed') };
    },
    gone: () => waitForCount(window, 0, 'the dialog should have closed'),
  };
}
