// Films: played, sought, pictured once per content; what cannot be played says why and what to do.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chooseDemo, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

const maker = fileURLToPath(new URL('../harness/makeFilm.py', import.meta.url));
const h264 = fileURLToPath(new URL('../fixtures/h264.mp4', import.meta.url));

function makeFilm(kind, seconds, path) {
  const made = spawnSync('/usr/bin/python3', [maker, kind, String(seconds), path], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`no film: ${made.stderr}`);
}
const hashOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

test('films are played, sought and pictured', (t) =>
  journey({ name: 'films' }, async (window) => {
    const { browser } = window;
    await chooseDemo(window);
    await runTurn(window, 'Make a to-do list for spring cleaning', 1);
    const folder = join(workspaceOf(window), 'films');
    mkdirSync(folder);
    makeFilm('webm', 4, join(folder, 'clip.webm'));
    makeFilm('ogv', 2, join(folder, 'clip.ogv'));
    copyFileSync(join(folder, 'clip.webm'), join(folder, 'copy.webm'));
    copyFileSync(h264, join(folder, 'h264.mp4'));
    writeFileSync(join(folder, 'broken.webm'), readFileSync(join(folder, 'clip.webm')).subarray(0, 90));
    writeFileSync(join(folder, 'words.mp4'), 'These are only words.');
    await window.click(id.fileRow, { attributes: { path: 'films' } });
    const row = (name) => window.see(id.fileRow, { attributes: { path: `films/${name}` } });
    const open = async (name) => (await (await row(name)).$('button')).click();
    const player = (work) =>
      browser.execute(
        `return (${work})(document.querySelector('[data-testid="${id.previewVideo}"]'))`,
      );
    const kept = (name) => join(window.home, 'thumbnails', `${hashOf(join(folder, name))}.png`);

    for (const [name, seconds] of [
      ['clip.webm', 4],
      ['clip.ogv', 2],
    ]) {
      await stage(t, `${name} has a picture in the tree, kept once for its content`, async () => {
        const file = await row(name);
        await window.until('the picture', () =>
          browser.execute((element) => {
            const image = element.querySelector('img');
            return image !== null && image.naturalWidth === 160 && image.naturalHeight === 90;
          }, file),
        );
        assert.ok(existsSync(kept(name)), 'it is on the shelf');
        const colours = await browser.execute((element) => {
          const canvas = document.createElement('canvas');
          const image = element.querySelector('img');
          [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
          const pen = canvas.getContext('2d');
          pen.drawImage(image, 0, 0);
          const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let at = 0; at < data.length; at += 4) {
            seen.add([data[at] >> 6, data[at + 1] >> 6, data[at + 2] >> 6].join());
          }
          return seen.size;
        }, file);
        assert.ok(colours >= 6, `the bars of the test card are seen, not ${colours} colours`);
      });

      await stage(t, `${name} plays and is sought`, async () => {
        await open(name);
        await window.see(id.previewVideo);
        await window.until('its length', () => player('(film) => film.readyState > 0 && film.videoWidth === 160'));
        await window.until('its poster', () => player('(film) => film.poster.startsWith("data:image/png")'));
        await player('(film) => { film.muted = true; void film.play(); }');
        await window.until('it moves', () => player('(film) => film.currentTime > 0.3'));
        await player(`(film) => { film.pause(); film.currentTime = ${seconds / 2}; }`);
        await window.until('the place that was sought', () =>
          player(`(film) => !film.seeking && Math.abs(film.currentTime - ${seconds / 2}) < 0.2`),
        );
        await window.picture(name);
      });
    }

    await stage(t, 'a copy takes the picture that is there', async () => {
      const file = await row('copy.webm');
      await window.until('the picture', () =>
        browser.execute((element) => (element.querySelector('img')?.naturalWidth ?? 0) > 0, file),
      );
      assert.equal(kept('copy.webm'), kept('clip.webm'));
    });

    await stage(t, 'what is broken says so', async () => {
      await open('broken.webm');
      const says = (pattern) =>
        window.until(`it says ${pattern}`, async () => pattern.test(await window.text(id.previewProblem).catch(() => '')));
      await says(/damaged|neither sound nor moving pictures/);
      await window.picture('broken');
      await open('words.mp4');
      await window.until('its own words', async () => /only words|damaged/.test(await browser.execute(() => document.body.innerText)));
    });

    await stage(t, 'an H.264 film plays, or says what to install', async () => {
      const can = await browser.execute(
        () => document.createElement('video').canPlayType('video/mp4; codecs="avc1.42E01E"') !== '',
      );
      t.diagnostic(can ? 'H.264 is decoded here' : 'no decoder of H.264 here');
      await open('h264.mp4');
      if (can) {
        await window.until('it is read', () => player('(film) => film !== null && film.readyState > 0'));
      } else {
        await window.until('what to install', async () =>
          /gstreamer1\.0-libav/.test(await window.text(id.previewPlain).catch(() => '')),
        );
      }
      await window.picture('h264');
    });
  }));
