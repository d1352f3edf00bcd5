// Formats, types and lints without tests: `npm run check`.
import { Tally } from './lib/counting.mjs';
import { ensureNodePackages } from './lib/nodePackages.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';
import { steps } from './lib/steps.mjs';

await ensurePrerequisites(['build']);
await ensureNodePackages();
const tally = new Tally();
for (const step of steps.filter((step) => step.check)) await tally.step(step.name, step.work);
process.exit(tally.close());
