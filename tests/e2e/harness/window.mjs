// The real window, driven through WebDriver.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { remote } from 'webdriverio';

import { stopProcess, takePicture } from '../../../src-tauri/scripts/lib/display.mjs';
import { environment, which } from '../../../src-tauri/scripts/lib/paths.mjs';
import { ask } from '../../../src-tauri/scripts/lib/run.mjs';
import { freePort, isAlive, listens, processesWith, programOf, waitForEnd, waitsIn } from './processes.mjs';
import { byId, testids } from './testids.mjs';

const closeWindow = fileURLToPath(new URL('closeWindow.py', import.meta.url));
const program = process.env.OKCVM_E2E_WINDOW;
const out = process.env.OKCVM_E2E_OUT;
const base = process.env.OKCVM_E2E_BASE;

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 1024, height: 640 };

/** How long a thing may take that needs no model: drawing, opening, switching. */
export const SOON = 20_000;
/** How long a turn of the demo at full speed may take. */
export const TURN = 90_000;

/** A data folder of its own, deleted with the session. */
export function newHome() {
  return mkdtempSync(join(base, 'okcvm-'));
}

export class AppWindow {
  /**
   * Opens the window on the data folder `home`. `pace` is `full` (the demo types as fast as it can) or `human`. Without
   * a `size` (`undefined`) it keeps the one that it opens with.
   */
  static async open({ name, home, pace = 'full', env = {}, size }) {
    const [port, nativePort] = [await freePort(), await freePort()];
    mkdirSync(out, { recursive: true });
    const logPath = join(out, `${name}.log`);
    const log = createWriteStream(logPath, { flags: 'a' });
    log.write(`--- ${new Date().toISOString()} ${name}\n`);
    const driver = spawn(
      which('tauri-driver') ?? 'tauri-driver',
      ['--port', String(port), '--native-port', String(nativePort)],
      {
        env: environment({
          OKCVM_HOME: home,
          RUST_BACKTRACE: '1',
          ...(pace === 'full' ? { OKCVM_DEMO_PACE: 'full' } : {}),
          ...env,
        }),
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    driver.stdout.pipe(log, { end: false });
    driver.stderr.pipe(log, { end: false });
    const window = new AppWindow({ name, home, driver, log, logPath });
    try {
      await window.#connect(port, nativePort, size);
    } catch (error) {
      await window.close();
      throw new Error(`the window did not open: ${error.message}\n${window.logs()}`, { cause: error });
    }
    return window;
  }

  constructor(fields) {
    Object.assign(this, fields);
  }

  async #connect(port, nativePort, size) {
    // The driver of the engine listens a little after the one in front of it.
    for (const listening of [nativePort, port]) {
      const end = Date.now() + SOON;
      while (!(await listens(listening))) {
        if (Date.now() > end) throw new Error(`nothing listens on the driver's port ${listening}`);
        await sleep(50);
      }
    }
    this.browser = await remote({
      hostname: '127.0.0.1',
      port,
      path: '/',
      logLevel: 'error',
      connectionRetryCount: 0,
      connectionRetryTimeout: 60_000,
      waitforTimeout: SOON,
      waitforInterval: 100,
      capabilities: { 'wdio:enforceWebDriverClassic': true, 'tauri:options': { application: program } },
    });
    this.pid = this.processes().find((pid) => programOf(pid) === program);
    if (this.pid === undefined) throw new Error(`no process runs ${program}`);
    await this.browser.execute((selector) => {
      // What the window told its user is gone after some seconds; a failed journey wants to know.
      window.okcvmTold = [];
      new MutationObserver(() => {
        for (const { innerText } of document.querySelectorAll(selector)) {
          if (!window.okcvmTold.includes(innerText)) window.okcvmTold.push(innerText);
        }
      }).observe(document.body, { childList: true, subtree: true });
    }, byId(testids.toast));
    if (size !== undefined) await this.resize(size);
  }

  /** Every message at the edge of the window so far. */
  async told() {
    return this.browser.execute(() => window.okcvmTold).catch(() => ['unknown: the page does not answer']);
  }

  /** Gives the window a size and waits until the page has it. */
  async resize({ width, height }) {
    await this.browser.setWindowRect(0, 0, width, height);
    await this.browser.waitUntil(
      async () =>
        (await this.browser.execute(() => `${window.innerWidth}x${window.innerHeight}`)) === `${width}x${height}`,
      { timeout: SOON, timeoutMsg: `the page never became ${width}x${height}` },
    );
  }

  /** Every living process that belongs to this data folder, the drivers too. */
  processes() {
    return processesWith('OKCVM_HOME', this.home);
  }

  // --- looking and acting ------------------------------------------------------------------------------------

  find(id, attributes) {
    return this.browser.$(byId(id, attributes));
  }

  async all(id, attributes) {
    return this.browser.$$(byId(id, attributes)).getElements();
  }

  /** Waits for it to be seen and returns it. */
  async see(id, { attributes, timeout = SOON } = {}) {
    const element = await this.find(id, attributes);
    await element.waitForDisplayed({
      timeout,
      timeoutMsg: `${byId(id, attributes)} was not seen within ${timeout} ms`,
    });
    return element;
  }

  /** Waits until it is gone or hidden. */
  async gone(id, { attributes, timeout = SOON } = {}) {
    const element = await this.find(id, attributes);
    await element.waitForDisplayed({
      reverse: true,
      timeout,
      timeoutMsg: `${byId(id, attributes)} still stands after ${timeout} ms`,
    });
  }

  async click(id, options) {
    const element = await this.see(id, options);
    await element.waitForClickable({ timeout: SOON });
    await element.click();
    return element;
  }

  async type(id, text, options) {
    const element = await this.see(id, options);
    // After a look into the preview the driver still sends keys there, until a click brings them back.
    await element.click();
    await element.setValue(text);
    return element;
  }

  async text(id, options) {
    // The driver takes text that is cut short by an ellipsis for hidden; the page itself does not.
    return (await this.see(id, options)).getProperty('innerText');
  }

  /** Waits until `condition` returns something true, and returns that. */
  async until(what, condition, timeout = SOON) {
    return this.browser.waitUntil(condition, { timeout, timeoutMsg: `${what}: not within ${timeout} ms` });
  }

  /** Runs `work` inside the page of the preview, then comes back. */
  async inPreview(work) {
    const frame = await this.see(testids.previewFrame, { timeout: TURN });
    await this.browser.switchFrame(frame);
    try {
      return await work(this.browser);
    } finally {
      await this.browser.switchFrame(null);
    }
  }

  async #painted() {
    // A frame paints a little after its page is there; on a busy machine the page does, too.
    await this.browser.execute(
      () =>
        new Promise((done) => {
          requestAnimationFrame(() => requestAnimationFrame(() => done(true)));
          setTimeout(() => done(false), 2000);
        }),
    );
    await sleep(300);
  }

