import { describe, expect, it } from 'vitest';
import type { FileFacts } from '$lib/ipc';
import { metaWords, clockWords } from '$lib/format/metaWords';
import { I18n } from '$lib/i18n/i18n.svelte';
import { newer, stampOf, viewerOf } from '../look';
import { momentAt, momentsOf } from '../moments';
import { makeNode } from '$lib/ipc/mock/fixtures';
import { hexRows } from './hex';
import { PART, jsonRows, openAtFirst, parseJson } from './jsonRows';
import { localPictures } from './localPictures';
import { readNotebook } from './notebook';
import {
  PAGE_ROWS,
  RowPages,
  asTabs,
  columnNames,
  columnWidths,
  isNumeric,
  rowsInView,
  tallness,
  topOf,
  widest,
} from './rowPages';
import { TableSelection } from './tableSelection.svelte';

const node = (id: string, parent: string | null, at: number, rest: Parameters<typeof makeNode>[4]) =>
  makeNode(id, parent, id, at, rest);
const facts = (rest: Partial<FileFacts> = {}): FileFacts => ({
  path: 'a',
  mime: 'application/octet-stream',
  size: 10,
  modifiedAt: 1,
  hash: 'h',
  kind: 'file',
  meta: null,
  head: '',
  text: false,
  problem: null,
  ...rest,
});

describe('which viewer', () => {
  it('is chosen by the name where the content agrees', () => {
    expect(viewerOf('a.md', facts({ text: true }))).toBe('markdown');
    expect(viewerOf('a.md', facts())).toBe('other');
    expect(viewerOf('a.json', facts({ text: true }))).toBe('json');
    expect(viewerOf('notes', facts({ text: true }))).toBe('code');
    expect(viewerOf('photo', facts({ mime: 'image/png' }))).toBe('image');
    expect(viewerOf('tool', facts())).toBe('other');
    expect(viewerOf('a.pdf', facts({ size: 0 }))).toBe('empty');
    expect(viewerOf('a.xlsx', facts())).toBe('table');
    expect(viewerOf('folder', facts({ mime: 'inode/directory', size: 0 }))).toBe('folder');
  });

  it('stays while the content does', () => {
    const before = facts();
    expect(newer(before, facts({ modifiedAt: 5 }))).toBe(before);
    expect(newer(before, facts({ hash: 'other' }))).not.toBe(before);
    const large = facts({ hash: null, size: 1e9 });
    expect(stampOf(large)).not.toBe(stampOf({ ...large, modifiedAt: 9 }));
  });
});

describe('moments', () => {
  it('are the nodes of the path whose files are kept, and the present', () => {
    const tree = [
      node('a', null, 0, { snapshot: '1' }),
      node('b', 'a', 1, { snapshot: '2', notRestorable: 'thinned' }),
      node('side', 'a', 2, { snapshot: '3' }),
      node('c', 'b', 3, { snapshot: '4' }),
      node('d', 'c', 4, { snapshot: '5', status: 'running' }),
    ];
    const moments = momentsOf(tree, new Set(['d', 'c', 'b', 'a']));
    expect(moments.map((moment) => moment.node?.id ?? null)).toEqual(['a', 'c', null]);
    // The way to a node that was left has moments of its own; a node without files is none of them.
    const way = (at: string) => momentsOf(tree, new Set(['d', 'c', 'b', 'a']), at).map(({ node }) => node?.id ?? null);
    expect(way('side')).toEqual(['a', 'side', null]);
    expect(way('c')).toEqual(['a', 'c', null]);
    expect([momentAt(moments, 'c'), momentAt(moments, 'gone'), momentAt(moments, null)]).toEqual([1, 2, 2]);
  });
});

