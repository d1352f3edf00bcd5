// Runs every check and test there is: `npm test`, or some of them: `npm test -- rust ui e2e`.
import { Tally } from './lib/counting.mjs';
import { ensureNodePackages } from './lib/nodePackages.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';
import { fail } from './lib/say.mjs';
import { steps } from './lib/steps.mjs';

const groups = [...new Set(steps.map((step) => step.group))];
const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = asked.filter((word) => !groups.includes(word));
if (unknown.length > 0) fail(`There is no group ${unknown.join(', ')}; the groups are ${groups.join(', ')}.`);
const chosen = asked.length === 0 ? groups : asked;

// The tests of the keychain need a real one, so Rust wants the tools of the tests.
await ensurePrerequisites(chosen.some((group) => group === 'rust' || group === 'e2e') ? ['build', 'run', 'test'] : []);
await ensureNodePackages();
const tally = new Tally();
for (const step of steps) {
  if (chosen.includes(step.group) || step.needed?.some((group) => chosen.includes(group))) {
    await tally.step(step.name, step.work, step.count);
  }
}
process.exit(tally.close());
