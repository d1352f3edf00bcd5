import { describe, expect, it } from 'vitest';
import { en } from './en';
import { I18n } from './i18n.svelte';
import { zh } from './zh';

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe('the two languages', () => {
  it('have the same keys, none of them empty', () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
    for (const [key, text] of [...Object.entries(en), ...Object.entries(zh)]) expect(text.trim(), key).not.toBe('');
  });

  it('fill in the same values', () => {
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect(names(zh[key]), key).toEqual(names(en[key]));
  });

  it('have both forms of every count', () => {
    const forms = Object.keys(en).filter((key) => /_(one|other)$/.test(key));
    for (const key of forms) {
      const base = key.replace(/_(one|other)$/, '');
      expect(en).toHaveProperty([`${base}_one`]);
      expect(en).toHaveProperty([`${base}_other`]);
    }
  });

  it('say nothing in the other language', () => {
    for (const [key, text] of Object.entries(en)) expect(text, key).not.toMatch(/[\u4e00-\u9fff]/);
  });
});

describe('I18n', () => {
  it('fills in, counts and switches', () => {
    const i18n = new I18n();
    i18n.choose('en');
    expect(i18n.t('todos.done', { done: 1, all: 3 })).toBe('1 of 3');
    expect(i18n.count('count.files', 1)).toBe('1 file');
    expect(i18n.count('count.files', 1200)).toBe('1,200 files');
    i18n.choose('zh');
    expect(i18n.count('count.files', 2)).toBe('2 个文件');
  });

  it('follows the desktop', () => {
    const i18n = new I18n();
    i18n.choose('system', ['zh-TW']);
    expect(i18n.locale).toBe('zh');
    i18n.choose('system', ['de-DE']);
    expect(i18n.locale).toBe('en');
  });
});
