import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { advice, agrees, typed } from './prerequisites.mjs';

const commands = [
  ['apt-get', 'update'],
  ['apt-get', 'install', '-y', 'dbus', 'xvfb'],
];

test('commands are named as the account can type them', () => {
  assert.equal(typed(commands, 'owner'), '  apt-get update\n  apt-get install -y dbus xvfb');
  assert.equal(typed(commands, 'sudo'), '  sudo apt-get update\n  sudo apt-get install -y dbus xvfb');
  assert.equal(typed(commands, 'none'), '  su - -c "apt-get update && apt-get install -y dbus xvfb"');
});

test('advice offers to install only where that would work', () => {
  assert.match(advice(commands, 'sudo', 'start'), /sudo apt-get update[^]*`npm start -- --yes`\.$/);
  assert.match(advice(commands, 'owner', 'check'), /`npm run check -- --yes`\.$/);
  assert.match(advice(commands, 'sudo', undefined), /`--yes`\.$/);
  assert.match(advice(commands, 'none', 'start'), /no sudo here[^]*su - -c[^]*and run this again\.$/);
  assert.match(advice(commands, 'password', 'start'), /wants a password[^]*sudo apt-get[^]*and run this again\.$/);
});

/** Answers a question with what a terminal would send. */
async function answered(keys) {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  output.resume();
  const answer = agrees('Now?', Object.assign(input, { isTTY: true, setRawMode() {} }), output);
  input.write(keys);
  return answer;
}

test('a question is answered by yes, no and Enter, and left by Ctrl-C and Ctrl-D', async () => {
  assert.equal(await answered('y\r'), true);
  assert.equal(await answered('\r'), true);
  assert.equal(await answered('n\r'), false);
  assert.equal(await answered('\u0003'), false);
  assert.equal(await answered('\u0004'), false);
});
