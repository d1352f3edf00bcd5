// Runs the journeys in the real window: `npm run e2e [-- NAME…]`. Pictures land in tests/e2e/out.
import { runJourneys } from './lib/journeys.mjs';
import { buildInterface, ensureNodePackages } from './lib/nodePackages.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';

await ensurePrerequisites(['build', 'run', 'test']);
await ensureNodePackages();
await buildInterface();
const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const result = await runJourneys(names, { stdout: 'stream' });
process.exit(result.code);