  /** A picture of the page, for people: tests/e2e/out/<journey>-<label>.png. */
  async picture(label) {
    await this.browser.execute(() => document.fonts.ready.then(() => true));
    await this.#painted();
    await this.browser.saveScreenshot(join(out, `${this.name}-${label}.png`));
  }

  /** A picture of the whole display, with what is no part of the page: dialogs of the system, other windows. */
  async display(label) {
    // The driver's session may have ended with the process of the page.
    await this.#painted().catch(() => sleep(2000));
    await takePicture(process.env.DISPLAY, join(out, `${this.name}-${label}-display.png`));
  }

  /** What driver and app wrote, and the end of the app's own log. */
  logs() {
    const lines = readFileSync(this.logPath, 'utf8').split('\n').slice(-60);
    const own = join(this.home, 'logs');
    if (existsSync(own)) {
      for (const file of readdirSync(own).sort().slice(-1)) {
        lines.push(`--- ${file}`, ...readFileSync(join(own, file), 'utf8').split('\n').slice(-60));
      }
    }
    return lines.join('\n');
  }

  // --- ending ------------------------------------------------------------------------------------------------

  /** Ends the app at once, as a power cut would. The driver is ended too. */
  async killHard() {
    process.kill(this.pid, 'SIGKILL');
    await waitForEnd([this.pid], 5000);
    await this.close();
  }

  /**
   * Closes the window as its user would: the app ends by itself, within ten seconds, and takes all of its processes
   * with it. Then ends the drivers.
   */
  async close() {
    const before = this.processes();
    if (this.pid !== undefined && isAlive(this.pid)) {
      const windows = ask('xdotool', ['search', '--onlyvisible', '--pid', String(this.pid)])?.split('\n') ?? [];
      for (const window of windows) ask('/usr/bin/python3', [closeWindow, window]);
      await waitForEnd([this.pid], 10_000);
    }
    // The driver would end the app by force and hide that it did not end by itself.
    const stubborn = this.pid !== undefined && isAlive(this.pid) ? `: ${waitsIn(this.pid)}` : undefined;
    // Never SIGKILL first: tauri-driver would leave WebKitWebDriver behind.
    await stopProcess(this.driver);
    const left = await waitForEnd([...new Set([...before, ...this.processes()])], 10_000);
    const named = left.map((pid) => `${pid} ${programOf(pid)} (${waitsIn(pid)})`);
    for (const pid of left) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    this.log.end();
    if (stubborn !== undefined)
      throw new Error(`the app did not end within ten seconds of its window's close${stubborn}`);
    if (named.length > 0) throw new Error(`still running after the window closed: ${named.join(', ')}`);
  }
}

/** A stage of a journey, reported as a test of its own; the journey ends with the first that fails. */
export async function stage(t, name, work) {
  let failure;
  await t.test(name, async () => {
    try {
      await work();
    } catch (error) {
      failure = error;
      throw error;
    }
  });
  if (failure !== undefined) throw failure;
}

/**
 * Runs one journey: opens the window, does `work`, closes it. On a failure a picture and the logs are kept.
 * `work` gets the window and `reopen`, which opens another one on the same data folder after this one has ended.
 */
export async function journey(options, work) {
  const home = options.home ?? newHome();
  let window = await AppWindow.open({ size: WIDE, ...options, home });
  const reopen = async (changes = {}) => {
    window = await AppWindow.open({ size: WIDE, ...options, home, ...changes });
    return window;
  };
  try {
    await work(window, reopen);
  } catch (error) {
    await window.browser.switchFrame(null).catch(() => {});
    await window.picture('failed').catch(() => {});
    await window.display('failed').catch(() => {});
    const told = await window.told();
    await window.close().catch(() => {});
    throw new Error(
      `${error.message}\nThe window told: ${JSON.stringify(told)}\n--- logs of ${options.name} (${dirname(window.logPath)})\n${window.logs()}`,
      {
        cause: error,
      },
    );
  }
  await window.close();
}
