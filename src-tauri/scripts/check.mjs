// Formats, types and lints without tests: `npm run check`. With `-- targets`, lints of what other systems compile.
import { Tally } from './lib/counting.mjs';
import { ensureNodePackages } from './lib/nodePackages.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';
import { fail } from './lib/say.mjs';
import { steps } from './lib/steps.mjs';
import { targetSteps } from './lib/targets.mjs';

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
if (asked.some((word) => word !== 'targets')) fail('`npm run check` takes nothing but `targets`.');

// The parts of other systems need neither a window nor the interface.
await ensurePrerequisites([asked.length > 0 ? 'engine' : 'build']);
if (asked.length === 0) await ensureNodePackages();
const tally = new Tally();
const chosen = asked.length > 0 ? targetSteps : steps.filter((step) => step.check);
for (const step of chosen) await tally.step(step.name, step.work);
process.exit(tally.close());
