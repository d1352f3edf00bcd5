// The names under which things are found, read from the interface's own list.
import { readFileSync } from 'node:fs';

const source = readFileSync(new URL('../../../ui/src/lib/testids.ts', import.meta.url), 'utf8');
const script = source.replaceAll(/\bas const\b/g, '');
const { testids } = await import(`data:text/javascript,${encodeURIComponent(script)}`);

const known = new Set(Object.values(testids));

/** A selector; a name that the interface does not have is an error here, not a time-out later. */
export function byId(id, attributes = {}) {
  if (!known.has(id)) throw new Error(`the interface has no test id ${id}`);
  const rest = Object.entries(attributes).map(([name, value]) => `[data-${name}=${JSON.stringify(value)}]`);
  return `[data-testid="${id}"]${rest.join('')}`;
}

export { testids };
