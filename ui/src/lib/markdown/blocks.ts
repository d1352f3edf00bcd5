import type { Token } from 'marked';
import { escapeHtml } from './highlight';
import { codeBlock, lex, renderTokens } from './render';

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
    tokens.forEach((token, index) => {
      if (index < last || complete) consumed += token.raw.length;
      if (token.type === 'space' || (index === last && !complete)) return;
      this.#frozen.push({ key: this.#frozen.length, html: renderTokens([token], tokens.links) });
    });
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
    return tokens
      .filter((token) => token.type !== 'space')
      .map((token, key) => ({ key, html: renderTokens([token], tokens.links) }));
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