describe('rows of a table', () => {
  it('are kept by pages, the far ones go', () => {
    let pages = new RowPages();
    for (let page = 0; page < 100; page += 1) pages = pages.with(page, [[String(page)]], page);
    expect(pages.has(0)).toBe(false);
    expect(pages.row(99 * PAGE_ROWS)).toEqual(['99']);
    expect(pages.row(99 * PAGE_ROWS + 1)).toBeUndefined();
    expect(pages.withoutShort().has(99)).toBe(false);
  });

  it('are reached to the last, however many there are', () => {
    for (const rows of [0, 1, 900, 285_714, 5_000_000, 800_000_000]) {
      const height = tallness(rows, 28);
      expect(height).toBeLessThanOrEqual(8_000_000);
      const end = rowsInView(rows, 28, Math.max(0, height - 600), 600);
      expect(end.first + end.count, String(rows)).toBe(rows);
      expect(rowsInView(rows, 28, 0, 600).first).toBe(0);
      const middle = Math.floor(rows / 2);
      expect(Math.abs(rowsInView(rows, 28, topOf(middle, rows, 28, 600), 600).first - middle)).toBeLessThanOrEqual(1);
    }
  });

  it('are measured, recognised as numbers, and copied', () => {
    expect(columnWidths(['name', '城市'], [['x'.repeat(100), '上海']])).toEqual([44, 8]);
    expect(isNumeric(['1', '', '−2.5 %'])).toBe(true);
    expect(isNumeric(['1', 'a'])).toBe(false);
    expect(isNumeric(['', ''])).toBe(false);
    expect(
      asTabs([
        ['a', 'b\tc'],
        ['"q"', ''],
      ]),
    ).toBe('a\t"b\tc"\n"""q"""\t');
  });

  it('are selected by pointer and keys', () => {
    const selection = new TableSelection();
    const extent = { first: 5, rows: 100, columns: 4, page: 10 };
    const key = (name: string, rest: KeyboardEventInit = {}) =>
      selection.key(new KeyboardEvent('keydown', { key: name, ...rest }), extent);
    expect(key('ArrowDown')).toEqual({ row: 6, column: 0 });
    key('End', { shiftKey: true });
    key('PageDown', { shiftKey: true });
    expect(selection.box).toEqual({ top: 6, bottom: 16, left: 0, right: 3 });
    expect(key('End', { ctrlKey: true })).toEqual({ row: 99, column: 3 });
    expect(key('x')).toBeNull();
    selection.pick({ button: 0, shiftKey: false }, { row: 2, column: 1 });
    selection.stretch({ buttons: 1 }, { row: 0, column: 3 });
    expect(selection.box).toEqual({ top: 0, bottom: 2, left: 1, right: 3 });
    expect(selection.has(1, 2)).toBe(true);
    expect(selection.has(3, 2)).toBe(false);
  });
});

