import { describe, expect, it } from 'vitest';
import { partialObject } from './partialJson';

describe('partialObject', () => {
  const whole = {
    file_path: 'a "b"\\c.txt',
    content: 'line\n\ttab 世界 \u0001',
    limit: 12,
    deep: { list: [1, 'x,}'] },
    flag: true,
  };
  const text = JSON.stringify(whole);

  it('reads a whole object', () => {
    expect(partialObject(text)).toEqual(whole);
  });

  it('reads every prefix without a wrong value', () => {
    for (let end = 0; end <= text.length; end += 1) {
      const part = partialObject(text.slice(0, end)) as Partial<typeof whole>;
      for (const [key, value] of Object.entries(part)) {
        const expected = whole[key as keyof typeof whole];
        if (typeof value === 'string') expect(String(expected).startsWith(value)).toBe(true);
        else expect(value).toEqual(expected);
      }
    }
    expect(partialObject(text.slice(0, text.indexOf('limit'))).content).toBe(whole.content);
  });

  it('gives nothing for what is no object', () => {
    for (const other of ['', '[1,2]', '"x"', 'null', 'nonsense', '{']) expect(partialObject(other)).toEqual({});
  });
});
