// Reads notebooks aside, so that the window goes on meanwhile: takes a text, answers with a `ReadNotebook`.
import { parseNotebook } from './notebook';

addEventListener('message', ({ data }: MessageEvent<string>) => postMessage(parseNotebook(data)));
