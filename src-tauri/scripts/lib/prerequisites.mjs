// Finds what is missing and installs it, or names the command that does.
import { createInterface } from 'node:readline';

import { which } from './paths.mjs';
import { ask, run } from './run.mjs';
import { fail, say, step } from './say.mjs';
import { requirements, systemKey, systemOf } from './systems.mjs';

/** The version that the drivers of the window tests were proven with. */
const TAURI_DRIVER = '2.1.0';
const OLDEST_RUST = [1, 90];
const OLDEST_NODE = [20, 19];

function holds(probe) {
  if (probe.program !== undefined) return which(probe.program) !== undefined;
  if (probe.programs !== undefined) return probe.programs.every((name) => which(name) !== undefined);
  if (probe.oneOf !== undefined) return probe.oneOf.some((name) => which(name) !== undefined);
  if (probe.pkgConfig !== undefined) return ask('pkg-config', ['--exists', probe.pkgConfig]) !== undefined;
  const answer = ask(probe.command[0], probe.command.slice(1));
  return answer !== undefined && (probe.answers === undefined || probe.answers.test(answer));
}

function olderThan(text, oldest) {
  const [major, minor] = (text.match(/(\d+)\.(\d+)/) ?? [0, 0, 0]).slice(1).map(Number);
  return major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
}

function checkToolchain(purposes) {
  if (olderThan(process.version, OLDEST_NODE)) {
    fail(
      `Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.version}. Get it from https://nodejs.org or your system.`,
    );
  }
  if (!purposes.includes('build') && !purposes.includes('engine')) return;
  const rust = ask('rustc', ['--version']);
  const get =
    process.platform === 'win32'
      ? 'winget install --id Rustlang.Rustup -e'
      : "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
  if (rust === undefined || which('cargo') === undefined) fail(`Rust is missing. Get it with:\n\n  ${get}\n`);
  if (olderThan(rust, OLDEST_RUST))
    fail(`Rust ${OLDEST_RUST.join('.')} or newer is needed; this is ${rust}. Run: rustup update stable`);
  if (purposes.includes('test')) {
    const missing = ['fmt', 'clippy'].filter((name) => ask('cargo', [name, '--version']) === undefined);
    if (missing.length > 0)
      fail(`Cargo's ${missing.join(' and ')} is missing. Run: rustup component add rustfmt clippy`);
  }
}

/** Asks on a terminal. Ctrl-C and the end of the input are a no. */
export function agrees(question, input = process.stdin, output = process.stderr) {
  const terminal = createInterface({ input, output });
  return new Promise((done) => {
    const leave = () => {
      output.write('\n');
      done(false);
    };
    terminal.once('close', leave);
    terminal.question(`${question} [Y/n] `, (answer) => {
      terminal.off('close', leave);
      terminal.close();
      done(/^(y|yes|)$/i.test(answer.trim()));
    });
  });
}

