import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Finds the sentences of the engine in its source, so that a test can ask for a wording of each. Only tests use it.
 */

/** What words a person may read in the window. `(` may be followed by `format!(`. */
const PLACES = [
  /\bAppError::new\(\s*(?:format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
  /\bwith_hint\(\s*(?:format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
  // Why something is left out, refused or not copied.
  /\b(?:left_out|LeftOut|refused|skip)\((?:[^"()]|\([^"()]*\))*?"((?:[^"\\]|\\[^])*)"/g,
  /\b(?:left_out|LeftOut|refused|skip)\((?:[^"()]|\([^"()]*\))*?format!\(\s*"((?:[^"\\]|\\[^])*)"/g,
  /\("[^"]+",\s*"((?:[^"\\]|\\[^])* not recorded)"\)/g,
  /\bNoticeLevel::\w+,\s*(?:format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
];
/** In these crates the wording of an error type itself reaches the window, too. */
const ERROR_PLACE = /#\[error\(\s*"((?:[^"\\]|\\[^])*)"/g;

function rustFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.rs') && !/_tests\.rs$|(^|\/)(tests?|bin)\//.test(path))
    .map((path) => join(folder, path));
}

/** A Rust literal as it is printed, with `{}` for every part that is filled in. */
export function plain(literal: string): string {
  return literal
    .replace(/\\\r?\n\s*/g, '')
    .replace(/\\(["\\])/g, '$1')
    .replace(/\{[^}]*\}/g, '{}');
}

/** Every sentence that is found below a folder. Parts that are only a gap are left out. */
export function sentencesOf(folder: string, withErrors: boolean): string[] {
  const found = new Set<string>();
  for (const file of rustFiles(folder)) {
    // Tests at the end of a file speak to nobody.
    const source = readFileSync(file, 'utf8').split(/#\[cfg\(test\)\]\s*mod \w+ \{/)[0] ?? '';
    for (const place of withErrors ? [...PLACES, ERROR_PLACE] : PLACES) {
      for (const [, literal = ''] of source.matchAll(place)) {
        const sentence = plain(literal);
        if (/[A-Za-z]/.test(sentence.replaceAll('{}', ''))) found.add(sentence);
      }
    }
  }
  return [...found];
}
