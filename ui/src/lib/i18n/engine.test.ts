import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wordError, wordSentence } from './engine';
import { plain, sentencesOf } from '../../../tests/engineSources';
import { sentences } from './engineZh';

const rust = join(import.meta.dirname, '../../../../src-tauri');
/** Where what a person reads comes from, and whether the wording of an error type reaches them as it stands. */
const spoken: [folder: string, withErrors: boolean][] = [
  ['crates/engine/src', false],
  ['crates/host/src', false],
  ['crates/store/src', false],
  ['crates/snapshots/src', true],
  ['crates/workspace/src', true],
  ['crates/secrets/src', true],
  ['crates/preview/src', false],
  ['crates/slides/src', true],
  ['crates/model/src', true],
  ['crates/toolbox/src', false],
  ['src', false],
];
const manifest = join(import.meta.dirname, '../../../../tool-manifest/tools');

describe('the words of the engine', () => {
  it('stay as they are in English', () => {
    const error = { code: 'busy', message: 'A turn is running in this session.', hint: 'Wait.' } as const;
    expect(wordError(error, 'en')).toBe(error);
    expect(wordSentence('Works.', 'en')).toBe('Works.');
  });

  it('are worded by the code in Chinese, and the particulars go to the details', () => {
    const error = {
      code: 'limitReached',
      message: 'Sixty were the most.',
      hint: 'Raise it.',
      detail: 'more',
    } as const;
    expect(wordError(error, 'zh')).toEqual({
      code: 'limitReached',
      message: '这一轮达到了您设置的上限。',
      hint: '可以继续，或在“限制”设置中提高上限。',
      detail: 'Sixty were the most.\nmore',
    });
  });

  it('leave nothing for the details where the wording says it all', () => {
    const error = { code: 'cancelled', message: 'You stopped this turn.' } as const;
    expect(wordError(error, 'zh')).toEqual({ code: 'cancelled', message: '您停止了这一轮。' });
  });

  it('keep their particulars where the sentence is known', () => {
    const error = {
      code: 'unauthorized',
      message: '127.0.0.1:8080 refused the key for the model m-1: Incorrect API key provided.',
      hint: 'Enter the key in the settings under Models; then retry.',
    } as const;
    expect(wordError(error, 'zh')).toEqual({
      code: 'unauthorized',
      message: '127.0.0.1:8080 拒绝了模型 m-1 的密钥：Incorrect API key provided.',
      hint: '请在“模型”设置中填写密钥，然后重试。',
    });
    expect(wordSentence('m-1 answers, but the server does not list it.', 'zh')).toBe('m-1 有应答，但服务器未列出它。');
  });

  it('are shown as they came where nothing is known', () => {
    const error = { message: 'Something new.', detail: 'x' };
    expect(wordError(error, 'zh')).toEqual({ ...error, hint: undefined });
  });

  it.each(spoken)('have Chinese words for everything that %s says', (folder, withErrors) => {
    const known = new Set(Object.keys(sentences).map((sentence) => sentence.replaceAll('{n}', '{}')));
    const missing = sentencesOf(join(rust, folder), withErrors).filter((sentence) => !known.has(sentence));
    expect(missing).toEqual([]);
  });

  it.each(['macos', 'windows'])('have Chinese words for the boundary of %s', (system) => {
    const source = readFileSync(join(rust, `crates/sandbox/src/${system}/status.rs`), 'utf8');
    const said = [...source.matchAll(/"((?:[^"\\]|\\[^])*)"/g)].map(([, literal = '']) => plain(literal));
    const worded = said.filter((sentence) => /[a-z]/.test(sentence));
    expect(worded.length).toBeGreaterThan(10);
    expect(worded.filter((sentence) => wordSentence(sentence, 'zh') === sentence && sentence !== 'Seatbelt')).toEqual(
      [],
    );
  });

  it('word the reason inside of a sentence, and leave names and what others said', () => {
    expect(wordSentence('`/home/x` cannot be used as a workspace: it is not a folder.', 'zh')).toBe(
      '`/home/x` 不能用作工作区：它不是文件夹。',
    );
    expect(wordSentence('`Model` does not exist in the workspace.', 'zh')).toBe('工作区中没有 `Model`。');
    expect(wordSentence('/a/settings.toml, line 3, limits: no number', 'zh')).toBe(
      '/a/settings.toml 第 3 行，limits：no number',
    );
    expect(wordSentence('m at h sent nothing for 120 seconds.', 'zh')).toBe('m（h）在 120 秒 内没有任何回应。');
    expect(wordSentence('The history cannot be used: bad object header.', 'zh')).toBe(
      '无法使用历史记录：bad object header。',
    );
  });

  it('word the reasons of broken files to their end', () => {
    for (const said of [
      'The file is too large to be read safely: its compressed parts hold more than 256 MB.',
      'The document is broken: it looks like a pptx but its archive is damaged or cut off (the index at its end cannot be read).',
      'JSON Parse error: Unexpected EOF',
      "Files that were changed after the program had ended in a turn are not counted as that turn's: 一, 二 and 14 more.",
      'The web engine took longer than 15 s to load the page, whose scripts seem to run without end.',
    ]) {
      expect(wordSentence(said, 'zh').replace(/MB|JSON|pptx/g, ''), said).not.toMatch(/[a-z]{2}/i);
    }
  });

  it('word several sentences one after the other', () => {
    const mended = 'The history of this session was damaged (HEAD, refs) and was mended; no snapshot was lost by that.';
    const lost =
      '3 snapshots of this session were damaged and can no longer be restored; the others are there, and the files of the workspace are untouched.';
    expect(wordSentence(`${mended} ${lost}`, 'zh')).toBe(
      '此会话的历史记录曾损坏（HEAD, refs），已经修复；没有因此丢失任何快照。' +
        '此会话有 3 个快照损坏，无法再恢复；其他快照都在，工作区的文件没有变化。',
    );
    expect(wordSentence('Something new. And more of it.', 'zh')).toBe('Something new. And more of it.');
  });

  it('have the same gaps in both languages', () => {
    const gaps = (text: string) => text.split(/\{n?\}/).length - 1;
    for (const [sentence, words] of Object.entries(sentences)) expect(gaps(words), sentence).toBe(gaps(sentence));
  });

  it('name every tool of the contract', () => {
    const files = readdirSync(manifest).filter((name) => name.endsWith('.json'));
    expect(files).toHaveLength(24);
    for (const name of files) {
      const { summary } = JSON.parse(readFileSync(join(manifest, name), 'utf8')) as { summary: string };
      expect(wordSentence(summary, 'zh'), name).toMatch(/[\u4e00-\u9fff]/);
    }
  });
});
