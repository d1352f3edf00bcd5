// Opens the window: `npm start`. Where there is no display, does the demo job on the command line instead and
// takes a picture of the real window on a virtual one.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';

import { buildPrograms } from './lib/cargo.mjs';
import { hasDisplay, startDisplay, stopProcess, takeSettledPicture } from './lib/display.mjs';
import { buildInterface, ensureNodePackages } from './lib/nodePackages.mjs';
import { environment, program, root, targetFolder } from './lib/paths.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';
import { run } from './lib/run.mjs';
import { fail, say, step } from './lib/say.mjs';

const PICTURE_SIZE = '1440x900';

const display = hasDisplay();
if (!display) say('There is no display here: the demo job will run on the command line, with a picture of the window.');
await ensurePrerequisites(['build', 'run', ...(display ? [] : ['picture'])]);
await ensureNodePackages();
await buildInterface();
await buildPrograms();
if (display) {
  step('Opening OKCVM');
  const result = await run(program('okcvm-desktop'), []);
  process.exit(result.code);
}

step('okcvm demo');
const demo = await run(program('okcvm'), ['demo'], { stdout: 'capture' });
if (demo.code !== 0) {
  process.stdout.write(demo.output);
  fail('The demo job failed.');
}

step('Taking a picture of the window on a virtual display');
// The demo was just chosen, so that the window has no first question to ask and shows what was made.
await run(program('okcvm'), ['config', 'set', 'firstRunDone', 'true'], { stdout: 'error' });
mkdirSync(targetFolder, { recursive: true });
const picture = join(targetFolder, 'okcvm-window.png');
const logPath = join(targetFolder, 'okcvm-window.log');
const virtual = await startDisplay(PICTURE_SIZE);
// The bus of its own keeps the window apart from one that may run elsewhere, and ends with it.
const window = spawn('dbus-run-session', ['--', program('okcvm-desktop')], {
  cwd: root,
  env: environment({ DISPLAY: virtual.name, GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1' }),
  // The bus and the toolkit are talkative without a desktop around them.
  stdio: ['ignore', 'ignore', openSync(logPath, 'w')],
  detached: true,
});
window.leadsGroup = true;
let drawn = false;
try {
  drawn = await takeSettledPicture(virtual.name, picture);
} finally {
  await stopProcess(window);
  await virtual.stop();
}
process.stdout.write(`\n${demo.output.trimEnd()}\n\nA picture of the window:\n  ${picture}\n`);
if (!drawn) fail(`The window drew nothing ; what it said:\n  ${logPath}`);
