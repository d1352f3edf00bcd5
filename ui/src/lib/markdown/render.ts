import DOMPurify from 'dompurify';
import { Marked, type Token, type TokensList } from 'marked';
import { escapeHtml, highlight } from './highlight';

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
    // A picture from elsewhere is never fetched: it would tell its server that this was read.
    image({ href, text }) {
      return anchor(href, `🖼 ${escapeHtml(text || href)}`, null);
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ ';
    },
    table(token) {
      const cell = (tag: string, align: string | null, inner: string) =>
        `<${tag}${align ? ` class="align-${align}"` : ''}>${inner}</${tag}>`;
      const head = token.header.map((c) => cell('th', c.align, this.parser.parseInline(c.tokens))).join('');
      const rows = token.rows
        .map((row) => `<tr>${row.map((c) => cell('td', c.align, this.parser.parseInline(c.tokens))).join('')}</tr>`)
        .join('');
      return `<div class="table-scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
    },
  },
});

/** The button's words come from the style, which knows the language of the window. */
export function codeBlock(language: string, html: string): string {
  const head = `<span class="code-lang">${escapeHtml(language)}</span><button class="code-copy"></button>`;
  return `<div class="code-block"><div class="code-head">${head}</div><pre><code>${html}</code></pre></div>`;
}

/** `http`, `https` and paths of the workspace; anything else is text. */
function anchor(href: string, inner: string, title: string | null): string {
  const tip = title ? ` title="${escapeHtml(title)}"` : '';
  if (/^https?:\/\//i.test(href)) return `<a href="${escapeHtml(href)}"${tip}>${inner}</a>`;
  if (/^[a-z][a-z0-9+.-]*:/i.test(href) || href.startsWith('//') || href.startsWith('#')) return inner;
  return `<a href="#" data-path="${escapeHtml(href)}"${tip}>${inner}</a>`;
}

const ALLOWED_TAGS =
  'a b blockquote br button code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li mark ol p pre s small span strong sub summary sup table tbody td th thead tr u ul'.split(
    ' ',
  );

/** HTML without scripts, styles, forms, frames and anything that fetches. */
export function sanitize(html: string): string {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ['href', 'title', 'class', 'start', 'data-path', 'open'],
    ALLOWED_URI_REGEXP: /^(?:https?:|#)/i,
    // A path is only ever opened in the preview.
    ADD_URI_SAFE_ATTR: ['data-path'],
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
  });
}

export function lex(source: string): TokensList {
  return marked.lexer(source);
}

export function renderTokens(tokens: Token[], links: TokensList['links']): string {
  const list = Object.assign([...tokens], { links }) as TokensList;
  return sanitize(marked.parser(list));
}

export function renderMarkdown(source: string): string {
  const tokens = lex(source);
  return renderTokens(tokens, tokens.links);
}
