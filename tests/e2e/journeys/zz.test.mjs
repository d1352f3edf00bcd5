import { test } from 'node:test';
import { chooseDemo, previewText, runTurn } from '../harness/steps.mjs';
import { testids as id } from '../harness/testids.mjs';
import { journey } from '../harness/window.mjs';
test('zz', () => journey({ name: 'zz' }, async (window) => {
  await chooseDemo(window);
  await runTurn(window, 'Make a website about a bicycle workshop', 1);
  const state = async (label) => console.log(label, JSON.stringify(await window.browser.execute(() => ({ a: document.activeElement?.outerHTML.slice(0, 80), focus: document.hasFocus(), v: document.querySelector('[data-testid=composer-input]').value, f: JSON.stringify(document.querySelector('iframe')?.getBoundingClientRect()), s: document.querySelector('iframe')?.getAttribute('style') }))));
  await state('after turn');
  const input = await window.see(id.composerInput);
  await input.setValue('before preview'); await state('typed');
  await input.setValue(' ');
  await previewText(window);
  await state('after preview');
  await window.picture('after-preview');
  await input.setValue('Change the title to "Spokes and Chains" and make it green'); await state('typed again');
  await input.click(); await state('clicked');
  await window.browser.keys('abc'); await state('keys');
}));
