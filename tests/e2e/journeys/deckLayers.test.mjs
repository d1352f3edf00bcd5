// Slides with parts that the engine draws as layers of their own: they are seen to their right end in a narrow panel.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { takePicture } from '../../../src-tauri/scripts/lib/display.mjs';
import { ask } from '../../../src-tauri/scripts/lib/run.mjs';
import { chooseDemo, previewText, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

const COLOUR = '#ff00e1';
const [WIDTH, HEIGHT, STRIPE] = [1024, 576, 40];
const PARTS = {
  glass: '<div style="backdrop-filter: blur(8px); width: 100px; background: #fff8">Glass</div>',
  turned: '<div style="transform: perspective(600px) rotateY(18deg); width: 100px; background: #fff">Turned</div>',
  faded:
    '<style>@keyframes fade { to { opacity: 0.5 } }</style>' +
    '<div style="animation: fade 1s infinite alternate; width: 100px; background: #fff">Faded</div>',
  announced: '<div style="will-change: transform; width: 100px; background: #fff">Announced</div>',
  film: '<video width="100" controls></video>',
};
const page = (name, part) => `<!doctype html><meta charset="utf-8"><style>body { margin: 0 }
.ppt-slide { position: relative; width: ${WIDTH}px; height: ${HEIGHT}px; overflow: hidden; background: #def }
.end { position: absolute; right: 0; top: 0; width: ${STRIPE}px; height: 100%; background: ${COLOUR} }</style>
<div class="ppt-slide"><h1>${name}</h1>${part}<div class="end"></div></div><div class="ppt-slide"><h1>Two</h1></div>`;

/** How many points of that colour the frame of the slide shows, and how many it would if nothing were cut off. */
async function stripe(window, path) {
  const box = await window.browser.execute((selector) => {
    const { left, top, width, height } = document.querySelector(selector).getBoundingClientRect();
    return { left, top, width, height };
  }, `[data-testid="${id.previewFrame}"]`);
  await takePicture(process.env.DISPLAY, path);
  const { left, top, width, height } = box;
  const cut = `${Math.floor(width)}x${Math.floor(height)}+${Math.round(left)}+${Math.round(top)}`;
  const only = ['-fill', 'black', '+opaque', COLOUR, '-fill', 'white', '-opaque', COLOUR];
  const seen = Number(ask('convert', [path, '-crop', cut, '+repage', ...only, '-format', '%[fx:mean*w*h]', 'info:']));
  const scale = Math.min(width / WIDTH, height / HEIGHT);
  return { seen, whole: STRIPE * scale * HEIGHT * scale };
}

test('a slide is seen to its right end, whatever it is drawn by', async (t) => {
  await journey({ name: 'deckLayers' }, async (window) => {
    await chooseDemo(window);
    await runTurn(window, 'Make a to-do list for spring cleaning', 1);
    const workspace = workspaceOf(window);
    for (const [name, part] of Object.entries(PARTS)) writeFileSync(join(workspace, `${name}.html`), page(name, part));
    for (const name of Object.keys(PARTS)) {
      await stage(t, name, async () => {
        const row = await window.see(id.fileRow, {
          attributes: { path: `${name}.html` },
        });
        await row.scrollIntoView();
        await (await row.$('button')).click();
        await previewText(window, (text) => text.includes(name));
        let found = { seen: 0, whole: 0 };
        await window
          .until('the stripe at the end is seen', async () => {
            found = await stripe(window, join(window.home, 'deckLayers.png'));
            return found.seen > 0.7 * found.whole;
          })
          .catch((error) => assert.fail(`${name}: ${JSON.stringify(found)}; ${error.message}`));
      });
    }
  });
});
