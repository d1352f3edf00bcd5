// A window manager, without which nothing is minimised, framed or given the keyboard by a click.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { stopProcess } from '../../../src-tauri/scripts/lib/display.mjs';
import { ask } from '../../../src-tauri/scripts/lib/run.mjs';
import { SOON } from './window.mjs';

const other = fileURLToPath(new URL('otherWindow.py', import.meta.url));

async function until(what, look) {
  const end = Date.now() + SOON;
  while (!look()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${SOON} ms`);
    await sleep(100);
  }
}

/** Starts Openbox with its own defaults. */
export async function startWindowManager() {
  const child = spawn('openbox', ['--sm-disable'], { stdio: 'ignore' });
  try {
    await until('a window manager', () => /window id/.test(ask('xprop', ['-root', '_NET_SUPPORTING_WM_CHECK']) ?? ''));
  } catch (error) {
    await stopProcess(child);
    throw error;
  }
  return { stop: () => stopProcess(child) };
}

/** Opens a window of another program, which takes the keyboard from the app. */
export async function openOtherWindow() {
  const child = spawn('/usr/bin/python3', [other], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
  });
  const stop = () => stopProcess(child);
  try {
    await until('the other window', () => said.includes('ready'));
    await until('the other window has the keyboard', () => focused()?.includes('another program'));
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

function focused() {
  return ask('xdotool', ['getactivewindow', 'getwindowname']);
}

/** The X window of the app. */
function frameOf(window) {
  // Another window that goes away meanwhile spoils a search.
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const [id] = (ask('xdotool', ['search', '--onlyvisible', '--pid', String(window.pid)]) ?? '').split('\n');
    if (id) return id;
  }
  throw new Error('the app shows no window');
}

/** Where the inside of the app's window lies on the display, and how large it is. */
export function placeOf(window) {
  const answer = ask('xdotool', ['getwindowgeometry', '--shell', frameOf(window)]) ?? '';
  const number = (name) => Number(answer.match(new RegExp(`^${name}=(-?\\d+)$`, 'm'))?.[1]);
  return { x: number('X'), y: number('Y'), width: number('WIDTH'), height: number('HEIGHT') };
}

/** Moves the app's window, gives it a size, and waits until it has both. */
export async function placeWindow(window, { x, y, width, height }) {
  const id = frameOf(window);
  ask('xdotool', ['windowsize', '--sync', id, String(width), String(height)]);
  ask('xdotool', ['windowmove', '--sync', id, String(x), String(y)]);
  // The frame is let settle: the app hears of its place a moment later.
  await sleep(500);
}

/** Minimises the app's window. Returns what brings it back and gives it the keyboard. */
export async function minimise(window) {
  const id = frameOf(window);
  ask('xdotool', ['windowminimize', id]);
  await until('the window is minimised', () => /Iconic/.test(ask('xprop', ['-id', id, 'WM_STATE']) ?? ''));
  return () => activate(id);
}

/** Gives the app's window the keyboard. */
export async function focusWindow(window) {
  await activate(frameOf(window));
}

async function activate(id) {
  ask('xdotool', ['windowactivate', id]);
  await until('the window has the keyboard', () => ask('xdotool', ['getactivewindow']) === id);
}
