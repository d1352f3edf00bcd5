// Finding and ending the processes of a window, by id.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.on('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** True if somebody takes connections on a port of this machine. */
export function listens(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (value) => {
      socket.destroy();
      done(value);
    };
    socket.on('connect', () => answer(true)).on('error', () => answer(false));
  });
}

function read(work) {
  try {
    return work();
  } catch {
    // The process ended while we looked.
    return undefined;
  }
}

/** Ids of all living processes of which `environ` holds NAME=VALUE. */
export function processesWith(name, value) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      const variables = read(() => readFileSync(`/proc/${pid}/environ`, 'utf8'))?.split('\0') ?? [];
      return variables.includes(`${name}=${value}`) && isAlive(pid);
    });
}

/** Ids of all living processes that were called by these words, the first of them with or without its folder. */
export function processesCalled(...words) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      const [program, ...others] = read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
      const said = [program?.split('/').at(-1), ...others];
      return words.every((word, index) => said[index] === word) && isAlive(pid);
    });
}

/** The program that a process runs, also if a newer build has taken its place on disk. */
export function programOf(pid) {
  return read(() => readlinkSync(`/proc/${pid}/exe`))?.replace(/ \(deleted\)$/, '');
}

/** What each thread of a process does: for the message about one that does not end. */
export function waitsIn(pid) {
  const threads = read(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads
    .map((thread) => {
      const name = read(() => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim());
      return `${name}: ${read(() => readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'utf8')) || '?'}`;
    })
    .join(', ');
}

/** True until it has ended; one that only waits to be collected has ended. */
export function isAlive(pid) {
  const status = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (status === undefined) return false;
  return status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3) !== 'Z';
}

/** Waits until none of them lives. Returns those that still do. */
export async function waitForEnd(pids, limitMs) {
  const end = Date.now() + limitMs;
  let alive = pids.filter(isAlive);
  while (alive.length > 0 && Date.now() < end) {
    await sleep(50);
    alive = alive.filter(isAlive);
  }
  return alive;
}
