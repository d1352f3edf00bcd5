// What the scripts say. All of it goes to standard error: standard output belongs to results.
const colours = process.stderr.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

export function say(text) {
  process.stderr.write(`${text}\n`);
}

export function step(text) {
  say(`\n${paint('1;36', `==> ${text}`)}`);
}

export function fail(text) {
  say(paint('1;31', text));
  process.exit(1);
}
