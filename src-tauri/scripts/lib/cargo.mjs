// How the Rust side is built. One feature set everywhere, so that nothing is compiled twice.
import { run } from './run.mjs';
import { fail, step } from './say.mjs';

/** Serves the built interface from the binary instead of a development server. */
export const WINDOW_FEATURES = ['--features', 'okcvm-desktop/custom-protocol'];

/** In CI the lock file is law. */
export const LOCKED = process.env.CI ? ['--locked'] : [];

export function cargo(args, options = {}) {
  return run('cargo', args, options);
}

/** Builds the window and the command line, unoptimised. */
export async function buildPrograms() {
  step('Building the window and the command line (the first time takes several minutes)');
  const packages = ['-p', 'okcvm-desktop', '-p', 'okcvm-cli'];
  const result = await cargo(['build', ...LOCKED, ...packages, ...WINDOW_FEATURES], { stdout: 'error' });
  if (result.code !== 0) fail('The build failed.');
}
