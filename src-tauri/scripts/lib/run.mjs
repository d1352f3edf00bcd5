// Runs other programs: streamed or captured, bounded in time, ended with us.
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';

import { environment, root } from './paths.mjs';

const running = new Set();

/** Sends a signal to a child and, where it leads a group of its own, to the whole group. */
export function signal(child, name) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  try {
    if (child.leadsGroup) process.kill(-child.pid, name);
    else child.kill(name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(name, () => {
    for (const child of running) signal(child, 'SIGTERM');
    // Children get a moment to end what they started.
    setTimeout(
      () => {
        for (const child of running) signal(child, 'SIGKILL');
        process.exit(128 + constants.signals[name]);
      },
      running.size > 0 ? 3000 : 0,
    );
  });
}

/**
 * Runs a command to its end.
 *
 * `stdout`: `stream` shows it, `error` shows it on our standard error, `capture` keeps it, `both` does both.
 * `ownGroup` puts it at the head of a process group of its own, so that a limit ends its children too; it can then
 * no longer read from the terminal. `quiet` drops what it says on standard error. Returns `{ code, output, timedOut }`; a command that cannot be started has
 * code 127.
 */
export function run(command, args, options = {}) {
  const { cwd = root, env = {}, stdout = 'stream', limitSeconds, ownGroup = false, quiet = false, input } = options;
  return new Promise((done) => {
    const captures = stdout === 'capture' || stdout === 'both';
    const out = captures ? 'pipe' : stdout === 'error' ? 2 : 'inherit';
    const err = stdout === 'both' ? 'pipe' : quiet ? 'ignore' : 'inherit';
    const child = spawn(command, args, {
      cwd,
      env: environment(env),
      stdio: [input === undefined ? 'inherit' : 'pipe', out, err],
      detached: ownGroup && process.platform !== 'win32',
      shell: process.platform === 'win32' && !command.endsWith('.exe'),
    });
    child.leadsGroup = ownGroup && process.platform !== 'win32';
    running.add(child);
    let output = '';
    const keep = (sink) => (chunk) => {
      output += chunk;
      if (stdout === 'both') sink.write(chunk);
    };
    child.stdout?.setEncoding('utf8').on('data', keep(process.stdout));
    child.stderr?.setEncoding('utf8').on('data', keep(process.stderr));
    if (input !== undefined) child.stdin.end(input);
    let timedOut = false;
    const timers = [];
    if (limitSeconds !== undefined) {
      const end = () => {
        timedOut = true;
        signal(child, 'SIGTERM');
        timers.push(setTimeout(() => signal(child, 'SIGKILL'), 5000));
      };
      timers.push(setTimeout(end, limitSeconds * 1000));
    }
    const finish = (code) => {
      running.delete(child);
      timers.forEach(clearTimeout);
      done({ code, output, timedOut });
    };
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      finish(127);
    });
    child.on('close', (code, name) => finish(code ?? 128 + (constants.signals[name] ?? 0)));
  });
}

/** Runs a short command in silence. Returns its standard output, or undefined if it failed. */
export function ask(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: environment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 30_000,
    ...options,
  });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** npm under the same Node that runs this script. */
export function npm(args, options = {}) {
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}
