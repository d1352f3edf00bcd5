import type { AppError } from '$lib/ipc';

export interface Toast {
  id: number;
  kind: 'info' | 'error';
  text: string;
  hint?: string;
  detail?: string;
  action?: { label: string; run: () => void };
  /** A newer toast of the same topic takes its place: what the older one offers may be over. */
  topic?: string;
}

const INFO_MS = 7_000;
const ERROR_MS = 14_000;

/** Short messages at the edge of the window. */
export class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 1;

  info(text: string, action?: Toast['action'], topic?: string): void {
    if (topic !== undefined) this.clear(topic);
    this.#add({ id: this.#next++, kind: 'info', text, action, topic }, INFO_MS);
  }

  error(error: AppError): void {
    // The same failure twice in a row is one message.
    this.list = this.list.filter((toast) => toast.text !== error.message);
    this.#add(
      { id: this.#next++, kind: 'error', text: error.message, hint: error.hint, detail: error.detail },
      ERROR_MS,
    );
  }

  clear(topic: string): void {
    this.list = this.list.filter((toast) => toast.topic !== topic);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #add(toast: Toast, lifeMs: number): void {
    this.list = [...this.list.slice(-3), toast];
    setTimeout(() => this.dismiss(toast.id), lifeMs);
  }
}
