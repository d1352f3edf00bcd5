import '@testing-library/jest-dom/vitest';
import { configure } from '@testing-library/svelte';
import { afterEach, vi } from 'vitest';
import { parseNotebook } from '$lib/features/preview/viewers/notebook';

configure({ asyncUtilTimeout: 10_000 });

afterEach(() => localStorage.clear());

// What the window has and jsdom has not.
vi.mock('$lib/features/preview/viewers/notebook.worker?worker', () => ({
  default: class {
    onmessage?: (event: { data: unknown }) => void;
    postMessage(bytes: Blob): void {
      void bytes.text().then((text) => this.onmessage?.({ data: parseNotebook(text) }));
    }
    terminate(): void {}
  },
}));
/** Everything is as large as a small window. */
const ROOM = { width: 800, height: 600, top: 0, left: 0, right: 800, bottom: 600, x: 0, y: 0 };
class Observer {
  #gone = false;
  constructor(private readonly tell: (entries: unknown[]) => void) {}
  observe(target: Element): void {
    const size = [{ inlineSize: ROOM.width, blockSize: ROOM.height }];
    const entry = { target, contentRect: ROOM, borderBoxSize: size, contentBoxSize: size };
    queueMicrotask(() => this.#gone || this.tell([entry]));
  }
  unobserve(): void {}
  disconnect(): void {
    this.#gone = true;
  }
}
Object.defineProperty(HTMLElement.prototype, 'offsetParent', {
  get(this: HTMLElement) {
    return this.parentElement;
  },
});
globalThis.ResizeObserver ??= Observer as unknown as typeof ResizeObserver;
class NearObserver {
  constructor(private readonly tell: (entries: unknown[]) => void) {}
  observe(target: Element): void {
    queueMicrotask(() => this.tell([{ target, isIntersecting: true }]));
  }
  unobserve(): void {}
  disconnect(): void {}
}
globalThis.IntersectionObserver ??= NearObserver as unknown as typeof IntersectionObserver;
window.matchMedia ??= ((query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
})) as unknown as typeof window.matchMedia;
Element.prototype.scrollIntoView ??= () => undefined;
