// Presentations as other programs read them.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('readPptx.py', import.meta.url));

/** `{ reader, slides: [{ title, notes, tables, texts, ellipses }] }` of a .pptx. */
export function readPptx(file) {
  return JSON.parse(execFileSync('python3', [program, file], { encoding: 'utf8' }));
}
