// Makes installable packages: `npm run build`. On Linux deb and rpm; both are written without tools of the system.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { LOCKED, buildHelper, cargo } from './lib/cargo.mjs';
import { ensureNodePackages } from './lib/nodePackages.mjs';
import { root, targetFolder } from './lib/paths.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';
import { npm } from './lib/run.mjs';
import { fail, say, step } from './lib/say.mjs';

/** Not among the dependencies: only this verb needs its 20 MB. */
const BUNDLER = '@tauri-apps/cli@2.12.5';
const BUNDLES = { linux: 'deb,rpm', darwin: 'app,dmg', win32: 'nsis' };

await ensurePrerequisites(['build', 'run']);
await ensureNodePackages();
step('Building and packing the release');
mkdirSync(targetFolder, { recursive: true });
// The command line lies beside the window in the package: it is also the program that holds agent code.
const cli = await cargo(['build', ...LOCKED, '--release', '-p', 'okcvm-cli', '--bins'], { stdout: 'error' });
const helper = await buildHelper({ stdout: 'error' });
if (cli.code !== 0 || helper.code !== 0) fail('The command line could not be built.');
const files = {
  '/usr/bin/okcvm': join(targetFolder, 'release/okcvm'),
  // Commands run in it: it starts in less time than the whole program.
  '/usr/bin/okcvm-sandbox-helper': join(targetFolder, 'release/okcvm-sandbox-helper'),
};
const config = JSON.stringify({ bundle: { linux: { deb: { files }, rpm: { files } } } });
const result = await npm(
  [
    ...['exec', '--yes', '--package', BUNDLER, '--', 'tauri', 'build', '--config', config],
    ...['--bundles', BUNDLES[process.platform] ?? 'deb'],
  ],
  { cwd: join(root, 'src-tauri'), env: { CARGO_TARGET_DIR: targetFolder }, stdout: 'error' },
);
if (result.code !== 0) fail('The packages could not be made.');
say(`\nThe packages lie under:\n  ${join(targetFolder, 'release/bundle')}`);
