import type { SessionSummary, Transport } from '$lib/ipc';

/** The sessions as the left column lists them: living ones, or the trash. */
export class SessionList {
  sessions = $state.raw<SessionSummary[]>([]);
  search = $state('');
  trash = $state(false);
  loaded = $state(false);
  #request = 0;

  constructor(private readonly transport: Transport) {}

  async load(): Promise<void> {
    const request = ++this.#request;
    const { sessions } = await this.transport.invoke('session_list', { search: this.search, trash: this.trash });
    // An answer that was overtaken by a later question is old.
    if (request !== this.#request) return;
    this.sessions = sessions;
    this.loaded = true;
  }

  /** Puts a changed session in its place. */
  apply(summary: SessionSummary): void {
    const others = this.sessions.filter(({ id }) => id !== summary.id);
    const belongs = (summary.deletedAt !== null) === this.trash && this.#matches(summary);
    this.sessions = belongs
      ? [...others, summary].sort((left, right) => right.updatedAt - left.updatedAt || (left.id < right.id ? 1 : -1))
      : others;
  }

  remove(id: string): void {
    this.sessions = this.sessions.filter((session) => session.id !== id);
  }

  #matches(summary: SessionSummary): boolean {
    const words = this.search.toLowerCase().split(/\s+/).filter(Boolean);
    const title = summary.title.toLowerCase();
    return words.every((word) => title.includes(word));
  }
}
