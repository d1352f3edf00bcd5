import type { ConsoleLevel, PageMessage } from './messages';

/** A line of the console. The same again is counted. */
export interface Report {
  id: number;
  kind: ConsoleLevel | 'blocked' | 'failed';
  text: string;
  count: number;
}

const MOST_REPORTS = 200;
const MOST_BLOCKED = 50;

/** What a page said since it was loaded, bounded. */
export class Reports {
  list = $state.raw<readonly Report[]>([]);
  /** What its policy refused: each once. */
  blocked = $state.raw<readonly { directive: string; uri: string }[]>([]);
  /** Reports that found no room. */
  left = $state(0);
  /** It said so much at once that not everything was heard. */
  flooded = $state(false);
  #ids = 0;

  readonly problems = $derived(
    this.list.filter(({ kind }) => kind === 'error' || kind === 'failed').reduce((sum, { count }) => sum + count, 0),
  );

  clear(): void {
    this.list = [];
    this.blocked = [];
    this.left = 0;
    this.flooded = false;
  }

  hear(message: PageMessage): void {
    if (message.type === 'console') this.#add(message.level, message.text);
    if (message.type === 'failed') {
      this.#add('failed', message.status > 0 ? `${message.status} ${message.uri}` : message.uri);
    }
    if (message.type === 'blocked') {
      const { directive, uri } = message;
      this.#add('blocked', `${directive} ${uri}`);
      const known = this.blocked.some((one) => one.directive === directive && one.uri === uri);
      if (!known && this.blocked.length < MOST_BLOCKED) this.blocked = [...this.blocked, { directive, uri }];
    }
  }

  #add(kind: Report['kind'], text: string): void {
    const at = this.list.findIndex((report) => report.kind === kind && report.text === text);
    const known = this.list[at];
    if (known) this.list = this.list.with(at, { ...known, count: known.count + 1 });
    else if (this.list.length < MOST_REPORTS) this.list = [...this.list, { id: ++this.#ids, kind, text, count: 1 }];
    else this.left += 1;
  }

  /** Lines for a message to the agent: what went wrong, or everything if nothing did. */
  lines(): string[] {
    const bad = this.list.filter(
      ({ kind }) => kind === 'error' || kind === 'failed' || kind === 'blocked' || kind === 'warn',
    );
    return (bad.length > 0 ? bad : this.list)
      .slice(0, MOST_LINES)
      .map(({ kind, text, count }) => `${kind}: ${text}${count > 1 ? ` (×${count})` : ''}`);
  }
}

const MOST_LINES = 60;
