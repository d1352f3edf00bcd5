import type { ReadNotebook } from './notebook';
import NotebookWorker from './notebook.worker?worker';

/** Reads the bytes of a notebook in a worker of its own, which ends with the signal. */
export function readAside(bytes: Blob, signal: AbortSignal): Promise<ReadNotebook> {
  return new Promise((answer, fail) => {
    signal.throwIfAborted();
    const worker = new NotebookWorker();
    const end = () => {
      worker.terminate();
      fail(signal.reason as Error);
    };
    signal.addEventListener('abort', end, { once: true });
    worker.onmessage = ({ data }: MessageEvent<ReadNotebook>) => {
      worker.terminate();
      signal.removeEventListener('abort', end);
      answer(data);
    };
    worker.onerror = ({ message }) => {
      worker.terminate();
      signal.removeEventListener('abort', end);
      fail(new Error(message));
    };
    worker.postMessage(bytes);
  });
}
