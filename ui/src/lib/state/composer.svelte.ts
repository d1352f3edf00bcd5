import type { Attachment } from '$lib/ipc';

export interface Draft {
  text: string;
  attachments: Attachment[];
}

const EMPTY: Draft = { text: '', attachments: [] };
/** The draft before there is a session. */
const NO_SESSION = '';

const STORE_KEY = 'okcvm.drafts';
const MOST_SESSIONS = 60;
/** Characters of all drafts that are kept, as they are stored; the oldest give way. */
const MOST_KEPT = 1_000_000;
/** So long after the last key, in milliseconds, a draft is kept. */
const AT_REST = 300;

/** What is being written, per session; kept until it is sent, also when the window is loaded anew. Apart from the conversation, so that typing costs nothing there. */
export class Composer {
  #drafts = $state.raw<ReadonlyMap<string, Draft>>(new Map());
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Rises when the input should take the focus. */
  focusRequest = $state(0);

  constructor(private readonly storage: Storage | null) {
    this.#drafts = new Map(read(storage));
  }

  draft(sessionId: string | null): Draft {
    return this.#drafts.get(sessionId ?? NO_SESSION) ?? EMPTY;
  }

  write(sessionId: string | null, text: string): void {
    this.#put(sessionId, { ...this.draft(sessionId), text });
  }

  attach(sessionId: string | null, attachments: Attachment[]): void {
    const draft = this.draft(sessionId);
    const known = new Set(attachments.map(({ path }) => path));
    this.#put(sessionId, {
      ...draft,
      attachments: [...draft.attachments.filter(({ path }) => !known.has(path)), ...attachments],
    });
  }

  detach(sessionId: string | null, path: string): void {
    const draft = this.draft(sessionId);
    this.#put(sessionId, { ...draft, attachments: draft.attachments.filter((attachment) => attachment.path !== path) });
  }

  detachAll(sessionId: string | null): void {
    this.#put(sessionId, { ...this.draft(sessionId), attachments: [] });
  }

  restore(sessionId: string | null, draft: Draft): void {
    this.#put(sessionId, draft);
  }

  clear(sessionId: string | null): void {
    this.#put(sessionId, EMPTY);
  }

  focus(): void {
    this.focusRequest += 1;
  }

  #put(sessionId: string | null, draft: Draft): void {
    const drafts = new Map(this.#drafts);
    drafts.delete(sessionId ?? NO_SESSION);
    if (!isEmpty(draft)) drafts.set(sessionId ?? NO_SESSION, draft);
    this.#drafts = drafts;
    clearTimeout(this.#timer);
    // What was sent does not come back.
    if (isEmpty(draft)) this.#keep();
    else this.#timer = setTimeout(() => this.#keep(), AT_REST);
  }

  #keep(): void {
    const kept: string[] = [];
    let room = MOST_KEPT;
    for (const entry of [...this.#drafts].slice(-MOST_SESSIONS).reverse()) {
      const words = JSON.stringify(entry);
      if (words.length > room) continue;
      room -= words.length;
      kept.unshift(words);
    }
    try {
      this.storage?.setItem(STORE_KEY, `[${kept.join(',')}]`);
    } catch {
      // A full or forbidden store costs only what a loss of the window would have spared.
    }
  }
}

function isEmpty({ text, attachments }: Draft): boolean {
  return text === '' && attachments.length === 0;
}

function read(storage: Storage | null): [string, Draft][] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(STORE_KEY) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.flatMap((entry: unknown) => {
      const [id, draft] = Array.isArray(entry) ? (entry as [unknown, Partial<Draft> | null]) : [];
      if (typeof id !== 'string' || typeof draft?.text !== 'string' || !Array.isArray(draft.attachments)) return [];
      return [[id, { text: draft.text, attachments: draft.attachments.filter(isAttachment) }] as [string, Draft]];
    });
  } catch {
    return [];
  }
}

function isAttachment(attachment: unknown): attachment is Attachment {
  const { path, size, mime } = (attachment ?? {}) as Record<string, unknown>;
  return typeof path === 'string' && typeof size === 'number' && typeof mime === 'string';
}

/** Whether a key press belongs to an input method that is composing a word (229 is what older engines send). */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Whether a key press in the composer sends. */
export function sends(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && !event.altKey && !isComposing(event);
}
