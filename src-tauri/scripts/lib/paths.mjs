// Where things lie. Nothing here assumes that the target folder is `target`.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(fileURLToPath(import.meta.url), '../../../..');

export const targetFolder = resolve(
  root,
  process.env.CARGO_TARGET_DIR || process.env.CARGO_BUILD_TARGET_DIR || 'target',
);

const cargoFolder = join(process.env.CARGO_HOME || join(homedir(), '.cargo'), 'bin');

/** A built program of this workspace. */
export function program(name, profile = 'debug') {
  return join(targetFolder, profile, process.platform === 'win32' ? `${name}.exe` : name);
}

/** The environment with cargo's folder in the path: it is there even if the shell was not told yet. */
export function environment(extra = {}) {
  const path = process.env.PATH ?? '';
  const known = path.split(delimiter).includes(cargoFolder);
  return { ...process.env, PATH: known ? path : `${path}${delimiter}${cargoFolder}`, ...extra };
}

/** The full path of a command, or undefined. */
export function which(name) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat', ''] : [''];
  for (const folder of (environment().PATH ?? '').split(delimiter)) {
    for (const ending of endings) {
      const path = join(folder, name + ending);
      if (folder !== '' && existsSync(path)) return path;
    }
  }
  return undefined;
}
