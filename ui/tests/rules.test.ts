import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testids } from '$lib/testids';

const root = join(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(svelte|ts|css)$/.test(path) && !path.includes('generated'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** Where sizes and colours may stand: the tokens; the fixtures are a page of their own. */
const styles = files
  .filter(({ path }) => !path.endsWith('tokens.css') && !path.includes('mock'))
  .map(({ path, text }) => ({
    path,
    css: path.endsWith('.css') ? text : (/<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? ''),
  }));

describe('rules of the source', () => {
  it('no colour and no size outside of the tokens', () => {
    const found = styles.flatMap(({ path, css }) =>
      [
        ...css
          .replace(/\/\*[\s\S]*?\*\//g, '')
          .matchAll(/#[0-9a-f]{3,8}\b|\b(?:rgba?|hsla?|oklch)\(|[\d.]+(?:px|rem|pt)\b/gi),
      ].map(([match]) => `${path}: ${match}`),
    );
    expect(found).toEqual([]);
  });

  it('every token that is used exists', () => {
    const tokens = readFileSync(join(root, 'styles/tokens.css'), 'utf8');
    const known = new Set([...tokens.matchAll(/(--[\w-]+):/g)].map(([, name]) => name));
    // By a directive on an element, or by a rule beside the one that uses it.
    const set = new Set(
      files.flatMap(({ path, text }) =>
        [...text.matchAll(/style:(--[\w-]+)|^\s+(--[\w-]+):/gm)]
          .filter(([, directive]) => directive !== undefined || path.endsWith('.svelte'))
          .map(([, directive, rule]) => directive ?? rule),
      ),
    );
    const missing = styles.flatMap(({ path, css }) =>
      [...css.matchAll(/var\((--[\w-]+)/g)]
        .filter(([, name]) => !known.has(name) && !set.has(name))
        .map(([, name]) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('both themes name the same colours', () => {
    const tokens = readFileSync(join(root, 'styles/tokens.css'), 'utf8');
    const [light = '', dark = ''] = tokens.split("[data-theme='dark']");
    const colours = (part: string) => [...part.matchAll(/(--[\w-]+): (?:#|rgb|0 )/g)].map(([, name]) => name);
    const inDark = new Set(colours(dark));
    // A page of the agent is drawn on white in both.
    expect(colours(light).filter((name) => !inDark.has(name) && name !== '--page')).toEqual([]);
  });

  it('only the transport knows the host', () => {
    const found = files.filter(({ path, text }) => text.includes('@tauri-apps') && !path.startsWith('lib/ipc/'));
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it('features do not know each other', () => {
    const found = files.filter(({ path, text }) => {
      if (!path.startsWith('lib/features/')) return false;
      // Within a feature its folders may know each other.
      const steps = path.split('/').length - 'lib/features/one/file'.split('/').length;
      const ways = [...text.matchAll(/(?:from|import\()\s*'((?:\.\.\/)*)([^']*)'/g)];
      return ways.some(([, up = '', rest = '']) => /^\$lib\/(features|views)\//.test(rest) || up.length / 3 > steps);
    });
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it('components stay small', () => {
    const long = files.filter(
      ({ path, text }) => text.split('\n').length > 400 && !/mock|i18n|app\.svelte\.ts/.test(path),
    );
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it('every test id is in use', () => {
    const source = files
      .filter(({ path }) => !path.endsWith('testids.ts'))
      .map(({ text }) => text)
      .join('\n');
    expect(Object.keys(testids).filter((name) => !source.includes(`testids.${name}`))).toEqual([]);
    expect(new Set(Object.values(testids)).size).toBe(Object.values(testids).length);
  });
});
