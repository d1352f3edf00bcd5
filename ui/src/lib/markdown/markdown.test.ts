import { describe, expect, it } from 'vitest';
import { MarkdownBlocks, slices } from './blocks';
import { headingOf } from './headings';
import { isTangled, lexPieces, renderMarkdown } from './render';

describe('MarkdownBlocks', () => {
  const document = [
    '# Title',
    'A paragraph with **bold** text.',
    '- one\n- two\n\n- three',
    '```js\nconst a = 1;\n\nconst b = 2;\n```',
    '| a | b |\n|---|---|\n| 1 | 2 |',
    'The end.',
  ].join('\n\n');

  it('is cut only where nothing of it means something else', () => {
    const odd = [
      '[ref]: https://example.org/x',
      '```js\nlet a;\n\n# no heading\n\n```js\nplain words\n```',
      '- one\n\n  goes on\n\nwords with [a link][ref] and [ref].',
      '> quote\n\nTitle\n===\n\n1. a\n\n1. b\n\n| a | b |\n|---|---|\n| 1 | 2 |',
      '~~~\n\nIn code\n\n~~~\n\nBehind it',
      '<!-- one line -->\n\nwords\n\n<pre>\n\nkept </style>\n\n</pre>\n\nBehind <b>it</b>',
    ];
    const bare = (html: string): string => html.replace(/\s+/g, ' ').trim();
    for (const end of ['', '\n\n<!-- a\n\n# remark\n\n-->\n\nThe end.']) {
      const source = Array.from({ length: 40 }, () => odd.join('\n\n')).join('\n\n') + end;
      const cut = [...slices(source)].flat().map(({ html }) => bare(html));
      const whole = new MarkdownBlocks().update(source, true).map(({ html }) => bare(html));
      expect(cut).toEqual(whole);
    }
    const prose = `<!-- made by a program -->\n\n<pre>\n\n</style>\n\n</pre>\n\n${'Some words.\n\n'.repeat(4_000)}`;
    const sizes = [...lexPieces(prose, 4_000)].map((tokens) => tokens.map(({ raw }) => raw).join('').length);
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThan(5_000);
  });

  it('comes to the same as rendering all at once, however it is cut', () => {
    for (const step of [1, 3, 7, 50]) {
      const blocks = new MarkdownBlocks();
      for (let end = step; end < document.length; end += step) blocks.update(document.slice(0, end), false);
      const streamed = blocks.update(document, true).map(({ html }) => html.trim());
      const whole = new MarkdownBlocks().update(document, true).map(({ html }) => html.trim());
      expect(streamed).toEqual(whole);
      expect(streamed).toHaveLength(6);
    }
  });

  it('never touches a frozen block again', () => {
    const blocks = new MarkdownBlocks();
    const first = blocks.update('First.\n\nSecond', false)[0];
    for (let end = 0; end < 20; end += 1) {
      expect(blocks.update(`First.\n\nSecond${' word'.repeat(end)}`, false)[0]).toBe(first);
    }
  });

  it('parses only the tail', () => {
    const paragraph = `${'word '.repeat(40)}\n\n`;
    const cost = (paragraphs: number) => {
      const blocks = new MarkdownBlocks();
      const before = paragraph.repeat(paragraphs);
      blocks.update(before, false);
      blocks.parsedChars = 0;
      for (let count = 1; count <= 50; count += 1) blocks.update(`${before}${'x '.repeat(count)}`, false);
      return blocks.parsedChars;
    };
    // The one paragraph behind which nothing stood yet is parsed once more; nothing before it is.
    expect(cost(400)).toBe(cost(4));
  });

  it('starts over for another text', () => {
    const blocks = new MarkdownBlocks();
    blocks.update('One.\n\nTwo.\n\nThree', false);
    expect(blocks.update('Other.', true).map(({ html }) => html)).toEqual(['<p>Other.</p>\n']);
  });

  it('survives line ends that the parser normalises', () => {
    const blocks = new MarkdownBlocks();
    blocks.update('One.\r\n\r\nTwo', false);
    const html = blocks.update('One.\r\n\r\nTwo.\r\n\r\nThree.', true).map((block) => block.html.trim());
    expect(html).toEqual(['<p>One.</p>', '<p>Two.</p>', '<p>Three.</p>']);
  });
});

