import type { ReadNotebook } from './notebook';
import NotebookWorker from './notebook.worker?worker';

/** Reads the text of a notebook in a worker of its own. Gives what ends it before it has answered. */
export function readAside(text: string, answer: (read: ReadNotebook) => void): () => void {
  const worker = new NotebookWorker();
  worker.onmessage = ({ data }: MessageEvent<ReadNotebook>) => {
    worker.terminate();
    answer(data);
  };
  worker.onerror = ({ message }) => {
    worker.terminate();
    answer({ problem: message });
  };
  worker.postMessage(text);
  return () => worker.terminate();
}
