// Files of every kind, whole and broken, made where a journey wants them.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  openSync,
  closeSync,
  ftruncateSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const documents = fileURLToPath(new URL('../../fixtures/documents/', import.meta.url));
const archives = fileURLToPath(new URL('../../fixtures/archives/', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** A second of a tone that swells: 8,000 samples of one byte. */
function tone() {
  const samples = 8000;
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(samples, 24);
  head.writeUInt32LE(samples, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples, 40);
  const body = Buffer.from(Array.from({ length: samples }, (_, at) => 128 + 100 * (at / samples) * Math.sin(at / 3)));
  return Buffer.concat([head, body]);
}

/** A file of that size whose start is a picture of 40,000 by 30,000 pixels; the rest is a hole. */
function hugePicture(path, size) {
  const head = Buffer.alloc(33);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(head);
  head.writeUInt32BE(40_000, 16);
  head.writeUInt32BE(30_000, 20);
  Buffer.from('0806000000', 'hex').copy(head, 24);
  const file = openSync(path, 'w');
  writeSync(file, head);
  ftruncateSync(file, size);
  closeSync(file);
}

/** Slides whose parts would unpack to two gigabytes. */
function bomb(path) {
  const code = `
import sys, zipfile
zeros = b"0" * (1 << 20)
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
    out.writestr("[Content_Types].xml", "<Types/>")
    with out.open("ppt/presentation.xml", "w", force_zip64=True) as part:
        for _ in range(2048):
            part.write(zeros)
`;
  const made = spawnSync('python3', ['-c', code, path], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`no bomb: ${made.stderr}`);
}

/** Makes all of them in `folder`. */
export function makeSamples(folder) {
  mkdirSync(folder, { recursive: true });
  const put = (name, content) => writeFileSync(join(folder, name), content);
  copyFileSync(join(fixtures, 'deck.html'), join(folder, 'deck.html'));
  copyFileSync(join(documents, 'chromium.pdf'), join(folder, 'report.pdf'));
  copyFileSync(join(documents, 'sheets.xlsx'), join(folder, 'sheets.xlsx'));
  copyFileSync(join(documents, 'slides.pptx'), join(folder, 'slides.pptx'));
  copyFileSync(join(documents, 'notebook.ipynb'), join(folder, 'notebook.ipynb'));
  copyFileSync(join(documents, 'book.epub'), join(folder, 'book.zip'));
  const pdfjs = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));
  copyFileSync(join(pdfjs, 'standard_fonts/LiberationSans-Regular.ttf'), join(folder, 'letters.ttf'));
  for (const name of ['files.7z', 'files.tar.xz', 'files.tar.zst', 'files.tar.bz2']) {
    copyFileSync(join(archives, name), join(folder, name));
  }
  put('old.rar', Buffer.from('526172211a070100', 'hex'));
  put('tone.wav', tone());
  put(
    'drawing.svg',
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><circle cx="150" cy="100" r="90" fill="teal"/></svg>',
  );
  put('places.json', JSON.stringify({ name: '城市', places: Array.from({ length: 1200 }, (_, id) => ({ id })) }));
  put('program.bin', Buffer.from('7f454c4602010100', 'hex'));
  const rows = Array.from({ length: 300_000 }, (_, row) => `${row + 1},Name ${row + 1},${(row * 7) % 1000}\n`);
  put('large.csv', `id,name,amount\n${rows.join('')}`);

  put('broken.pdf', readFileSync(join(documents, 'chromium.pdf')).subarray(0, 900));
  put('nothing.pdf', '');
  put('broken.json', '{"name": ');
  put('broken.png', 'This is no picture.');
  put('broken.zip', 'PK\u0003\u0004 and nothing more');
  hugePicture(join(folder, 'huge.png'), 500 * 1024 * 1024);
  bomb(join(folder, 'bomb.pptx'));
}
