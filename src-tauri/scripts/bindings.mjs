// Writes the TypeScript of the wire: `npm run bindings`.
import { cargo } from './lib/cargo.mjs';
import { ensurePrerequisites } from './lib/prerequisites.mjs';

await ensurePrerequisites(['engine']);
const result = await cargo(['test', '-p', 'okcvm-tests', '--test', 'bindings'], { env: { OKCVM_WRITE_BINDINGS: '1' } });
process.exit(result.code);
