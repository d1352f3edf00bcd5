// How true slides are: converts decks with both engines and scores what LibreOffice draws beside what the browser drew.
//
// The command line is built as it is shipped, since it is timed; the window's engine is not timed.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';

import { LOCKED, WINDOW_FEATURES, cargo } from './cargo.mjs';
import { startDisplay } from './display.mjs';
import { buildInterface, ensureNodePackages } from './nodePackages.mjs';
import { program, root, targetFolder, which } from './paths.mjs';
import { ensurePrerequisites } from './prerequisites.mjs';
import { ask, run } from './run.mjs';
import { fail, say, step } from './say.mjs';
import { goalLine, heading, joined, judge, row } from './slideScores.mjs';

const DECKS = join(root, 'tests/fixtures/decks');
const TAILWIND = join(root, 'src-tauri/assets/tailwind/browser.js');
const PACKAGES = ['playwright', 'python-pptx', 'scikit-image', 'pillow', 'numpy', 'lxml'];
const MODULES = 'playwright.sync_api, pptx, skimage.metrics, PIL, numpy, lxml';
/** The samples that make ten slides together. */
const TEN = /^d[1-5]_/;
const TIMED = 3;
/** Seconds a deck of ten slides should take. */
const QUICK = 3;

/** The Python of the scorer, in the user's cache folder; made once and kept between runs. */
async function scorersPython() {
  const cache = process.env.XDG_CACHE_HOME;
  const folder = join(cache && isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'okcvm-ci', 'slides-bench');
  const python = join(folder, 'bin', 'python');
  if (ask(python, ['-c', `import ${MODULES}`]) !== undefined) return python;
  step('Making the Python environment of the scorer');
  const made = await run('python3', ['-m', 'venv', '--clear', folder], { stdout: 'error' });
  if (made.code !== 0) fail('The Python environment could not be made.');
  const got = await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES], {
    stdout: 'error',
    limitSeconds: 900,
  });
  if (got.code !== 0) fail(`These packages could not be installed: ${PACKAGES.join(', ')}`);
  return python;
}

/** The pages of a folder by name. */
const pagesIn = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.html'))
    .sort();

async function build() {
  await ensureNodePackages();
  // The window embeds the built interface: without it its crate does not compile.
  if (!existsSync(join(root, 'ui/dist/index.html'))) await buildInterface();
  step('Building the command line and the engine of the window');
  for (const args of [
    ['build', ...LOCKED, '--release', '-p', 'okcvm-cli', '-p', 'okcvm-sandbox', '--bins'],
    ['build', ...LOCKED, '-p', 'okcvm-desktop', '--example', 'window_engine', ...WINDOW_FEATURES],
  ]) {
    if ((await cargo(args, { stdout: 'error' })).code !== 0) fail('The build failed.');
  }
}

/** Converts a page of the workspace with the command line. Returns the path of the presentation and the seconds. */
async function byCommandLine(folder, page) {
  const began = performance.now();
  const call = ['tool', 'call', 'slides_generator', '--json', '--workspace', join(folder, 'decks')];
  const done = await run(program('okcvm', 'release'), [...call, '--arguments', JSON.stringify({ file_path: page })], {
    stdout: 'capture',
    quiet: true,
    limitSeconds: 120,
    env: { OKCVM_HOME: join(folder, 'data') },
  });
  const seconds = (performance.now() - began) / 1000;
  if (done.code !== 0) fail(`${page} could not be converted: ${done.output}`);
  return { pptx: join(folder, 'decks', JSON.parse(done.output).artifacts[0].path), seconds };
}

