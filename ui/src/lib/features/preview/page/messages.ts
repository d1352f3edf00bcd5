/** What a page of the agent may tell the window. The page is not trusted: every part is checked and cut short. */
export type PageMessage =
  | { type: 'blocked'; directive: string; uri: string }
  | { type: 'console'; level: ConsoleLevel; text: string }
  | { type: 'failed'; uri: string; status: number }
  | { type: 'navigated'; path: string; title: string }
  | { type: 'scrolled'; x: number; y: number }
  | { type: 'deck'; slides: SlideWords[] }
  | { type: 'pick'; index: number }
  | { type: 'key'; key: string };

export const consoleLevels = ['error', 'warn', 'info', 'log', 'debug'] as const;
export type ConsoleLevel = (typeof consoleLevels)[number];

/** A slide of a page, as the page describes it. */
export interface SlideWords {
  title: string;
  notes: string;
  /** It is left out when the slides are presented. */
  hidden?: true;
}

const MOST_CHARS = 1000;
const MOST_PATH = 2000;
const MOST_SLIDES = 500;
const MOST_TITLE = 200;
const MOST_NOTES = 4000;
const DECK_KEYS = [
  ...['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' '],
  ...['f', 'p', 'Escape'],
];

/** So many messages of a kind are heard in a second: more than a page sends that is in order. */
const PER_SECOND: Record<string, number> = {
  ...{ blocked: 60, console: 100, failed: 60, navigated: 20 },
  ...{ scrolled: 130, deck: 8, 'deck-pick': 20, 'deck-key': 60 },
};
const SECOND = 1000;

/** Whether a page may say one more thing. It may send messages without an end, each of which costs. */
export class MessageRate {
  #since = -Infinity;
  readonly #heard = new Map<string, number>();

  /** `now` in milliseconds, from anywhere. What is no message is read, and found to be none. */
  allows(data: unknown, now: number): boolean {
    const kind: unknown = typeof data === 'object' && data !== null ? (data as { okcvm?: unknown }).okcvm : undefined;
    if (typeof kind !== 'string' || !Object.hasOwn(PER_SECOND, kind)) return true;
    if (now - this.#since >= SECOND) {
      this.#since = now;
      this.#heard.clear();
    }
    const heard = this.#heard.get(kind) ?? 0;
    this.#heard.set(kind, heard + 1);
    return heard < (PER_SECOND[kind] ?? 0);
  }
}

export function readMessage(data: unknown): PageMessage | null {
  if (typeof data !== 'object' || data === null) return null;
  const given = data as Record<string, unknown>;
  switch (given.okcvm) {
    case 'blocked':
      return isText(given.directive) && isText(given.uri)
        ? { type: 'blocked', directive: cut(given.directive), uri: cut(given.uri) }
        : null;
    case 'console':
      return isText(given.text)
        ? {
            type: 'console',
            level: consoleLevels.find((level) => level === given.level) ?? 'log',
            text: cut(given.text),
          }
        : null;
    case 'failed':
      return isText(given.uri)
        ? { type: 'failed', uri: cut(given.uri), status: whole(given.status, 0, 999) ?? 0 }
        : null;
    case 'navigated':
      return isText(given.path) && given.path.length <= MOST_PATH
        ? { type: 'navigated', path: given.path, title: isText(given.title) ? cut(given.title, MOST_TITLE) : '' }
        : null;
    case 'scrolled': {
      const x = part(given.x);
      const y = part(given.y);
      return x === null || y === null ? null : { type: 'scrolled', x, y };
    }
    case 'deck':
      return Array.isArray(given.slides)
        ? { type: 'deck', slides: given.slides.slice(0, MOST_SLIDES).map(readSlide) }
        : null;
    case 'deck-pick': {
      const index = whole(given.index, 0, MOST_SLIDES - 1);
      return index === null ? null : { type: 'pick', index };
    }
    case 'deck-key':
      return isText(given.key) && DECK_KEYS.includes(given.key) ? { type: 'key', key: given.key } : null;
    default:
      return null;
  }
}

function readSlide(slide: unknown): SlideWords {
  const given = (typeof slide === 'object' && slide !== null ? slide : {}) as Record<string, unknown>;
  const { title, notes, hidden } = given;
  return {
    title: isText(title) ? cut(title, MOST_TITLE) : '',
    notes: isText(notes) ? cut(notes, MOST_NOTES) : '',
    ...(hidden === true ? { hidden } : {}),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function cut(text: string, most = MOST_CHARS): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

function part(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : null;
}

function whole(value: unknown, least: number, most: number): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : null;
}
