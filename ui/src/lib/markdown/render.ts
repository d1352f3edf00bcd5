import DOMPurify from 'dompurify';
import { Lexer, Marked, type Token, type TokensList } from 'marked';
import { escapeHtml, highlight } from './highlight';

/** Rows of a table that are drawn; the number of the others is told. */
const MOST_ROWS = 500;

const marked = new Marked({
  gfm: true,
  breaks: false,
  renderer: {
    code({ text, lang }) {
      const language = (lang ?? '').trim().split(/\s+/)[0] ?? '';
      return codeBlock(language, highlight(text, language));
    },
    link({ href, title, tokens }) {
      return anchor(href, this.parser.parseInline(tokens), title ?? null);
    },
    image({ href, text }) {
      return pictureLink(href, text);
    },
    html({ text }) {
      return text.replace(/<img\b[^<>]{0,2000}>/gi, (tag) => {
        const { src, alt } = Object.fromEntries(
          [...tag.matchAll(/\s(src|alt)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi)].map(
            ([, name = '', ...values]) => [
              name.toLowerCase(),
              unescaped(values.find((value) => value !== undefined) ?? ''),
            ],
          ),
        ) as { src?: string; alt?: string };
        return src ? pictureLink(src, alt ?? '') : '';
      });
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ ';
    },
    table(token) {
      const cell = (tag: string, align: string | null, inner: string) =>
        `<${tag}${align ? ` class="align-${align}"` : ''}>${inner}</${tag}>`;
      const head = token.header.map((c) => cell('th', c.align, this.parser.parseInline(c.tokens))).join('');
      const more = token.rows.length - MOST_ROWS;
      const rows = token.rows
        .slice(0, MOST_ROWS)
        .map((row) => `<tr>${row.map((c) => cell('td', c.align, this.parser.parseInline(c.tokens))).join('')}</tr>`)
        .join('');
      const rest = more > 0 ? `<tr><td>⋯ +${String(more)}</td></tr>` : '';
      return `<div class="table-scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows}${rest}</tbody></table></div>`;
    },
  },
});

/** The button's words come from the style, which knows the language of the window. */
export function codeBlock(language: string, html: string): string {
  const head = `<span class="code-lang">${escapeHtml(language)}</span><button class="code-copy"></button>`;
  return `<div class="code-block"><div class="code-head">${head}</div><pre><code>${html}</code></pre></div>`;
}

/** A picture from elsewhere is never fetched, which would tell its server that this was read: a link stands for it. */
function pictureLink(href: string, text: string): string {
  return anchor(href, `🖼 ${escapeHtml(text || href)}`, null, 'picture');
}

