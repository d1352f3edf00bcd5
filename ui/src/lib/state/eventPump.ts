import type { NumberedEvent } from '$lib/ipc';

/** How long a batch may wait for a frame that does not come, as in a window that is not shown. */
const HIDDEN_DELAY_MS = 120;

/** Gathers events and hands them on once per frame, so that a burst costs one change of the document. */
export class EventPump {
  #waiting: NumberedEvent[] = [];
  #scheduled = false;

  constructor(private readonly deliver: (events: NumberedEvent[]) => void) {}

  push(events: NumberedEvent[]): void {
    this.#waiting.push(...events);
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    let done = false;
    const once = () => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      this.flush();
    };
    const timer = setTimeout(once, HIDDEN_DELAY_MS);
    requestAnimationFrame(once);
  }

  flush(): void {
    this.#scheduled = false;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length > 0) this.deliver(events);
  }
}
