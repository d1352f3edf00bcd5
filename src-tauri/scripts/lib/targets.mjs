// Checks the parts that other systems compile: types and lints, by cross compilation. Nothing of them runs here.
import { LOCKED, cargo } from './cargo.mjs';
import { which } from './paths.mjs';
import { ask } from './run.mjs';

/** Those without a line of C, which need no compiler of the other system. */
const PLAIN = ['protocol', 'manifest', 'tools', 'sandbox', 'slides'];

/**
 * `crates` are those that compile for the target: on Windows the workspace crate, on which the engine stands, is not
 * written, and the one for Python uses process groups and inodes; for macOS the crates with C in them need Apple's headers. `compiler` is what C in them needs.
 */
export const targets = [
  {
    name: 'x86_64-pc-windows-gnu',
    crates: [...PLAIN, 'network', 'secrets', 'documents', 'model', 'store'],
    compiler: { program: 'x86_64-w64-mingw32-gcc', get: 'sudo apt install gcc-mingw-w64-x86-64' },
  },
  { name: 'aarch64-apple-darwin', crates: [...PLAIN, 'workspace', 'python', 'documents'] },
];

/** What is missing to check a target, with the command that gets it; undefined if nothing is. */
export function missing({ name, compiler }, installed = installedTargets(), find = which) {
  if (!installed.includes(name)) return `The target ${name} is not installed. Get it with: rustup target add ${name}`;
  if (compiler !== undefined && find(compiler.program) === undefined) {
    return `${compiler.program} is missing. Get it with: ${compiler.get}`;
  }
  return undefined;
}

function installedTargets() {
  return (ask('rustup', ['target', 'list', '--installed']) ?? '').split('\n').map((line) => line.trim());
}

/** One step for each target. */
export const targetSteps = targets.map((target) => ({
  name: `rust: lints for ${target.name}`,
  work: (options) => {
    const lack = missing(target);
    if (lack !== undefined) {
      process.stderr.write(`${lack}\n`);
      return { code: 1, output: '', timedOut: false };
    }
    const packages = target.crates.flatMap((crate) => ['-p', `okcvm-${crate}`]);
    return cargo(['clippy', ...LOCKED, ...packages, '--target', target.name, '--', '-D', 'warnings'], options);
  },
}));