function unescaped(text: string): string {
  return text.replace(
    /&(quot|#39|lt|gt|amp);/g,
    (_, name: string) => ({ quot: '"', '#39': "'", lt: '<', gt: '>' })[name] ?? '&',
  );
}

/** `http`, `https`, headings of the same text and paths of the workspace; anything else is text. */
function anchor(href: string, inner: string, title: string | null, kind = ''): string {
  const tip = title ? ` title="${escapeHtml(title)}"` : '';
  if (/^https?:\/\//i.test(href)) return `<a href="${escapeHtml(href)}"${tip}>${inner}</a>`;
  if (/^#./.test(href)) return `<a href="${escapeHtml(href)}"${tip}>${inner}</a>`;
  if (/^[a-z][a-z0-9+.-]*:/i.test(href) || href.startsWith('//') || href === '#') return inner;
  const look = kind ? ` class="${kind}"` : '';
  return `<a href="#" data-path="${escapeHtml(href)}"${look}${tip}>${inner}</a>`;
}

const ALLOWED_TAGS =
  'a b blockquote br button code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li mark ol p pre s small span strong sub summary sup table tbody td th thead tr u ul'.split(
    ' ',
  );

const ALLOWED = {
  ALLOWED_TAGS,
  ALLOWED_ATTR: ['href', 'title', 'class', 'start', 'data-path', 'open'],
  ALLOWED_URI_REGEXP: /^(?:https?:|#)/i,
  // A path is only ever opened in the preview; the start of a list is a number.
  ADD_URI_SAFE_ATTR: ['data-path', 'start'],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
};

/** HTML without scripts, styles, forms, frames and anything that fetches. */
export function sanitize(html: string): string {
  return DOMPurify.sanitize(html, ALLOWED);
}

/** Quotes and lists that stand in each other, and brackets that are open at once; more is no text that a person wrote. */
const DEEPEST = 60;
const MOST_OPEN = 200;
/** The length of a line times its marks: the parser looks through the line once for each of them. */
const MOST_WORK = 20_000_000;
const MARKS = /[[\]*_~<`!]/g;
const HOLDER = /[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])(?=[ \t]))/y;

/** Whether parsing a text would hold up the window. */
export function isTangled(source: string): boolean {
  let open = 0;
  for (const line of source.split('\n')) {
    if (line.trim() === '') open = 0;
    const marks = line.match(MARKS) ?? [];
    if (marks.length * line.length > MOST_WORK) return true;
    for (const mark of marks) {
      if (mark === '[') open += 1;
      else if (mark === ']' && open > 0) open -= 1;
      if (open > MOST_OPEN) return true;
    }
    HOLDER.lastIndex = 0;
    let depth = 0;
    while (depth <= DEEPEST && HOLDER.test(line)) depth += 1;
    if (depth > DEEPEST || (/^\s*/.exec(line)?.[0].length ?? 0) > 8 * DEEPEST) return true;
  }
  return false;
}

/** The blocks of a text; one that would take too long is shown as it is written. */
export function lex(source: string): TokensList {
  if (!isTangled(source)) return marked.lexer(source);
  const whole: Token = { type: 'code', raw: source, text: source, lang: '' };
  return Object.assign([whole], { links: {} });
}

/** A line before which a text may be cut: behind an empty one, what begins neither a list, a quote, a table nor code is a block of its own. */
const OWN_BLOCK = /^[^\s\-*+>\d<|=`~:[\]]/;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const FENCE_END = /^ {0,3}(`{3,}|~{3,})[ \t]*$/;
/** What goes on over empty lines, each with what ends it. */
const GOES_ON: [RegExp, RegExp][] = [
  [/^ {0,3}<!--/, /-->/],
  [/^ {0,3}<\?/, /\?>/],
  [/^ {0,3}<!\[CDATA\[/, /\]\]>/],
  [/^ {0,3}<![a-z]/i, />/],
  ...['pre', 'script', 'style', 'textarea'].map((tag): [RegExp, RegExp] => [
    new RegExp(`^ {0,3}<${tag}(?=[\\s>]|$)`, 'i'),
    new RegExp(`</${tag}>`, 'i'),
  ]),
];
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/;

/** The blocks of a text by pieces of at least `length` characters, each parsed when it is asked for. Together they are those of the whole. */
export function* lexPieces(source: string, length: number): Generator<TokensList> {
  if (isTangled(source)) {
    yield lex(source);
    return;
  }
  const lines = source.replace(/\r\n?/g, '\n').split('\n');
  const { links } = marked.lexer(lines.filter((line) => DEFINITION.test(line)).join('\n'));
  let piece: string[] = [];
  let size = 0;
  let fence = '';
  let end: RegExp | undefined;
  for (const [index, line] of lines.entries()) {
    if (
      end === undefined &&
      fence === '' &&
      size >= length &&
      lines[index - 1]?.trim() === '' &&
      OWN_BLOCK.test(line)
    ) {
      yield lexed(piece, links);
      [piece, size] = [[], 0];
    }
    piece.push(line);
    size += line.length + 1;
    if (fence === '' && end === undefined) end = GOES_ON.find(([begins]) => begins.test(line))?.[1];
    if (end !== undefined) {
      if (end.test(line)) end = undefined;
      continue;
    }
    if (fence === '') fence = FENCE.exec(line)?.[1] ?? '';
    else if (FENCE_END.exec(line)?.[1]?.startsWith(fence)) fence = '';
  }
  yield lexed(piece, links);
}

function lexed(lines: string[], links: TokensList['links']): TokensList {
  const lexer = new Lexer(marked.defaults);
  Object.assign(lexer.tokens.links, links);
  return lexer.lex(lines.join('\n'));
}

export function renderTokens(tokens: Token[], links: TokensList['links']): string {
  return sanitize(parsed(tokens, links));
}

/**
 * The HTML of each token. Every call of the sanitiser makes a document, which costs more than a block, so that it gets
 * many at once; one with HTML of its own goes alone, since it could close what holds it.
 */
export function renderBlocks(tokens: Token[], links: TokensList['links']): string[] {
  const html: string[] = [];
  const together: number[] = [];
  tokens.forEach((token, index) => {
    html.push(parsed([token], links));
    if (token.type === 'code' || !token.raw.includes('<')) together.push(index);
    else html[index] = sanitize(html[index] ?? '');
  });
  const joined = together.map((index) => `<div>${html[index] ?? ''}</div>`).join('');
  const clean = DOMPurify.sanitize(joined, { ...ALLOWED, RETURN_DOM_FRAGMENT: true });
  const asExpected = clean.childNodes.length === together.length;
  together.forEach((index, position) => {
    const holder = clean.children[position];
    html[index] = asExpected && holder ? holder.innerHTML : sanitize(html[index] ?? '');
  });
  return html;
}

function parsed(tokens: Token[], links: TokensList['links']): string {
  const list = Object.assign([...tokens], { links }) as TokensList;
  return marked.parser(list);
}

export function renderMarkdown(source: string): string {
  const tokens = lex(source);
  return renderTokens(tokens, tokens.links);
}
