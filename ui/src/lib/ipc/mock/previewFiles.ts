import type { ArchiveListing, ArtifactKind, ArtifactMeta } from '../generated/protocol';

/** A file of the fixtures. */
export interface Sample {
  kind?: ArtifactKind;
  mime?: string;
  size?: number;
  text?: string;
  meta?: ArtifactMeta;
  head?: string;
  problem?: string;
  url?: () => string;
  thumbnail?: () => string;
}

export const LARGE_NAMES = ['id', 'customer', 'city', 'amount', 'date', '备注'];
const CITIES = ['Oslo', 'Bergen', '上海', 'Kraków', 'Ålesund'];
export function largeRow(row: number): string[] {
  const day = String((row % 28) + 1).padStart(2, '0');
  return [
    String(row + 1),
    `Customer ${(row * 7919) % 10_007}`,
    CITIES[row % CITIES.length] ?? '',
    ((row * 37.5) % 9000).toFixed(2),
    `2026-0${(row % 9) + 1}-${day}`,
    row % 11 === 0 ? '已付款' : '',
  ];
}

const PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="400" viewBox="0 0 640 400"><circle cx="320" cy="200" r="150" fill="teal"/><path d="M60 340 220 160l90 90 60-50 210 140Z" fill="goldenrod" opacity=".85"/></svg>';
const svgUrl = (svg: string) => `data:image/svg+xml,${encodeURIComponent(svg)}`;

const DECK = `<!doctype html><html><head><meta charset="utf-8"><style>
body{margin:0;font-family:system-ui;background:#ddd}.ppt-slide{position:relative;width:1024px;height:576px;padding:48px;box-sizing:border-box;margin-bottom:40px;overflow:hidden;background:#fff}
h1{font-size:54px;margin:0 0 16px}li{font-size:26px;margin:10px 0}.dark{background:#14665b;color:#fff}</style></head><body>
${['Spring bicycles', 'What we sell', '客户与市场', 'Numbers', 'Next steps', 'Thank you']
  .map(
    (
      title,
      index,
    ) => `<section class="ppt-slide${index % 3 === 0 ? ' dark' : ''}" data-notes="${index === 0 ? 'Welcome everybody. Wait until it is quiet.' : ''}">
<h1>${title}</h1><ul><li>First point of slide ${index + 1}</li><li>Second point, a little longer than the first</li><li>第三点：简短说明</li></ul>${index === 1 ? '<aside class="notes">Name the three models.\nThen show the price list.</aside>' : ''}</section>`,
  )
  .join('\n')}</body></html>`;

const NOTEBOOK = JSON.stringify({
  nbformat: 4,
  metadata: { language_info: { name: 'python' } },
  cells: [
    { cell_type: 'markdown', source: ['# Sales in spring\n', 'The table holds *twelve* weeks. 数据来自门店。'] },
    {
      cell_type: 'code',
      execution_count: 1,
      source: ['import pandas as pd\n', "table = pd.read_csv('sales.csv')\n", 'table.head(2)'],
      outputs: [
        {
          output_type: 'execute_result',
          data: {
            'text/html': [
              '<table><tr><th>week</th><th>sold</th></tr><tr><td>1</td><td>12</td></tr></table><script>alert(1)</script><img src="https://example.com/x.png">',
            ],
            'text/plain': ['week sold'],
          },
        },
      ],
    },
    {
      cell_type: 'code',
      execution_count: 2,
      source: 'table.plot()',
      outputs: [{ output_type: 'display_data', data: { 'image/svg+xml': [PICTURE] } }],
    },
    {
      cell_type: 'code',
      execution_count: null,
      source: '1 / 0',
      outputs: [
        {
          output_type: 'error',
          ename: 'ZeroDivisionError',
          evalue: 'division by zero',
          traceback: ['\u001b[31mZeroDivisionError\u001b[0m: division by zero'],
        },
      ],
    },
  ],
});

const JSON_TEXT = JSON.stringify({
  name: 'bicycles',
  version: 3,
  open: true,
  owner: null,
  tags: ['city', 'cargo', '电动车'],
  places: Array.from({ length: 1500 }, (_, index) => ({ id: index, name: `Place ${index}`, at: [59.9, 10.7] })),
});

/** A PDF of pages with a heading and lines of text, written by hand. */
export function pdfText(pages: number): string {
  const objects: string[] = [];
  const kids = Array.from({ length: pages }, (_, index) => `${4 + index * 2} 0 R`).join(' ');
  objects.push('<< /Type /Catalog /Pages 2 0 R >>', `<< /Type /Pages /Kids [${kids}] /Count ${pages} >>`);
  objects.push('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>');
  for (let page = 0; page < pages; page += 1) {
    const lines = Array.from(
      { length: 24 },
      (_, line) => `0 -24 Td (Line ${line + 1} of page ${page + 1}: bicycles for the whole family.) Tj`,
    );
    const words = `BT /F1 26 Tf 60 740 Td (Chapter ${page + 1}) Tj /F1 13 Tf ${lines.join(' ')} ET`;
    const size = page === 2 ? '[0 0 842 595]' : '[0 0 595 842]';
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox ${size} /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + page * 2} 0 R >>`,
      `<< /Length ${words.length} >>\nstream\n${words}\nendstream`,
    );
  }
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const at = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  text += offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  return `${text}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
}
export const pdfUrl = () => `data:application/pdf;base64,${btoa(pdfText(12))}`;