describe('the tree of a JSON value', () => {
  it('shows what is open, and large arrays in parts', () => {
    const numbers = Array.from({ length: PART * 2 + 1 }, (_, index) => index);
    const value = parseJson(JSON.stringify({ a: [1, 'two', null], b: numbers }));
    const open = openAtFirst(value);
    expect(jsonRows(value, open).map(({ name, text, count }) => [name, text, count])).toEqual([
      [null, '', 2],
      ['a', '', 3],
      ['0', '1', 0],
      ['1', '"two"', 0],
      ['2', 'null', 0],
      ['b', '', 1001],
    ]);
    const b = jsonRows(value, new Set(['$', '$."b"'])).filter(({ kind }) => kind === 'part');
    expect(b.map(({ name, count }) => [name, count])).toEqual([
      ['0 … 499', 500],
      ['500 … 999', 500],
      ['1000 … 1000', 1],
    ]);
    const part = jsonRows(value, new Set(['$', '$."b"', b[1]?.id ?? '']));
    expect(part.filter(({ depth }) => depth === 3).map(({ name }) => name)[0]).toBe('500');
  });

  it('shows every number as it is written and every entry in its order', () => {
    const text =
      '{"id": 1234567890123456789, "price": 1.10, "e": [1e400, -0.0],\n "b": 1, "2": true, "b": {"\\u0062\\"": "\\\\"}}';
    const open = new Set(['$', '$."e"', '$."b"#1']);
    expect(jsonRows(parseJson(text), open).map(({ name, text }) => [name, text])).toEqual([
      [null, ''],
      ['id', '1234567890123456789'],
      ['price', '1.10'],
      ['e', ''],
      ['0', '1e400'],
      ['1', '-0.0'],
      ['b', '1'],
      ['2', 'true'],
      ['b', ''],
      ['b"', '"\\\\"'],
    ]);
    expect(jsonRows(parseJson(' 1.0 '), open)[0]?.text).toBe('1.0');
    for (const wrong of ['', '{"a" 1}', '[1,]', '{"a": nul}']) expect(() => parseJson(wrong)).toThrow(SyntaxError);
    const long = 'x'.repeat(5_000_000);
    expect(parseJson(JSON.stringify([long]))).toEqual([long]);
  });

  it('is not ended by deep nesting', () => {
    const deep = parseJson('['.repeat(2_000) + '1' + ']'.repeat(2_000));
    const open = new Set(['$']);
    let id = '$';
    for (let level = 0; level < 200; level += 1) open.add((id += '[0]'));
    expect(jsonRows(deep, open)).toHaveLength(202);
  });
});

describe('a notebook', () => {
  it('is read with its outputs, whatever they are', () => {
    const notebook = readNotebook({
      metadata: { kernelspec: { language: 'julia' } },
      cells: [
        { cell_type: 'markdown', source: ['# A\n', 'b'] },
        {
          cell_type: 'code',
          source: 'x',
          execution_count: 3,
          outputs: [
            { output_type: 'stream', name: 'stderr', text: ['\u001b[31mred\u001b[0m'] },
            { output_type: 'display_data', data: { 'image/png': 'aGk=\n', 'text/plain': 'x' } },
            { output_type: 'execute_result', data: { 'text/html': '<b>1</b>', 'text/plain': '1' } },
            { output_type: 'error', ename: 'E', evalue: 'v' },
            { output_type: 'display_data', data: { 'application/x-plot': {} } },
            'nothing',
          ],
        },
        null,
      ],
    });
    expect(notebook?.language).toBe('julia');
    expect(notebook?.cells).toEqual([
      { kind: 'markdown', source: '# A\nb', number: null, outputs: [] },
      {
        kind: 'code',
        source: 'x',
        number: 3,
        outputs: [
          { type: 'text', text: 'red', error: true },
          { type: 'image', url: 'data:image/png;base64,aGk=' },
          { type: 'html', html: '<b>1</b>' },
          { type: 'text', text: 'E: v', error: true },
          { type: 'left', mime: 'application/x-plot' },
        ],
      },
    ]);
    for (const value of [null, [], {}, { cells: 4 }]) expect(readNotebook(value)).toBeNull();
    expect(notebook?.cut).toBe(false);
  });

  it('is cut where it is more than can be shown', () => {
    const long = 'x'.repeat(1_000_000);
    const outputs = [
      { output_type: 'stream', text: long },
      { output_type: 'display_data', data: { 'text/html': long } },
      { output_type: 'display_data', data: { 'text/markdown': long } },
      { output_type: 'display_data', data: { 'image/svg+xml': `${long}x` } },
      { output_type: 'display_data', data: { 'image/png': long } },
    ];
    const cells = Array.from({ length: 100 }, () => ({ cell_type: 'code', source: long, outputs }));
    const notebook = readNotebook({ cells });
    expect(notebook?.cut).toBe(true);
    const pictures = notebook?.cells.flatMap((cell) => cell.outputs.filter(({ type }) => type === 'image'));
    expect(pictures).toHaveLength(24);
    expect(JSON.stringify(notebook?.cells[99]).length).toBeLessThan(1000);
    const written = (notebook?.cells ?? []).map(({ source, outputs: made }) =>
      [source, ...made.map((one) => ('text' in one ? one.text : 'html' in one ? one.html : ''))].join(''),
    );
    expect(written.join('').length).toBeLessThan(4_100_000);
    const many = Array.from({ length: 5000 }, () => ({ output_type: 'stream', text: 'a' }));
    const chatty = readNotebook({ cells: [{ cell_type: 'code', source: '', outputs: many }] });
    expect([chatty?.cells[0]?.outputs.length, chatty?.cut]).toEqual([100, true]);
  });
});

