// The npm packages of the workspace and the built interface.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './paths.mjs';
import { npm, run } from './run.mjs';
import { fail, step } from './say.mjs';

function packagesOf(path) {
  const file = join(root, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/** True if something that the lock file names is not installed in the version that it names. */
function stale() {
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  if (wanted === undefined || installed === undefined) return true;
  return Object.entries(wanted).some(
    ([path, entry]) =>
      path.includes('node_modules/') && !entry.optional && !entry.peer && installed[path]?.version !== entry.version,
  );
}

/** Installs what is missing: in a fresh clone exactly what the lock file says, otherwise only the difference. */
export async function ensureNodePackages() {
  if (!stale()) return;
  const fresh = existsSync(join(root, 'package-lock.json')) && !existsSync(join(root, 'node_modules'));
  const verb = fresh ? 'ci' : 'install';
  step(`npm ${verb}`);
  const result = await npm([verb, '--no-audit', '--no-fund', '--loglevel=error'], { stdout: 'error' });
  if (result.code !== 0) fail('The npm packages could not be installed.');
}

/** Formats the scripts and the journeys, or with `--check` only looks. */
export function prettier(verb, options) {
  const binary = join(root, 'node_modules/prettier/bin/prettier.cjs');
  const style = ['--no-config', '--single-quote', '--print-width', '120'];
  const files = ['src-tauri/scripts/**/*.mjs', 'tests/e2e/**/*.mjs'];
  return run(process.execPath, [binary, verb, '--log-level', 'warn', ...style, ...files], options);
}

export async function buildInterface() {
  step('Building the interface');
  const result = await npm(['run', 'build', '--workspace', 'ui'], { stdout: 'error' });
  if (result.code !== 0) fail('The interface does not build.');
}