/** Converts a page with the window's engine. */
async function byWindow(folder, page, display) {
  const pptx = join(folder, 'window', `${basename(page, '.html')}.pptx`);
  const began = performance.now();
  const done = await run(program('examples/window_engine'), [join(folder, 'decks', page), pptx], {
    stdout: 'capture',
    quiet: true,
    limitSeconds: 120,
    env: { DISPLAY: display.name, GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1' },
  });
  if (done.code !== 0) fail(`${page} could not be converted in the window's engine: ${done.output}`);
  return { pptx, seconds: (performance.now() - began) / 1000 };
}

/** The scores of the slides of one deck. */
async function scored(python, chromium, folder, page, pptx, name) {
  const [out, work] = [join(folder, 'scores', `${name}.json`), join(folder, 'pictures', name)];
  mkdirSync(work, { recursive: true });
  const scorer = [join(DECKS, 'score_decks.py'), join(folder, 'decks', page), pptx];
  const done = await run(python, [...scorer, '--out', out, '--work', work, '--chromium', chromium], {
    stdout: 'capture',
    limitSeconds: 300,
    env: { TAILWIND_BROWSER_JS: TAILWIND },
  });
  if (done.code !== 0) fail(`${page} could not be scored.`);
  return JSON.parse(readFileSync(out, 'utf8')).slides;
}

/** Measures everything; the exit code says whether all goals are reached. */
export async function benchSlides(args) {
  if (process.platform !== 'linux') fail('Slides are measured on Linux only, where the window has WebKitGTK.');
  const json = args.includes('--json');
  const tell = (text, object) => process.stdout.write(`${json ? JSON.stringify(object) : text}\n`);
  await ensurePrerequisites(['build', 'slides']);
  const python = await scorersPython();
  const chromium = which('chromium') ?? which('google-chrome') ?? fail('There is no Chromium for the scorer.');
  await build();
  const folder = join(targetFolder, 'slides-bench');
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['data', 'window', 'scores', 'pictures']) mkdirSync(join(folder, name), { recursive: true });
  cpSync(DECKS, join(folder, 'decks'), { recursive: true });
  const samples = pagesIn(DECKS);
  const further = pagesIn(join(DECKS, 'more')).map((page) => join('more', page));
  if (!json) process.stdout.write(`${heading()}\n`);
  const display = await startDisplay();
  const sets = { samples: [], further: [], window: [] };
  const measure = async (set, page, convert) => {
    const { pptx, seconds } = await convert(folder, page, display);
    const name = `${basename(page, '.html')}${set === 'window' ? ', window' : ''}`;
    const slides = await scored(python, chromium, folder, page, pptx, name.replace(', ', '-'));
    sets[set].push(...slides);
    tell(row(name, slides, seconds), { bench: 'slides', set, deck: page, seconds, slides });
  };
  try {
    for (const page of samples) await measure('samples', page, byCommandLine);
    for (const page of further) await measure('further', page, byCommandLine);
    for (const page of samples) await measure('window', page, byWindow);
  } finally {
    await display.stop();
  }
  if (!json) process.stdout.write('\n');
  let holds = true;
  for (const [set, slides] of Object.entries(sets)) {
    if (!json) process.stdout.write(`${row(`mean of ${set}`, slides, undefined)}\n`);
  }
  if (!json) process.stdout.write('\n');
  for (const [set, slides] of Object.entries(sets)) {
    for (const goal of judge(set, slides)) {
      holds &&= goal.holds;
      tell(goalLine(set, goal), { bench: 'slides', set, ...goal });
    }
  }
  const pages = samples.filter((page) => TEN.test(page)).map((page) => readFileSync(join(DECKS, page), 'utf8'));
  writeFileSync(join(folder, 'decks', 'ten.html'), joined(pages));
  await byCommandLine(folder, 'ten.html');
  const times = [];
  for (let round = 0; round < TIMED; round += 1) times.push((await byCommandLine(folder, 'ten.html')).seconds);
  const median = times.sort((one, other) => one - other)[Math.floor(TIMED / 2)];
  const time = { what: 'seconds for ten slides, warm', value: median, goal: `<= ${QUICK}`, holds: median <= QUICK };
  // Depends on the machine, so it fails nothing.
  tell(goalLine('command line', time), { bench: 'slides', set: 'time', ...time });
  say(`What was drawn lies in ${join(folder, 'pictures')}.`);
  return holds ? 0 : 1;
}