describe('words and bytes', () => {
  it('say what a file is', () => {
    const i18n = new I18n();
    i18n.choose('en');
    expect(metaWords({ type: 'image', width: 1200, height: 800, animated: false }, i18n)).toBe('1,200 × 800');
    expect(metaWords({ type: 'table', rows: 1, columns: 2, names: [], sheets: [] }, i18n)).toBe('1 rows, 2 columns');
    expect(metaWords({ type: 'table', rows: null, columns: 2, names: [], sheets: [] }, i18n)).toBe('2 columns');
    expect(metaWords({ type: 'video', seconds: 75, width: 640, height: 480 }, i18n)).toBe('640 × 480 · 1:15');
    expect(metaWords({ type: 'deck', slides: [] }, i18n)).toBe('0 slides');
    expect(metaWords({ type: 'document', pages: 1, title: null }, i18n)).toBe('1 page');
    expect(metaWords({ type: 'archive', entries: 3, unpacked: 2000 }, i18n)).toBe('3 entries · 2 KB unpacked');
    expect(metaWords(undefined, i18n)).toBe('');
    expect([clockWords(7.9), clockWords(3723), clockWords(NaN)]).toEqual(['0:07', '1:02:03', '0:00']);
  });

  it('show the start of a file', () => {
    const [first, second] = hexRows(`89504e47${'41'.repeat(20)}`);
    expect(first).toEqual({
      offset: '00000000',
      bytes: '89 50 4e 47 41 41 41 41  41 41 41 41 41 41 41 41',
      letters: '.PNGAAAAAAAAAAAA',
    });
    expect(second?.letters).toBe('AAAAAAAA');
    expect(hexRows('')).toEqual([]);
    expect(hexRows('00'.repeat(5000))).toHaveLength(16);
  });
});

describe('the columns of a table', () => {
  it('are as many as the longest row has cells, lettered where they have no name', () => {
    const rows = [
      ['1', '2', '3', '4'],
      ['5', '6'],
    ];
    expect(columnNames(['a', ''], widest([['a', ''], ...rows]))).toEqual(['a', '', 'C', 'D']);
    expect(columnNames([], 28).slice(-3)).toEqual(['Z', 'AA', 'AB']);
    expect(widest([])).toBe(0);
  });
});

describe('the pictures beside a text', () => {
  it('are drawn where their links are, also where these come later', async () => {
    const box = document.createElement('div');
    document.body.append(box);
    const link = (path: string) => `<a class="picture" data-path="${path}">🖼 words of ${path}</a>`;
    box.innerHTML = link('a.png') + link('none.png') + '<a data-path="b.md">b</a>';
    const asked: string[] = [];
    const action = localPictures(box, async (path) => {
      asked.push(path);
      return path === 'none.png' ? null : `data:${path}`;
    });
    box.insertAdjacentHTML('beforeend', `<p>${link('late.png')}</p>`);
    await new Promise((done) => setTimeout(done, 5));
    action.destroy();
    expect(asked).toEqual(['a.png', 'none.png', 'late.png']);
    expect([...box.querySelectorAll('img')].map(({ src, alt }) => [src, alt])).toEqual([
      ['data:a.png', 'words of a.png'],
      ['data:late.png', 'words of late.png'],
    ]);
    expect(box.textContent).toContain('🖼 words of none.png');
    box.remove();
  });
});
