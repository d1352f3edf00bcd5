// The steps of `npm test` and `npm run check`. `LIMIT` bounds each of them in seconds.
import { fileURLToPath } from 'node:url';

import { LOCKED, WINDOW_FEATURES, cargo } from './cargo.mjs';
import { counters } from './counting.mjs';
import { runJourneys } from './journeys.mjs';
import { prettier } from './nodePackages.mjs';
import { npm, run } from './run.mjs';

const LIMIT = 45 * 60;
const ui = (verb) => ['run', verb, '--workspace', 'ui'];
const tests = ['counting', 'prerequisites', 'slideScores', 'targets'].map((name) =>
  fileURLToPath(new URL(`${name}.test.mjs`, import.meta.url)),
);
const plain = { stdout: 'stream', limitSeconds: LIMIT };
const counted = { stdout: 'both', limitSeconds: LIMIT };

/** `group` is what `npm test -- GROUP` chooses; `check` marks what `npm run check` runs. */
export const steps = [
  { group: 'scripts', name: 'scripts: format', work: () => prettier('--check', plain), check: true },
  {
    group: 'scripts',
    name: 'scripts: tests',
    work: () => run(process.execPath, ['--test', '--test-reporter=spec', ...tests], counted),
    count: counters.node,
  },
  {
    group: 'ui',
    name: 'interface: build',
    work: () => npm(ui('build'), plain),
    // The window embeds the built interface: without it nothing of its crate compiles.
    needed: ['rust', 'e2e'],
    check: true,
  },
  { group: 'ui', name: 'interface: types', work: () => npm(ui('check'), plain), check: true },
  { group: 'ui', name: 'interface: lints and format', work: () => npm(ui('lint'), plain), check: true },
  { group: 'ui', name: 'interface: tests', work: () => npm(ui('test'), counted), count: counters.vitest },
  { group: 'rust', name: 'rust: format', work: () => cargo(['fmt', '--all', '--check'], plain), check: true },
  {
    group: 'rust',
    name: 'rust: lints',
    work: () =>
      cargo(['clippy', ...LOCKED, '--workspace', '--all-targets', ...WINDOW_FEATURES, '--', '-D', 'warnings'], plain),
    check: true,
  },
  {
    group: 'rust',
    name: 'rust: tests (unit, integration, architecture, bindings)',
    work: () => cargo(['test', ...LOCKED, '--workspace', '--no-fail-fast', ...WINDOW_FEATURES], counted),
    count: counters.cargo,
  },
  { group: 'e2e', name: 'journeys in the real window', work: () => runJourneys([], counted), count: counters.node },
];
