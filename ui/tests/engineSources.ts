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
/** What the history and moves along the tree say in other ways. */
const HISTORY_PLACES = [
  // Why files cannot be restored, and why a turn cannot be taken back alone.
  /\bNotRestorable\(\s*"((?:[^"\\]|\\[^])*)"/g,
  /\bset_not_restorable\([^"()]*"((?:[^"\\]|\\[^])*)"/g,
  /\bconst THINNED: &str = "((?:[^"\\]|\\[^])*)"/g,
  /\bSome\("((?:[^"\\]|\\[^])*\.)"(?:\.to_owned\(\))?\)/g,
  /\blet reason = "((?:[^"\\]|\\[^])*)"/g,
  /=> "(the turn (?:[^"\\]|\\[^])*|it was (?:[^"\\]|\\[^])*)"/g,
  /\bOk\(Err\("((?:[^"\\]|\\[^])*)"/g,
  /\bconflicts\.insert\([^"]*?"((?:[^"\\]|\\[^])*)"/g,
  // What a restore could not write.
  /\bthen_some\("((?:[^"\\]|\\[^])*)"/g,
  /\breturn Some\("((?:[^"\\]|\\[^])* (?:[^"\\]|\\[^])*)"/g,
  // What is said at the top of a session.
  /\bremark\(\s*(?:&?format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
  /\bconst [A-Z_]+: &str = "([A-Z](?:[^"\\]|\\[^])*\.)"/g,
  // What undo and redo lead to.
  /format!\(\s*"((?:[^"\\]|\\[^])*“\{\w*\}”)"/g,
];
/** Why something is not shown, or not whole. */
const PREVIEW_PLACES = [
  /\bnotes\.push\(\s*(?:format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
  /\bnone\((?:&format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
  /\bErr\((?:Refused::\w+\()?(?:format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
  /\bRefused::\w+\((?:format!\(\s*)?"((?:[^"\\]|\\[^])*)"/g,
  /\bbroken\(material, "((?:[^"\\]|\\[^])*)"/g,
  /\bwhat: (?:format!\()?"((?:[^"\\]|\\[^])*)"/g,
  /"([A-Z](?:[^"\\]|\\[^])*\.)"\s*\.to_owned\(\)/g,
];
const OF_PREVIEWS = /crates[\\/]preview[\\/]src$/;
const OF_THE_HISTORY = /crates[\\/](?:engine|snapshots)[\\/]src$/;
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
  const places = [
    ...PLACES,
    ...(OF_THE_HISTORY.test(folder) ? HISTORY_PLACES : []),
    ...(OF_PREVIEWS.test(folder) ? PREVIEW_PLACES : []),
    ...(withErrors ? [ERROR_PLACE] : []),
  ];
  for (const file of rustFiles(folder)) {
    // Tests at the end of a file speak to nobody.
    const source = readFileSync(file, 'utf8').split(/#\[cfg\(test\)\]\s*mod \w+ \{/)[0] ?? '';
    for (const place of places) {
      for (const [, literal = ''] of source.matchAll(place)) {
        const sentence = plain(literal);
        if (/[A-Za-z]/.test(sentence.replaceAll('{}', ''))) found.add(sentence);
      }
    }
  }
  return [...found];
}
