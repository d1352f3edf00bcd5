// Runs the benchmarks: `npm run bench [-- NAME] [--json]`. `slides` needs a browser, an office program and the window's
// engine, so it is measured by its name alone. With --json nothing but one JSON object a line goes to
// standard output; what cargo says goes to standard error.
import { LOCKED, buildHelper, cargo } from './lib/cargo.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';
import { benchSlides } from './lib/slidesBench.mjs';

if (process.argv[2] === 'slides') process.exit(await benchSlides(process.argv.slice(3)));
await ensurePrerequisites(['engine', 'bench']);
const args = process.argv.slice(2).filter((word) => word !== '--yes');
// Commands run in the small helper that stands beside a program.
const helper = await buildHelper();
if (helper.code !== 0) process.exit(helper.code);
const result = await cargo([
  'run',
  ...LOCKED,
  '--release',
  '--quiet',
  '-p',
  'okcvm-tests',
  '--bin',
  'okcvm-bench',
  '--',
  ...args,
]);
process.exit(result.code);
