// Runs the journeys inside a session of their own: virtual display, message bus (this program is started by
// dbus-run-session), an open keyring, a home folder that is thrown away. Everything it started has ended when it
// ends. Started by `npm run e2e`; the programs under test come as OKCVM_E2E_WINDOW and OKCVM_E2E_CLI.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { startDisplay, stopProcess } from '../../src-tauri/scripts/lib/display.mjs';
import { processesWith, programOf, waitForEnd } from './harness/processes.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const JOURNEY_LIMIT_MS = 5 * 60_000;

const base = mkdtempSync(join(tmpdir(), 'okcvm-e2e-'));
const folders = Object.fromEntries(
  ['home', 'runtime', 'data', 'config', 'cache'].map((name) => [name, join(base, name)]),
);
for (const path of Object.values(folders)) mkdirSync(path, { mode: 0o700 });

const display = await startDisplay();
const environment = {
  ...process.env,
  DISPLAY: display.name,
  GDK_BACKEND: 'x11',
  // No accessibility bus: nothing here answers on it.
  NO_AT_BRIDGE: '1',
  LANG: 'C.UTF-8',
  HOME: folders.home,
  XDG_RUNTIME_DIR: folders.runtime,
  XDG_DATA_HOME: folders.data,
  XDG_CONFIG_HOME: folders.config,
  XDG_CACHE_HOME: folders.cache,
  OKCVM_E2E_BASE: base,
};
for (const name of Object.keys(environment)) {
  if (name.startsWith('OKCVM_CHAT_') || name === 'WAYLAND_DISPLAY' || name === 'OKCVM_HOME') delete environment[name];
}

async function openKeyring() {
  const daemon = spawn('gnome-keyring-daemon', ['--unlock', '--foreground', '--components=secrets'], {
    env: environment,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  daemon.stdin.end('password of the test');
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = spawnSync(
      'dbus-send',
      [
        '--session',
        '--print-reply',
        '--dest=org.freedesktop.DBus',
        '/',
        'org.freedesktop.DBus.NameHasOwner',
        'string:org.freedesktop.secrets',
      ],
      { env: environment, encoding: 'utf8', timeout: 5000 },
    );
    if (/boolean true/.test(answer.stdout ?? '')) return daemon;
    await sleep(100);
  }
  await stopProcess(daemon);
  throw new Error('the keyring did not open within ten seconds');
}

/** Ends what a journey left behind, which happens when one runs out of time. Returns what it was. */
async function sweep() {
  const left = processesWith('OKCVM_E2E_BASE', base).filter((pid) => pid !== process.pid);
  const names = left.map((pid) => `${pid} ${programOf(pid)}`);
  for (const name of ['SIGTERM', 'SIGKILL']) {
    for (const pid of await waitForEnd(left, 0)) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
    await waitForEnd(left, 5000);
  }
  return names;
}

let code = 1;
let keyring;
let tests;
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => tests?.kill('SIGTERM'));
try {
  keyring = await openKeyring();
  const names = process.argv.slice(2);
  const files = readdirSync(join(folder, 'journeys'))
    .filter((file) => file.endsWith('.test.mjs') && (names.length === 0 || names.some((name) => file.includes(name))))
    .map((file) => join(folder, 'journeys', file));
  if (files.length === 0) throw new Error(`no journey is called ${names.join(' or ')}`);
  // One at a time: the window allows one instance of itself on a bus.
  const options = ['--test', '--test-concurrency=1', `--test-timeout=${JOURNEY_LIMIT_MS}`, '--test-reporter=spec'];
  tests = spawn(process.execPath, [...options, ...files], { env: environment, stdio: 'inherit' });
  code = await new Promise((done) => tests.on('exit', (exit) => done(exit ?? 1)));
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
} finally {
  if (keyring !== undefined) await stopProcess(keyring);
  const left = await sweep();
  if (left.length > 0) {
    process.stderr.write(`the journeys left running: ${left.join(', ')}\n`);
    code ||= 1;
  }
  await display.stop();
  rmSync(base, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(code);
