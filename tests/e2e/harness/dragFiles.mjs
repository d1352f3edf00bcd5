// Real drag and drop from another program onto the window.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { stopProcess } from '../../../src-tauri/scripts/lib/display.mjs';
import { ask } from '../../../src-tauri/scripts/lib/run.mjs';

const source = fileURLToPath(new URL('dragSource.py', import.meta.url));
const STEPS = 10;

function mouse(...words) {
  if (ask('xdotool', words) === undefined) throw new Error(`xdotool ${words.join(' ')} failed`);
}

/**
 * Drags `files` from a small window at the corner of the display to the point `to` of the display. `hovering` is
 * called while the files hang over that point.
 */
export async function dragFiles(files, to, hovering = async () => {}) {
  const from = { x: to.x > 200 ? 20 : 400, y: 20 };
  const child = spawn('/usr/bin/python3', [source, String(from.x - 20), String(from.y - 20), ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
  });
  const hear = async (word) => {
    const end = Date.now() + 15_000;
    while (!said.split('\n').includes(word)) {
      if (Date.now() > end || child.exitCode !== null)
        throw new Error(`the drag source did not say ${word}, only: ${said}`);
      await sleep(50);
    }
  };
  try {
    await hear('ready');
    mouse('mousemove', String(from.x), String(from.y));
    await sleep(100);
    mouse('mousedown', '1');
    for (let step = 1; step <= STEPS; step += 1) {
      const along = (start, end) => String(Math.round(start + ((end - start) * step) / STEPS));
      mouse('mousemove', along(from.x, to.x), along(from.y, to.y));
      await sleep(60);
    }
    await sleep(300);
    await hovering();
    mouse('mouseup', '1');
    await hear('done');
    if (said.includes('refused')) throw new Error('the window did not take the files');
  } finally {
    await stopProcess(child);
  }
}
