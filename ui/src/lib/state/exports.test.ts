import { describe, expect, it } from 'vitest';
import { fileName } from './exports.svelte';

describe('the name of a copy', () => {
  it('is one that every file system takes', () => {
    expect(fileName('Make a site: “shop” / v2?')).toBe('Make a site “shop” v2');
    expect(fileName('..\\..//')).toBe('workspace');
    expect(fileName('\n')).toBe('workspace');
    expect(fileName('数据 分析')).toBe('数据 分析');
    expect([...fileName('😀'.repeat(200))]).toHaveLength(60);
    expect(fileName('ends with a dot.')).toBe('ends with a dot');
  });
});
