// What a desktop gives an app, in the hands of the test: notifications, a file manager, programs for files and
// links, and a message bus on which none of it answers.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { stopProcess } from '../../../src-tauri/scripts/lib/display.mjs';
import { which } from '../../../src-tauri/scripts/lib/paths.mjs';

const source = fileURLToPath(new URL('standInDesktop.py', import.meta.url));

/** Calls `look` until it returns something, for at most `limitMs`. */
async function waitFor(what, look, limitMs = 15_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await sleep(50);
  }
}

/**
 * Starts the stand-ins on the bus of the session. `calls(method)` are the calls so far, each a list of what it was
 * called with; `hear(method, count)` waits for so many and returns them.
 */
export async function startDesktop() {
  const child = spawn('/usr/bin/python3', [source], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const calls = (method) =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .filter(([name]) => name === method)
      .map(([, ...rest]) => rest);
  const hear = (method, count = 1) =>
    waitFor(`${count} of ${method}`, () => (calls(method).length >= count ? calls(method) : undefined));
  try {
    await hear('ready');
  } catch (error) {
    await stopProcess(child);
    throw error;
  }
  return { calls, hear, stop: () => stopProcess(child) };
}

/**
 * A program of the test for tables, web pages and links, chosen by the desktop's own files below `folder`. `env` makes
 * it the one of a window; `asked(count)` waits until it was started so often and returns what it was asked to open.
 */
export function installViewer(folder) {
  const [data, config, log] = [join(folder, 'data'), join(folder, 'config'), join(folder, 'asked')];
  mkdirSync(join(data, 'applications'), { recursive: true });
  mkdirSync(config, { recursive: true });
  const program = join(folder, 'viewer');
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${log}'\n`);
  chmodSync(program, 0o755);
  const types = ['text/csv', 'text/html', 'inode/directory', 'x-scheme-handler/http', 'x-scheme-handler/https'];
  writeFileSync(
    join(data, 'applications', 'okcvm-viewer.desktop'),
    `[Desktop Entry]\nType=Application\nName=Viewer of the test\nExec=${program} %u\nMimeType=${types.join(';')};\n`,
  );
  const chosen = types.map((type) => `${type}=okcvm-viewer.desktop`).join('\n');
  writeFileSync(join(config, 'mimeapps.list'), `[Default Applications]\n${chosen}\n`);
  const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []);
  return {
    // A desktop by name would send the launchers to tools of its own, and without a browser they look for one.
    env: {
      XDG_DATA_HOME: data,
      XDG_CONFIG_HOME: config,
      XDG_CURRENT_DESKTOP: '',
      DESKTOP_SESSION: '',
      BROWSER: 'false',
    },
    asked: (count) => waitFor(`${count} files or links`, () => (lines().length >= count ? lines() : undefined)),
  };
}

/** A path below `folder` with the drivers of the test and nothing that opens anything. */
export function pathWithoutLaunchers(folder) {
  const path = join(folder, 'programs');
  mkdirSync(path);
  symlinkSync(which('WebKitWebDriver'), join(path, 'WebKitWebDriver'));
  return path;
}

/** A message bus on which nothing answers and nothing is started: no keychain, no file manager, no notifications. */
export async function startBareBus(folder) {
  const settings = join(folder, 'bus.conf');
  writeFileSync(
    settings,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`,
  );
  const child = spawn('dbus-daemon', [`--config-file=${settings}`, '--nofork', '--print-address'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  try {
    const address = await waitFor('the address of the bus', () =>
      text.includes('\n') ? text.split('\n')[0] : undefined,
    );
    return { address, stop: () => stopProcess(child) };
  } catch (error) {
    await stopProcess(child);
    throw error;
  }
}