const quote = (words) => words.map((word) => (/^[\w@%+=:,./"-]+$/.test(word) ? word : `'${word}'`)).join(' ');

/**
 * How this account may install: `owner` needs no more rights than it has, `sudo` has them at hand, `password` would
 * be asked by a sudo that has no terminal to ask on, `none` has no sudo.
 */
function rightsIn(system) {
  if (system.withoutRoot || process.getuid?.() === 0) return 'owner';
  if (which('sudo') === undefined) return 'none';
  return process.stdin.isTTY || ask('sudo', ['-n', 'true']) !== undefined ? 'sudo' : 'password';
}

/** The commands as somebody with these rights types them. */
export function typed(commands, rights) {
  if (rights === 'owner') return commands.map((words) => `  ${quote(words)}`).join('\n');
  if (rights !== 'none') return commands.map((words) => `  sudo ${quote(words)}`).join('\n');
  // A login shell: without one root keeps a path in which the package system misses its own tools.
  return `  su - -c "${commands.map(quote).join(' && ')}"`;
}

/** What to say where nothing can be installed, or nobody was asked. `verb` is the npm script that runs. */
export function advice(commands, rights, verb) {
  const again = { start: 'npm start', test: 'npm test' }[verb] ?? (verb === undefined ? undefined : `npm run ${verb}`);
  const yes = again === undefined ? '--yes' : `${again} -- --yes`;
  const reason = {
    none: 'Installing needs root, and there is no sudo here. With the password of root:',
    password: 'sudo wants a password, and there is no terminal here to ask for it. In one, or as root:',
  }[rights];
  const ending = reason === undefined ? `, or let this do it with \`${yes}\`` : '';
  return `${reason ?? 'Install it with:'}\n\n${typed(commands, rights)}\n\nand run this again${ending}.`;
}

async function install(missing, system, key) {
  const packages = [...new Set(missing.flatMap((requirement) => requirement.packages[key]))];
  const commands = system.commands(packages);
  const rights = rightsIn(system);
  const byHand = typed(commands, rights);
  say(`Missing:\n${missing.map((requirement) => `  - ${requirement.what}`).join('\n')}`);
  if (!system.proven)
    say(`The list for ${system.name} has not been run there yet; please report what is wrong with it.`);
  const unasked = process.env.CI || process.argv.includes('--yes');
  // In a container there is often nobody to ask, and root to do it.
  const nobodyThere = !process.stdin.isTTY && process.getuid?.() === 0;
  const able = (rights === 'owner' || rights === 'sudo') && (unasked || nobodyThere || process.stdin.isTTY);
  if (!able) fail(advice(commands, rights, process.env.npm_lifecycle_event));
  if (!unasked && !nobodyThere && !(await agrees(`Install it now?\n\n${byHand}\n\n`))) {
    fail(`Nothing was installed. When you are ready:\n\n${byHand}\n`);
  }
  const prefix = rights === 'sudo' ? ['sudo'] : [];
  for (const words of commands) {
    const [command, ...args] = [...prefix, ...words];
    step(quote([command, ...args]));
    // Not exported to all of our children: it belongs to this one.
    const result = await run(
      command === 'sudo' ? 'sudo' : command,
      command === 'sudo' ? ['DEBIAN_FRONTEND=noninteractive', ...args] : args,
      {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
        stdout: 'error',
      },
    );
    if (result.code !== 0) fail(`That failed. By hand:\n\n${byHand}\n`);
  }
  const still = missing.filter((requirement) => !holds(requirement.probe));
  if (still.length > 0)
    fail(`Still missing after the installation: ${still.map((requirement) => requirement.what).join(', ')}.`);
}

async function installDriver() {
  if (process.platform !== 'linux' || which('tauri-driver') !== undefined) return;
  step(`cargo install tauri-driver ${TAURI_DRIVER}`);
  // A target folder of its own would be built anew next to ours for nothing; cargo keeps a temporary one.
  const result = await run('cargo', ['install', 'tauri-driver', '--version', TAURI_DRIVER, '--locked'], {
    stdout: 'error',
  });
  if (result.code !== 0) fail('tauri-driver could not be installed; it drives the window in tests.');
}

/** Makes sure that what the purposes (see the table in systems.mjs) need is there. Ends the program if not. */
export async function ensurePrerequisites(purposes) {
  checkToolchain(purposes);
  const key = systemKey();
  const system = systemOf(key);
  if (system === undefined) {
    say('This system has no list of prerequisites yet. Needed: a C compiler, pkg-config, WebKitGTK 4.1 with headers.');
    return;
  }
  const missing = requirements.filter(
    (requirement) =>
      requirement.packages[key] !== undefined &&
      requirement.for.some((purpose) => purposes.includes(purpose)) &&
      !holds(requirement.probe),
  );
  if (missing.length > 0) await install(missing, system, key);
  if (purposes.includes('test')) await installDriver();
}
