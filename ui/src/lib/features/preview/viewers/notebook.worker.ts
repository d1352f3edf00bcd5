// Reads notebooks aside, so that the window goes on meanwhile: takes the bytes of one, answers with a `ReadNotebook`.
import { parseNotebook } from './notebook';

addEventListener('message', ({ data }: MessageEvent<Blob>) => {
  void data.text().then((text) => postMessage(parseNotebook(text)));
});
