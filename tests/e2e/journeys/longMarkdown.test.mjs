// A long text in Markdown is drawn in pieces: the window answers between them, and links lead to headings further down.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { chooseDemo, runTurn, workspaceOf } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey, stage } from '../harness/window.mjs';

const PARTS = 700;
const DRAWN = 120_000;
/** How long the window may be without an answer, in milliseconds; in one piece the same text takes tens of seconds. */
const LONGEST_GAP = 3_000;
const part = (number) =>
  `## Part ${number}\n\nSome *words* with \`code\`, **bold** ones and [a link](other-${number}.md).\n\n- one\n- two\n  - three\n`;

test('a long Markdown file never holds up the window', (t) =>
  journey({ name: 'longMarkdown' }, async (window) => {
    const { browser } = window;
    await chooseDemo(window);
    await runTurn(window, 'Make a to-do list for spring cleaning', 1);
    const parts = Array.from({ length: PARTS }, (_, at) => part(at + 1)).join('\n');
    writeFileSync(join(workspaceOf(window), 'long.md'), `# Long\n\n[To the end](#part-${PARTS})\n\n${parts}`);
    const row = await window.see(id.fileRow, {
      attributes: { path: 'long.md' },
    });
    const drawn = () =>
      browser.execute(
        () =>
          [...document.querySelectorAll('.prose h2')].filter(({ textContent }) => textContent.startsWith('Part '))
            .length,
      );

    await stage(t, 'it answers while the text is drawn', async () => {
      await browser.execute(() => {
        let last = performance.now();
        window.okcvmGaps = [];
        window.okcvmWatch = setInterval(() => {
          const now = performance.now();
          window.okcvmGaps.push(now - last);
          last = now;
        }, 20);
      });
      await (await row.$('button')).click();
      await window.until('the first parts', async () => (await drawn()) > 0, DRAWN);
      await window.until('the last part', async () => (await drawn()) === PARTS, DRAWN);
      const gaps = await browser.execute(() => {
        clearInterval(window.okcvmWatch);
        return window.okcvmGaps;
      });
      const longest = Math.max(...gaps);
      t.diagnostic(
        `longest time without an answer: ${Math.round(longest)} ms of ${Math.round(gaps.reduce((sum, gap) => sum + gap, 0))} ms`,
      );
      assert.ok(longest < LONGEST_GAP, `the window did not answer for ${Math.round(longest)} ms`);
    });

    await stage(t, 'a link leads to a heading at its end', async () => {
      const top = () =>
        browser.execute(
          (words) =>
            [...document.querySelectorAll('.prose h2')]
              .find(({ textContent }) => textContent === words)
              .getBoundingClientRect().top,
          `Part ${PARTS}`,
        );
      assert.ok((await top()) > 2_000, 'the last part is far below');
      await browser.execute(() => document.querySelector('.prose a[href^="#part"]').click());
      await window.until('the last part in sight', async () => (await top()) < 900);
      await window.picture('atTheEnd');
    });
  }));
