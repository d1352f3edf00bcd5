// A virtual display, and pictures of it.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { environment } from './paths.mjs';
import { ask, run, signal } from './run.mjs';

/** True where a window can open. */
export function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/**
 * Starts Xvfb on a free display, chosen by the server itself, which writes its number to file descriptor 3.
 * Returns `{ name, process, stop }`.
 */
export async function startDisplay(size = '1440x900') {
  const child = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp', '-noreset'], {
    env: environment(),
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const name = await new Promise((done, failed) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      failed(new Error('Xvfb did not start within 20 seconds'));
    }, 20_000);
    child.stdio[3].setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      done(`:${text.trim()}`);
    });
    child.on('error', failed);
    child.on('exit', (code) => failed(new Error(`Xvfb ended with ${code}`)));
  });
  return { name, process: child, stop: () => stopProcess(child) };
}

/** Ends a child by its id: politely, then for good. */
export async function stopProcess(child, patienceMs = 5000) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  signal(child, 'SIGTERM');
  const timer = setTimeout(() => signal(child, 'SIGKILL'), patienceMs);
  await ended;
  clearTimeout(timer);
}

/** Takes a picture of the whole display. */
export async function takePicture(display, path) {
  const result = await run('import', ['-display', display, '-window', 'root', path], {
    limitSeconds: 30,
    stdout: 'error',
  });
  if (result.code !== 0) throw new Error(`no picture of display ${display} could be taken`);
}

/** How much is drawn: 0 for one colour, larger the more there is. */
function liveliness(path) {
  const answer = ask('identify', ['-format', '%[standard-deviation]', path]);
  return answer === undefined ? 0 : Number.parseFloat(answer);
}

/** Takes pictures until something is drawn and two in a row look the same. Returns false if that never came. */
export async function takeSettledPicture(display, path, limitSeconds = 60) {
  const end = Date.now() + limitSeconds * 1000;
  let before = -1;
  while (Date.now() < end) {
    await sleep(1000);
    await takePicture(display, path);
    const now = liveliness(path);
    if (now > 0 && Math.abs(now - before) < 1) return true;
    before = now;
  }
  return false;
}
