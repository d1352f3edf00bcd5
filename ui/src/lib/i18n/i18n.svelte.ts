import type { AppError, Language } from '$lib/ipc';
import { en, type MessageKey } from './en';
import { wordError, wordSentence } from './engine';
import { zh } from './zh';

export type { MessageKey };
export type Locale = 'en' | 'zh';
export type Values = Record<string, string | number>;
/** Keys that have a form for one and a form for many. */
export type CountKey = { [K in MessageKey]: K extends `${infer Base}_other` ? Base : never }[MessageKey];

export const catalogues: Record<Locale, Record<MessageKey, string>> = { en, zh };

/** The language of the window. */
export class I18n {
  locale = $state<Locale>('en');
  /** For `Intl`. */
  readonly tag = $derived(this.locale === 'zh' ? 'zh-CN' : 'en-GB');
  readonly #messages = $derived(catalogues[this.locale]);
  readonly #plural = $derived(new Intl.PluralRules(this.tag));

  /** Follows the setting; `system` follows the desktop. */
  choose(language: Language, system: readonly string[] = navigator.languages): void {
    this.locale = language === 'system' ? (system[0]?.toLowerCase().startsWith('zh') ? 'zh' : 'en') : language;
  }

  t = (key: MessageKey, values?: Values): string => fill(this.#messages[key], values);

  /** A sentence of the engine, in this language where it is known. */
  engine = (text: string): string => wordSentence(text, this.locale);

  /** An error of the engine, in this language where it is known. */
  error = (error: AppError): AppError => wordError(error, this.locale);

  /** The form for a count; `{count}` is filled in. */
  count = (key: CountKey, count: number, values?: Values): string => {
    const form = this.#plural.select(count) === 'one' ? 'one' : 'other';
    return fill(this.#messages[`${key}_${form}` as MessageKey], { count: count.toLocaleString(this.tag), ...values });
  };
}

function fill(text: string, values?: Values): string {
  if (!values) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
