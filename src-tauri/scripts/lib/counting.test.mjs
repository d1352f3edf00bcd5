import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tally, counters } from './counting.mjs';

test('cargo says its result once for each test program', () => {
  const text = `running 2 tests
test result: ok. 29 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 3.76s
test a ... FAILED
test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.12s
`;
  assert.deepEqual(counters.cargo(text), { passed: 32, failed: 2 });
});

test('vitest counts tests, not files', () => {
  const text = ' Test Files  1 failed | 9 passed (10)\n      Tests  2 failed | 40 passed | 1 skipped (43)\n';
  assert.deepEqual(counters.vitest(text), { passed: 40, failed: 2 });
  assert.deepEqual(counters.vitest(' Test Files  9 passed (9)\n      Tests  41 passed (41)\n'), {
    passed: 41,
    failed: 0,
  });
});

test("node's runner closes the same in both of its reports", () => {
  assert.deepEqual(counters.node('✔ a\nℹ tests 9\nℹ pass 8\nℹ fail 1\n'), { passed: 8, failed: 1 });
  assert.deepEqual(counters.node('# tests 9\n# pass 8\n# fail 1\n'), { passed: 8, failed: 1 });
});

/** Runs steps and returns the exit code with the last line of standard output. */
async function close(...steps) {
  const tally = new Tally({ say: () => {} });
  for (const [result, count] of steps)
    await tally.step('a step', async () => ({ output: '', timedOut: false, ...result }), count);
  let line;
  const code = tally.close((text) => {
    line = text.trim();
  });
  return { code, line };
}

test('every step counts, and the last line says it plainly', async () => {
  const good = 'test result: ok. 5 passed; 0 failed; 0 ignored';
  assert.deepEqual(await close([{ code: 0 }], [{ code: 0, output: `\u001b[32m${good}\u001b[0m` }, counters.cargo]), {
    code: 0,
    line: '6 passed, 0 failed',
  });
});

test('what did not build, ran no test or failed is a failure', async () => {
  assert.deepEqual(await close([{ code: 101 }, counters.cargo]), { code: 1, line: '0 passed, 1 failed' });
  assert.deepEqual(await close([{ code: 0 }, counters.cargo]), { code: 1, line: '0 passed, 1 failed' });
  assert.deepEqual(await close([{ code: 1 }]), { code: 1, line: '0 passed, 1 failed' });
  const output = 'test result: FAILED. 4 passed; 2 failed; 0 ignored';
  assert.deepEqual(await close([{ code: 101, output }, counters.cargo]), { code: 1, line: '4 passed, 2 failed' });
});
