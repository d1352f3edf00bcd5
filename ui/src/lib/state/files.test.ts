import { describe, expect, it } from 'vitest';
import { ScriptedTransport } from '../../../tests/support';
import { Files } from './files.svelte';

describe('listed folders', () => {
  it('are touched by what changes in or below them, and by no other', async () => {
    const transport = new ScriptedTransport({ file_list: () => ({ entries: [], truncated: false }) });
    const files = new Files(transport);
    await files.show('s1');
    await files.toggle('site');
    await files.toggle('other');
    const before = ['', 'site', 'other'].map((folder) => files.touched(folder));
    const changed = () =>
      ['', 'site', 'other'].map((folder, index) => files.touched(folder) !== (before[index] as number));
    await files.changed(['site/look/style.css']);
    expect(changed()).toEqual([true, true, false]);
    const after = files.touched('site');
    await files.changed(['other/page.html']);
    expect(changed()).toEqual([true, true, true]);
    expect(files.touched('site')).toBe(after);
    // No paths means anything.
    await files.changed([]);
    expect(files.touched('site')).not.toBe(after);
    // What was seen before another session was shown may have changed meanwhile.
    const last = files.touched('site');
    await files.show('s2');
    await files.show('s1');
    expect(files.touched('site')).toBeGreaterThan(last);
  });
});
