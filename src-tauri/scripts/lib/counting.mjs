// Reads how many tests ran from what the runners say, and keeps the tally.
import { say as speak } from './say.mjs';

const plain = (text) => text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
const sum = (text, pattern, group) =>
  [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[group]), 0);

/** Each takes the output of its runner and returns `{ passed, failed }`. */
export const counters = {
  cargo: (text) => {
    const pattern = /^test result: \w+\. (\d+) passed; (\d+) failed;/gm;
    return { passed: sum(text, pattern, 1), failed: sum(text, pattern, 2) };
  },
  vitest: (text) => {
    const line = text.match(/^\s*Tests\s+.*$/m)?.[0] ?? '';
    return {
      passed: sum(line, /(\d+) passed/g, 1),
      failed: sum(line, /(\d+) failed/g, 1),
    };
  },
  node: (text) => ({
    passed: sum(text, /^(?:ℹ|#) pass (\d+)$/gm, 1),
    failed: sum(text, /^(?:ℹ|#) fail (\d+)$/gm, 1),
  }),
};

/** The most lines that a summary repeats of one step. */
const REPEATED = 60;

/** Why tests failed, as the runner told it far above the summary: the lines that say so, and no more than fit. */
export function reasons(output) {
  const text = plain(output);
  const found = [
    // cargo: what a failed test printed, up to the list of names.
    ...[...text.matchAll(/^---- .+ stdout ----\n[\s\S]*?(?=^---- .+ stdout ----$|^failures:$)/gm)].map((match) =>
      match[0].trimEnd().split('\n').slice(0, 20),
    ),
    // node and vitest: everything from their own list of failures on.
    ...[...text.matchAll(/^✖ failing tests:\n[\s\S]*|^.*Failed Tests \d+[\s\S]*/gm)].map((match) =>
      match[0].split('\n'),
    ),
  ];
  return found.flat().slice(0, REPEATED);
}

/** Runs named steps one after the other, all of them even if one fails, and closes with the plain line. */
export class Tally {
  #rows = [];
  #say;

  constructor({ say = speak } = {}) {
    this.#say = say;
  }

  /** `work` returns the result of `run`; without `count` the step counts as one. */
  async step(name, work, count) {
    this.#say(`\n==> ${name}`);
    const begun = Date.now();
    const { code, output, timedOut } = await work();
    const seconds = (Date.now() - begun) / 1000;
    let { passed, failed } = count === undefined ? { passed: code === 0 ? 1 : 0, failed: 0 } : count(plain(output));
    let note = '';
    if (code === 0 && count !== undefined && passed + failed === 0) {
      failed = 1;
      note = 'it ran no test';
    } else if (code !== 0 && failed === 0) {
      // A runner that fails without a failed test did not build, crashed, or ran out of time.
      failed = 1;
      note = timedOut ? 'it ran out of time' : `exit code ${code}`;
    }
    this.#rows.push({
      name,
      passed,
      failed,
      seconds,
      note,
      why: failed === 0 ? [] : reasons(output),
    });
    this.#say(`<== ${name}: ${failed === 0 ? 'ok' : `FAILED ${note}`} in ${seconds.toFixed(1)} s`);
  }

  /** Prints the summary, with `N passed, M failed` alone on the last line. Returns the exit code. */
  close(print = (text) => process.stdout.write(text)) {
    const width = Math.max(...this.#rows.map((row) => row.name.length));
    let passed = 0;
    let failed = 0;
    for (const row of this.#rows.filter(({ why }) => why.length > 0)) {
      this.#say(`\nWhy ${row.name} failed, once more:\n${row.why.join('\n')}`);
    }
    this.#say('');
    for (const row of this.#rows) {
      passed += row.passed;
      failed += row.failed;
      const mark = row.failed === 0 ? 'ok    ' : 'FAILED';
      const counts = `${row.passed} passed, ${row.failed} failed`;
      this.#say(
        `${mark}  ${row.name.padEnd(width)}  ${row.seconds.toFixed(1).padStart(7)} s  ${counts}${row.note && ` (${row.note})`}`,
      );
    }
    // The closing line belongs to the result.
    print(`\n${passed} passed, ${failed} failed\n`);
    return failed === 0 ? 0 : 1;
  }
}
