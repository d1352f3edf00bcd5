// Runs the journeys of tests/e2e in the real window, on a display and a message bus of their own.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { LOCKED, WINDOW_FEATURES, cargo } from './cargo.mjs';
import { program, root } from './paths.mjs';
import { run } from './run.mjs';

/**
 * Builds the window and the command line and runs the journeys whose file names contain one of `names` (all
 * without names).
 */
export async function runJourneys(names, options) {
  if (process.platform !== 'linux') {
    process.stderr.write('The journeys drive WebKitGTK, so they run on Linux only.\n');
    return { code: 1, output: '', timedOut: false };
  }
  const built = await cargo(['build', ...LOCKED, '-p', 'okcvm-desktop', '-p', 'okcvm-cli', ...WINDOW_FEATURES], {
    stdout: 'error',
  });
  if (built.code !== 0) return built;
  const out = join(root, 'tests/e2e/out');
  // Pictures and logs of an earlier run would pass for ones of this run.
  if (names.length === 0) rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const session = join(root, 'tests/e2e/session.mjs');
  return run('dbus-run-session', ['--', process.execPath, session, ...names], {
    ...options,
    limitSeconds: options.limitSeconds ?? 30 * 60,
    // Its own group, so that a limit ends display, drivers and windows as well.
    ownGroup: true,
    env: { OKCVM_E2E_WINDOW: program('okcvm-desktop'), OKCVM_E2E_CLI: program('okcvm'), OKCVM_E2E_OUT: out },
  });
}
