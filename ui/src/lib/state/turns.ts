import type { App } from './app.svelte';

/** So many earlier turns come at once. */
const PAGE_TURNS = 40;

/** What begins, steers and ends turns, and reads earlier ones. */
export class Turns {
  #loadingEarlier = false;

  constructor(private readonly app: App) {}

  /** Reads turns above those that are shown. */
  async loadEarlier(): Promise<void> {
    const session = this.app.session;
    const before = session?.turns[0]?.node.id;
    if (!session || before === undefined || session.earlierTurns === 0 || this.#loadingEarlier) return;
    this.#loadingEarlier = true;
    await this.app.attempt(async () => {
      const page = await this.app.transport.invoke('turn_page', { sessionId: session.id, before, count: PAGE_TURNS });
      session.prepend(page, before);
    });
    this.#loadingEarlier = false;
  }

  /** Sends the draft; it waits in the queue if a turn runs. */
  async send(): Promise<void> {
    await this.app.attempt(async () => {
      const session = await this.app.ensureSession();
      if (!session || session.readOnly) return;
      const draft = this.app.composer.draft(session.id);
      if (draft.text.trim() === '' && draft.attachments.length === 0) return;
      this.app.composer.clear(session.id);
      try {
        await this.app.transport.invoke('turn_start', {
          sessionId: session.id,
          text: draft.text.trim(),
          attachments: draft.attachments,
        });
      } catch (thrown) {
        // Nothing that was written is lost, not even by a failure to send.
        if (this.app.composer.draft(session.id).text === '') this.app.composer.restore(session.id, draft);
        throw thrown;
      }
    });
  }

  async steer(): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const draft = this.app.composer.draft(sessionId);
      if (draft.text.trim() === '') return;
      this.app.composer.write(sessionId, '');
      try {
        await this.app.transport.invoke('turn_steer', { sessionId, text: draft.text.trim() });
      } catch (thrown) {
        this.app.composer.restore(sessionId, draft);
        throw thrown;
      }
    });
  }

  stop = () => this.app.inSession((sessionId) => this.app.transport.invoke('turn_stop', { sessionId }));

  retry = (nodeId: string) =>
    this.app.inSession((sessionId) => this.app.transport.invoke('turn_retry', { sessionId, nodeId }));

  edit = (nodeId: string, text: string) =>
    this.app.inSession((sessionId) => this.app.transport.invoke('turn_edit', { sessionId, nodeId, text }));

  goOn = () => this.app.inSession((sessionId) => this.app.transport.invoke('turn_continue', { sessionId }));

  /** Takes a waiting message back into the composer. */
  async unqueue(queueId: string): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const queued = this.app.session?.queue.find(({ id }) => id === queueId);
      await this.app.transport.invoke('queue_remove', { sessionId, queueId });
      const draft = this.app.composer.draft(sessionId);
      if (!queued || draft.text.trim() !== '') return;
      this.app.composer.restore(sessionId, { text: queued.message.text, attachments: queued.message.attachments });
      this.app.composer.focus();
    });
  }
}
