import type { Token, Tokens } from 'marked';
import { escapeHtml } from './highlight';
import { codeBlock, lex, lexPieces, renderBlocks, renderTokens } from './render';

export interface Block {
  key: number;
  html: string;
}

/** A code block that is still being written is coloured only while it is short. */
const TAIL_HIGHLIGHT_CHARS = 6_000;

/**
 * Markdown that grows at its end. A block is frozen as soon as another block has begun behind it, and is then
 * neither parsed nor rendered again: the cost of a token does not grow with what was written before.
 */
export class MarkdownBlocks {
  #frozen: Block[] = [];
  /** Where the part that is not frozen begins. */
  #offset = 0;
  #prefix = '';
  /** Characters that were handed to the parser, for the test that says it does not parse all again. */
  parsedChars = 0;

  /** Whether a part of the text is rendered already: the rest then takes little. */
  hasBegun(source: string): boolean {
    return this.#offset > 0 && source.startsWith(this.#prefix);
  }

  /** The blocks of the text so far; `complete` freezes the last one, too. */
  update(source: string, complete: boolean): Block[] {
    // Text that did not grow from what was frozen is another text.
    if (source.length < this.#offset || !source.startsWith(this.#prefix)) this.#reset();
    const tail = source.slice(this.#offset);
    this.parsedChars += tail.length;
    const tokens = lex(tail);
    const solid = tokens.map((token, index) => (token.type === 'space' ? -1 : index)).filter((index) => index >= 0);
    const last = solid.at(-1);
    if (last === undefined) return this.#frozen;
    let consumed = 0;
    const freezing: Token[] = [];
    tokens.forEach((token, index) => {
      if (index < last || complete) consumed += token.raw.length;
      if (token.type !== 'space' && (index < last || complete)) freezing.push(token);
    });
    for (const html of renderBlocks(freezing, tokens.links)) this.#frozen.push({ key: this.#frozen.length, html });
    // The lexer normalises line ends and tabs, so that its lengths only hold where nothing was normalised.
    if (tail.startsWith(tokens.map((token) => token.raw).join(''))) this.#advance(source, consumed);
    else return this.#renderWhole(source);
    const open = tokens[last];
    if (complete || !open) return [...this.#frozen];
    return [...this.#frozen, { key: this.#frozen.length, html: renderOpen(open, tokens.links) }];
  }

  #advance(source: string, consumed: number): void {
    this.#offset += consumed;
    this.#prefix = source.slice(0, this.#offset);
  }

  #renderWhole(source: string): Block[] {
    this.#reset();
    const tokens = lex(source);
    const solid = tokens.filter((token) => token.type !== 'space');
    return renderBlocks(solid, tokens.links).map((html, key) => ({ key, html }));
  }

  #reset(): void {
    this.#frozen = [];
    this.#offset = 0;
    this.#prefix = '';
  }
}

function renderOpen(token: Token, links: Parameters<typeof renderTokens>[1]): string {
  if (token.type === 'code' && token.raw.length > TAIL_HIGHLIGHT_CHARS && 'text' in token) {
    return codeBlock('', escapeHtml(String(token.text)));
  }
  return renderTokens([token], links);
}

/** Characters of a whole text from which on it is drawn in slices. */
export const LONG_TEXT = 16_000;
/** Characters of Markdown in a slice: as long as nobody notices. */
const SLICE = 4_000;
/** Items of a list that are one block. */
const MOST_ITEMS = 100;

/** The blocks of a long text that is complete, a slice at a time, so that whoever draws them can do other things between. */
export function* slices(source: string): Generator<Block[]> {
  let key = 0;
  for (const tokens of lexPieces(source, SLICE)) {
    let waiting: Token[] = [];
    let length = 0;
    for (const token of tokens.flatMap(inParts)) {
      if (token.type === 'space') continue;
      waiting.push(token);
      length += token.raw.length;
      if (length < SLICE) continue;
      yield renderBlocks(waiting, tokens.links).map((html) => ({ key: key++, html }));
      [waiting, length] = [[], 0];
    }
    yield renderBlocks(waiting, tokens.links).map((html) => ({ key: key++, html }));
  }
}

/** A long list as several that count on. */
function inParts(token: Token): Token[] {
  if (!isList(token) || token.items.length <= MOST_ITEMS) return [token];
  const parts: Token[] = [];
  for (let at = 0; at < token.items.length; at += MOST_ITEMS) {
    const items = token.items.slice(at, at + MOST_ITEMS);
    const start = token.ordered ? Number(token.start) + at : token.start;
    parts.push({ ...token, items, start, raw: items.map((item) => item.raw).join('') });
  }
  return parts;
}

function isList(token: Token): token is Tokens.List {
  return token.type === 'list' && 'items' in token;
}
