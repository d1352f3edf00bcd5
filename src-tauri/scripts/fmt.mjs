// Formats everything: `npm run fmt`.
import { cargo } from './lib/cargo.mjs';
import { ensureNodePackages, prettier } from './lib/nodePackages.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';
import { npm } from './lib/run.mjs';

await ensurePrerequisites([]);
await ensureNodePackages();
const rust = await cargo(['fmt', '--all']);
const ui = await npm(['run', 'fmt', '--workspace', 'ui']);
const scripts = await prettier('--write');
process.exit(rust.code || ui.code || scripts.code);
