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

/**
 * Builds the release of the program in which commands run. On Linux everything is linked into it, where the system has
 * what that takes: half of the work of its start is to find and bind libraries.
 */
export async function buildHelper(options = {}) {
  const which = [...LOCKED, '--release', '-p', 'okcvm-sandbox', '--bin', 'okcvm-sandbox-helper'];
  if (process.platform === 'linux') {
    const whole = await cargo(['rustc', ...which, '--', '-C', 'target-feature=+crt-static'], options);
    if (whole.code === 0) return whole;
  }
  return cargo(['build', ...which], options);
}
