import type { AppError } from '$lib/ipc';
import { errors, sentences } from './engineZh';
import type { Locale } from './i18n.svelte';

/*
 * The engine speaks English. What it says often is worded here in the other language; what is not known is shown as
 * it came, so that nothing is hidden.
 */

interface Pattern {
  shape: RegExp;
  words: string;
}

/** `{}` is a part that is kept, `{n}` one that is a number. */
const GAP = /(\{n?\})/;

function toPattern([sentence, words]: [string, string]): Pattern {
  const parts = sentence.split(GAP).map((part) => {
    if (part === '{n}') return '(\\d[\\d.,]*)';
    return part === '{}' ? '([^]+?)' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return { shape: new RegExp(`^${parts.join('')}$`), words };
}

const literalLength = (sentence: string) => sentence.replace(/\{n?\}/g, '').length;

const patterns = Object.entries(sentences)
  .filter(([sentence]) => GAP.test(sentence))
  // The one that says most comes first.
  .sort(([left], [right]) => literalLength(right) - literalLength(left))
  .map(toPattern);

/** So many sentences one after the other are looked at, each by itself. */
const MOST_SENTENCES = 6;

/** A sentence of the engine in the language of the window. */
export function wordSentence(text: string, locale: Locale): string {
  if (locale === 'en') return text;
  const words = wordOne(text, locale);
  if (words !== undefined) return words;
  let end = -1;
  for (let count = 0; count < MOST_SENTENCES && (end = text.indexOf('. ', end + 1)) >= 0; count++) {
    const head = wordOne(text.slice(0, end + 1), locale);
    if (head !== undefined) return head + wordSentence(text.slice(end + 2), locale);
  }
  return text;
}

function wordOne(text: string, locale: Locale): string | undefined {
  const known = sentences[text];
  if (known !== undefined) return known;
  for (const { shape, words } of patterns) {
    const parts = shape.exec(text)?.slice(1);
    if (!parts) continue;
    let at = 0;
    // A reason inside of a sentence is often a sentence of ours, too; a single word is a name and stays.
    return words.replace(/\{n?\}/g, () => {
      const part = parts[at++] ?? '';
      return part.includes(' ') ? wordSentence(part, locale) : part;
    });
  }
  return undefined;
}

/** An error of the engine in the language of the window. Particulars that a general wording lacks go to the details. */
export function wordError(error: AppError, locale: Locale): AppError {
  if (locale === 'en') return error;
  const message = wordSentence(error.message, locale);
  const hint = error.hint === undefined ? undefined : wordSentence(error.hint, locale);
  const coded = error.code === undefined ? undefined : errors[error.code];
  if (!coded) return { ...error, message, hint };
  // A sentence of its own says more than the code does.
  if (message !== error.message) return { ...error, message, hint: hint === error.hint ? coded.hint : hint };
  const detail = coded.whole ? error.detail : [error.message, error.detail].filter(Boolean).join('\n');
  return { ...error, message: coded.message, hint: coded.hint, detail };
}
