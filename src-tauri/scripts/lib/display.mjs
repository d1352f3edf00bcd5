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

/** What a picture is like: its number of colours (text alone has dozens) and how far they lie apart. */
function impression(path) {
  const [colours, deviation] = (ask('identify', ['-format', '%k %[standard-deviation]', path]) ?? '1 0').split(' ');
  return { colours: Number(colours), deviation: Number.parseFloat(deviation) };
}

/**
 * Takes pictures until there is text on them and three in a row look the same. Returns false if that never came; the
 * last picture stays.
 */
export async function takeSettledPicture(display, path, limitSeconds = 90) {
  const end = Date.now() + limitSeconds * 1000;
  let before = { colours: 0, deviation: 0 };
  let same = 0;
  while (Date.now() < end) {
    await sleep(1000);
    await takePicture(display, path);
    const now = impression(path);
    const alike = now.colours === before.colours && Math.abs(now.deviation - before.deviation) < 1;
    same = now.colours > 30 && alike ? same + 1 : 0;
    if (same === 2) return true;
    before = now;
  }
  return false;
}
