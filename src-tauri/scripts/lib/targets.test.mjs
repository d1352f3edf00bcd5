import assert from 'node:assert/strict';
import { test } from 'node:test';

import { missing, targets } from './targets.mjs';

const [windows, mac] = targets;
const everything = targets.map((target) => target.name);

test('what is missing is named with the command that gets it', () => {
  assert.match(
    missing(mac, [], () => undefined),
    /rustup target add aarch64-apple-darwin$/,
  );
  assert.match(
    missing(windows, [mac.name], () => '/usr/bin/gcc'),
    /rustup target add x86_64-pc-windows-gnu$/,
  );
  assert.match(
    missing(windows, everything, () => undefined),
    /apt install gcc-mingw-w64-x86-64$/,
  );
});

test('nothing is missing where all is there', () => {
  assert.equal(
    missing(windows, everything, () => '/usr/bin/gcc'),
    undefined,
  );
  assert.equal(
    missing(mac, everything, () => undefined),
    undefined,
  );
});