describe('a long text', () => {
  const source = [
    ...Array.from(
      { length: 300 },
      (_, at) => `## Part ${String(at)}\n\nSome *words* and \`code\`, see [it](a-${String(at)}.md).`,
    ),
    Array.from({ length: 450 }, (_, at) => `${String(at + 1)}. item ${String(at)}`).join('\n'),
    '<b>bold</b></div></div><p>html of its own',
    'the end',
  ].join('\n\n');

  it('comes in slices that are small, and is the same in the end', () => {
    const parts = [...slices(source)];
    expect(parts.length).toBeGreaterThan(3);
    const blocks = parts.flat();
    expect(blocks.map((block) => block.key)).toEqual(blocks.map((_, key) => key));
    const text = (html: string): string => new DOMParser().parseFromString(html, 'text/html').body.textContent;
    const whole = new MarkdownBlocks().update(source, true);
    const plain = (all: { html: string }[]): string =>
      all
        .map((block) => text(block.html))
        .join('')
        .replace(/\s+/g, '');
    expect(plain(blocks)).toBe(plain(whole));
    expect(
      blocks.filter((block) => block.html.startsWith('<ol')).map((block) => /start="(\d+)"/.exec(block.html)?.[1]),
    ).toEqual([undefined, '101', '201', '301', '401']);
  });

  it('is sanitised block by block, whatever one of them closes', () => {
    const hostile =
      'one\n\n</div></div><script>alert(1)</script><img src=x onerror=alert(1)>\n\ntwo\n\n```html\n<script>\n```';
    const blocks = new MarkdownBlocks().update(hostile, true);
    expect(blocks.map((block) => block.html).join('')).not.toMatch(/<script|<img|onerror/);
    expect(blocks[0]?.html).toBe('<p>one</p>\n');
    expect(blocks.at(-1)?.html).toContain('&lt;<span class="hljs-name">script</span>&gt;');
  });

  it('tells how many rows of a table it leaves out', () => {
    const table = `| a | b |\n| - | - |\n${'| 1 | 2 |\n'.repeat(620)}`;
    const html = new MarkdownBlocks().update(table, true)[0]?.html ?? '';
    expect(html.match(/<tr>/g)?.length).toBe(502);
    expect(html).toContain('⋯ +120');
  });
});

describe('a text that nobody wrote to be read', () => {
  it('is shown as it is written, at once', () => {
    for (const tangle of [
      '['.repeat(50_000) + '\n\n' + '!['.repeat(20_000),
      '>'.repeat(20_000),
      '1. '.repeat(9_000),
      'a_'.repeat(20_000),
      '[\n'.repeat(30_000),
    ]) {
      const [block] = new MarkdownBlocks().update(tangle, true);
      expect(block?.html).toContain('<pre><code>');
    }
  });

  it('is not what a person writes', () => {
    const list = Array.from({ length: 2_000 }, (_, at) => `- **${at}** [a link](b_c_${at}.md) and \`code\``).join('\n');
    const quotes = '> > > deep\n\n    indented code\n\n' + '[1]: x\n'.repeat(500);
    for (const text of [list, quotes, 'word '.repeat(20_000), '**bold** `code` '.repeat(200)]) {
      expect(isTangled(text)).toBe(false);
    }
  });
});

describe('what a reply may contain', () => {
  function parse(source: string): Document {
    return new DOMParser().parseFromString(renderMarkdown(source), 'text/html');
  }

  it('never has a picture: a link stands for it', () => {
    const page = parse(
      '![pixel](https://tracker.example/p.png "t") <img src="https://tracker.example/q.png" onerror="alert(1)">',
    );
    expect(page.querySelectorAll('img, picture, source, video, audio, iframe, object, embed, svg')).toHaveLength(0);
    expect(page.querySelector('a')?.getAttribute('href')).toBe('https://tracker.example/p.png');
  });

  it('never has a script, a style, a form or a handler', () => {
    const page = parse(
      '<script>alert(1)</script><style>*{}</style><form action="https://x.example"><input name=a></form><b onclick="alert(1)" style="position:fixed">x</b><a href="javascript:alert(1)">y</a>\n\n[z](javascript:alert(1)) [d](data:text/html,x)',
    );
    expect(page.querySelectorAll('script, style, form, input')).toHaveLength(0);
    expect(page.body.innerHTML).not.toMatch(/onclick|style=|javascript:|data:text/);
  });

  it('tells addresses from paths of the workspace', () => {
    const page = parse('[a](https://example.org/x) [b](site/index.html) [c](/mnt/okcomputer/a%20b.csv)');
    const links = [...page.querySelectorAll('a')].map((link) => [link.getAttribute('href'), link.dataset.path ?? null]);
    expect(links).toEqual([
      ['https://example.org/x', null],
      ['#', 'site/index.html'],
      ['#', '/mnt/okcomputer/a%20b.csv'],
    ]);
  });

  it('leads to its own headings', () => {
    const page = parse('[to it](#a-b-c) [again](#a-b-c-1) [none](#)\n\n# A & B: c\n\n## A b c\n\n### a b-C');
    const links = [...page.querySelectorAll('a')];
    expect(links.map((link) => link.getAttribute('href'))).toEqual(['#a-b-c', '#a-b-c-1']);
    expect(headingOf(page, '#a--b-c')?.tagName).toBe('H1');
    expect(links.map((link) => headingOf(page, link.hash)?.tagName)).toEqual(['H2', 'H3']);
    expect(headingOf(page, '#elsewhere')).toBeNull();
    expect(headingOf(parse('# Über 中文'), '#%C3%BCber-中文')?.tagName).toBe('H1');
  });

  it('escapes code of a language that it does not know', () => {
    const page = parse('```nolang\n<img src=x onerror=alert(1)>\n```');
    expect(page.querySelectorAll('img')).toHaveLength(0);
    expect(page.querySelector('code')?.textContent).toContain('<img src=x');
  });
});
