import type { Attachment } from '$lib/ipc';

export interface Draft {
  text: string;
  attachments: Attachment[];
}

const EMPTY: Draft = { text: '', attachments: [] };
/** The draft before there is a session. */
const NO_SESSION = '';

/** What is being written, per session. Apart from the conversation, so that typing costs nothing there. */
export class Composer {
  #drafts = $state.raw<ReadonlyMap<string, Draft>>(new Map());
  /** Rises when the input should take the focus. */
  focusRequest = $state(0);

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
    this.#drafts = new Map(this.#drafts).set(sessionId ?? NO_SESSION, draft);
  }
}

/** Whether a key press belongs to an input method that is composing a word (229 is what older engines send). */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Whether a key press in the composer sends. */
export function sends(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && !event.altKey && !isComposing(event);
}