/** Two seconds of a tone that swells, as a WAV file. */
function wavUrl(): string {
  const rate = 8000;
  const samples = rate * 2;
  const bytes = new Uint8Array(44 + samples);
  const view = new DataView(bytes.buffer);
  const put = (at: number, text: string) =>
    [...text].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  put(0, 'RIFF');
  view.setUint32(4, 36 + samples, true);
  put(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  put(36, 'data');
  view.setUint32(40, samples, true);
  for (let at = 0; at < samples; at += 1) {
    bytes[44 + at] =
      128 + 90 * Math.sin((at * 440 * 2 * Math.PI) / rate) * Math.abs(Math.sin((at * Math.PI) / samples));
  }
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:audio/wav;base64,${btoa(text)}`;
}

export const archive: ArchiveListing = {
  entries: Array.from({ length: 400 }, (_, index) => ({
    path: index % 9 === 0 ? `photos/${index}/` : `photos/${index - (index % 9)}/bicycle-${index}.jpg`,
    size: index % 9 === 0 ? 0 : 120_000 + index * 777,
    packed: null,
    folder: index % 9 === 0,
    modifiedAt: 1_770_000_000_000 + index * 86_400_000,
  })),
  total: 400,
  unpacked: 61_000_000,
  truncated: false,
  notes: [],
};

const SAMPLES: Record<string, Sample> = {
  'deck.html': { kind: 'deck', mime: 'text/html', text: DECK },
  'report.pdf': {
    kind: 'document',
    mime: 'application/pdf',
    size: 21_000,
    meta: { type: 'document', pages: 12, title: null },
    url: pdfUrl,
  },
  'broken.pdf': {
    kind: 'document',
    mime: 'application/pdf',
    size: 2048,
    head: '25504446',
    url: () => `data:application/pdf;base64,${btoa('%PDF-1.4 nothing of use')}`,
  },
  'logo.svg': {
    kind: 'image',
    mime: 'image/svg+xml',
    size: PICTURE.length,
    meta: { type: 'image', width: 640, height: 400, animated: false },
    url: () => svgUrl(PICTURE),
    thumbnail: () => svgUrl(PICTURE),
  },
  'map.png': {
    kind: 'image',
    mime: 'image/png',
    size: 48_200,
    meta: { type: 'image', width: 640, height: 400, animated: false },
    url: () => svgUrl(PICTURE),
    thumbnail: () => svgUrl(PICTURE),
  },
  'huge.png': {
    kind: 'image',
    mime: 'image/png',
    size: 5e8,
    meta: { type: 'image', width: 40_000, height: 30_000, animated: false },
    head: '89504e470d0a1a0a',
  },
  'bell.wav': {
    kind: 'audio',
    mime: 'audio/wav',
    size: 16_044,
    meta: {
      type: 'audio',
      seconds: 2,
      channels: 1,
      rate: 8000,
      peaks: Array.from(
        { length: 128 },
        (_, at) => Math.abs(Math.sin((at * Math.PI) / 128)) * (0.6 + 0.4 * Math.abs(Math.sin(at * 1.7))),
      ),
    },
    url: wavUrl,
  },
  'analysis.ipynb': { mime: 'application/x-ipynb+json', text: NOTEBOOK },
  'places.json': { mime: 'application/json', text: JSON_TEXT },
  'broken.json': { mime: 'application/json', text: '{"name": ' },
  'large.csv': {
    kind: 'table',
    mime: 'text/csv',
    size: 96e6,
    meta: { type: 'table', rows: null, columns: 6, names: LARGE_NAMES, sheets: [] },
  },
  'sales.xlsx': {
    kind: 'table',
    mime: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    size: 9000,
  },
  'photos.zip': {
    mime: 'application/zip',
    size: 58_000_000,
    meta: { type: 'archive', entries: 400, unpacked: 61_000_000 },
  },
  'pitch.pptx': {
    kind: 'deck',
    mime: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    size: 84_000,
    meta: {
      type: 'deck',
      slides: [
        { title: 'Spring bicycles', notes: 'Welcome everybody.', hidden: false },
        { title: '客户与市场', notes: '', hidden: false },
        { title: '', notes: 'Only if somebody asks.', hidden: true },
      ],
    },
  },
  'bomb.pptx': {
    kind: 'deck',
    mime: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    size: 42_000,
    head: '504b0304',
    problem: 'This file would unpack to more than is safe.',
  },
  'empty.txt': { mime: 'text/plain', size: 0, text: '' },
  'tool.bin': {
    mime: 'application/octet-stream',
    size: 123_456,
    head: '7f454c4602010100000000000000000003003e0001000000c010000000000000',
  },
};

export function sample(path: string): Sample | undefined {
  return SAMPLES[path.split('/').at(-1) ?? ''];
}

export const sampleNames = Object.keys(SAMPLES);
