import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tally, counters, reasons } from './counting.mjs';

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
  assert.deepEqual(counters.node('✔ a\nℹ tests 9\nℹ pass 8\nℹ fail 1\n'), {
    passed: 8,
    failed: 1,
  });
  assert.deepEqual(counters.node('# tests 9\n# pass 8\n# fail 1\n'), {
    passed: 8,
    failed: 1,
  });
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
  assert.deepEqual(await close([{ code: 101 }, counters.cargo]), {
    code: 1,
    line: '0 passed, 1 failed',
  });
  assert.deepEqual(await close([{ code: 0 }, counters.cargo]), {
    code: 1,
    line: '0 passed, 1 failed',
  });
  assert.deepEqual(await close([{ code: 1 }]), {
    code: 1,
    line: '0 passed, 1 failed',
  });
  const output = 'test result: FAILED. 4 passed; 2 failed; 0 ignored';
  assert.deepEqual(await close([{ code: 101, output }, counters.cargo]), {
    code: 1,
    line: '4 passed, 2 failed',
  });
});

test('the summary repeats why tests failed, and no more than a page of it', async () => {
  const cargo = `test a ... FAILED
failures:

---- a stdout ----
thread 'a' panicked at src/a.rs:1:1:
it was 3

---- b stdout ----
thread 'b' panicked at src/b.rs:2:2:
it hung

failures:
    a
    b

test result: FAILED. 0 passed; 2 failed; 0 ignored
`;
  const why = reasons(cargo);
  assert.ok(why.includes('it was 3') && why.includes('it hung'), why.join('\n'));
  assert.ok(!why.includes('failures:'));
  assert.deepEqual(reasons('✔ a\n✖ failing tests:\n\n✖ b (3ms)\n').slice(0, 3), ['✖ failing tests:', '', '✖ b (3ms)']);
  assert.deepEqual(reasons('test a ... ok\ntest result: ok. 1 passed; 0 failed;'), []);
  assert.equal(reasons(`---- a stdout ----\n${'line\n'.repeat(500)}failures:\n`).length, 20);

  const said = [];
  const tally = new Tally({ say: (text) => said.push(text) });
  await tally.step('a step', async () => ({ code: 101, output: cargo, timedOut: false }), counters.cargo);
  tally.close(() => {});
  assert.ok(said.some((text) => text.includes('Why a step failed') && text.includes('it hung')));
});
