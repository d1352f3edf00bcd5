import type {
  AppInfo,
  Contact,
  Deployment,
  FileEntry,
  Item,
  ItemBody,
  NodeSummary,
  PythonStatus,
  SecretStatus,
  HistoryUsage,
  SessionDetail,
  SessionSummary,
  Settings,
  Span,
  ToolCall,
  Turn,
  Usage,
} from '../generated/protocol';
import { sample, sampleNames } from './previewFiles';

/** A session as the engine would send it, for looking at the window without the engine. */

export const MINUTE = 60_000;
export const unknownUsage: Usage = {
  inputTokens: null,
  outputTokens: null,
  cachedTokens: null,
  reasoningTokens: null,
  cost: null,
  costCurrency: null,
};

let counter = 0;
export function newId(): string {
  counter += 1;
  return `01930000-0000-7000-8000-${String(counter).padStart(12, '0')}`;
}

export function makeItem(
  nodeId: string,
  ordinal: number,
  body: ItemBody,
  startedAt: number,
  took: number | null,
): Item {
  return { id: newId(), nodeId, ordinal, step: 0, startedAt, endedAt: took === null ? null : startedAt + took, body };
}

export function makeCall(tool: string, args: unknown, rest: Partial<ToolCall> = {}): ItemBody {
  return {
    type: 'toolCall',
    callId: `call_${tool}`,
    tool: `mshtools-${tool}`,
    arguments: JSON.stringify(args),
    status: 'completed',
    liveOutput: '',
    result: null,
    ...rest,
  };
}

export function makeNode(
  id: string,
  parentId: string | null,
  title: string,
  startedAt: number,
  rest: Partial<NodeSummary> = {},
): NodeSummary {
  return {
    id,
    parentId,
    title,
    label: null,
    startedAt,
    endedAt: startedAt + 21_000,
    status: 'completed',
    snapshot: 'a'.repeat(40),
    baseSnapshot: 'b'.repeat(40),
    changes: { added: 0, modified: 0, deleted: 0 },
    userChanges: null,
    notRestorable: null,
    ...rest,
  };
}

export const usage: HistoryUsage = {
  bytes: 48_000_000,
  budgetBytes: 5e9,
  totalBytes: 210_000_000,
  totalBudgetBytes: 20e9,
  snapshots: 3,
  thinned: 0,
  asideBytes: 0,
  steps: 0,
  stepsBytes: 0,
  stepsDropped: 0,
};

/** What a session says whose program ended more than once in the midst of something. */
export const NOTICES = [
  'A restore that was cut short by the end of the program was carried out to its end.',
  "Files that were changed after the program had ended in a turn are not counted as that turn's: site/chart-of-the-months.js, notes/plan.md, data/客户与市场/2026-年度-销售-明细.csv and 14 more.",
  'The history of this session holds later states of the files than its list of turns knows, as after the database was put back from a copy. Undo leads to them.',
  'Damaged parts of the history that had been set aside were removed, since their time in the trash is over (2480 kB: 2026-10-02T09-14-11, 2026-10-03T18-00-52).',
].join('\n');

export const settings: Settings = {
  defaultProfile: 'demo',
  profiles: [
    {
      id: 'demo',
      name: 'Demo',
      provider: 'demo',
      baseUrl: '',
      model: 'okcvm-demo',
      vision: false,
      maxTokens: null,
      prices: null,
    },
    {
      id: 'local',
      name: 'Qwen3 8B, local',
      provider: 'openAi',
      baseUrl: 'http://127.0.0.1:11434/v1',
      model: 'qwen3:8b',
      vision: false,
      maxTokens: 8192,
      prices: null,
    },
  ],
  limits: { maxSteps: 60, maxMinutes: 30, maxTokens: 2_000_000 },
  import: { maxFileBytes: 2 * 2 ** 30, maxTotalBytes: 8 * 2 ** 30, maxFiles: 100_000 },
  history: { sessionBudgetBytes: 5e9, totalBudgetBytes: 20e9, maxFileBytes: 100e6, trashDays: 30 },
  appearance: { theme: 'system', language: 'system' },
  stallSeconds: 120,
  deploymentPort: 38123,
  keyStorage: null,
  firstRunDone: true,
};

const TOOLS: [string, string, boolean][] = [
  ['todo_read', 'Read the to-do list.', true],
  ['todo_write', 'Replace the to-do list.', true],
  ['read_file', 'Read a text file or a picture.', true],
  ['write_file', 'Create, replace or extend a text file.', true],
  ['edit_file', 'Replace an exact string in a file.', true],
  ['shell', 'Run one command line in a sandboxed shell.', true],
  ['deploy_website', 'Publish a folder as a website on this machine.', true],
  ['ipython', 'Run Python in a kernel that keeps its names.', false],
  ['browser_visit', 'Open an address in the browser.', false],
  ['slides_generator', 'Make a slide deck from pages.', false],
];

export const info: AppInfo = {
  version: '0.1.0',
  dataFolder: '/home/someone/.local/share/okcvm',
  logFolder: '/home/someone/.local/share/okcvm/logs',
  deploymentAddress: 'http://localhost:38123/',
  deploymentError: null,
  tools: TOOLS.map(([name, summary, available]) => ({ name: `mshtools-${name}`, summary, available, reason: null })),
  sandbox: {
    available: true,
    mode: 'Full: every layer holds.',
    layers: [
      { name: 'Files', status: 'ok', message: 'Landlock: writes only in the workspace, no reads in the home folder.' },
      { name: 'Network', status: 'ok', message: 'A network namespace of its own, without any device.' },
      {
        name: 'System calls',
        status: 'warning',
        message: 'No filter is installed.',
        hint: 'It comes with a later version.',
      },
    ],
  },
  environmentProfile: null,
};

export const secrets: SecretStatus = {
  backend: 'keychain',
  keychainWorks: true,
  keychainError: null,
  fileLocked: false,
  keys: [{ profile: 'local', set: false, fromEnvironment: false }],
};

export const SALES_CSV = ['month,region,product,units,revenue']
  .concat(
    Array.from({ length: 1200 }, (_, index) => {
      const month = `2025-${String((index % 12) + 1).padStart(2, '0')}`;
      const region = ['North', 'South', 'East', 'West'][index % 4];
      const product = ['Lamp', 'Chair', '"Desk, oak"'][index % 3];
      return `${month},${region},${product},${20 + ((index * 37) % 180)},${(420 + ((index * 91) % 5200)).toFixed(2)}`;
    }),
  )
  .join('\n');

export const SITE_HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sales 2025</title>
<style>body{font:16px/1.5 Georgia,serif;margin:0;color:#1d2421;background:#fdfcf8}header{padding:48px 40px 24px;border-bottom:1px solid #ddd}
h1{font-size:40px;margin:0}main{padding:32px 40px;display:grid;gap:28px;grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}
.n{font-size:30px;font-weight:bold}.bar{display:flex;align-items:end;gap:8px;height:150px;padding:0 40px}.bar i{flex:1;background:#3d7a6c}</style>
<header><h1>Sales 2025</h1><p>Four regions, three products, twelve months.</p></header>
<main><div><div class="n">131,640</div>units</div><div><div class="n">3.6 M</div>revenue</div><div><div class="n">West</div>best region</div></main>
<div class="bar">${[40, 62, 55, 71, 68, 80, 77, 90, 84, 96, 88, 100].map((h) => `<i style="height:${h}%"></i>`).join('')}</div>
<script>parent.postMessage({okcvm:'blocked',directive:'script-src-elem',uri:'https://cdn.example/chart.js'},'*')</script></html>`;

export const README_MD = `# Sales site\n\nOne page, no libraries.\n\n| file | what |\n|---|---:|\n| \`index.html\` | the page |\n| \`style.css\` | its looks |\n\n- [x] totals\n- [ ] per region\n\n![map](https://tracker.example/pixel.png)\n`;

export const APP_JS = `// Sums the rows by region.\nexport function byRegion(rows) {\n  const sums = new Map();\n  for (const { region, revenue } of rows) {\n    sums.set(region, (sums.get(region) ?? 0) + Number(revenue));\n  }\n  return [...sums].sort((a, b) => b[1] - a[1]);\n}\n`;

function file(path: string, size: number, at: number): FileEntry {
  return { name: path.split('/').at(-1) ?? path, path, kind: 'file', size, modifiedAt: at };
}
function folder(path: string, at: number): FileEntry {
  return { name: path.split('/').at(-1) ?? path, path, kind: 'folder', size: 0, modifiedAt: at };
}

export function makeFiles(now: number): Map<string, FileEntry[]> {
  return new Map([
    [
      '',
      [
        folder('samples', now),
        folder('site', now),
        file('notes.md', 612, now),
        file('sales.csv', SALES_CSV.length, now),
      ],
    ],
    [
      'site',
      [
        folder('site/data', now),
        file('site/app.js', APP_JS.length, now),
        file('site/index.html', SITE_HTML.length, now),
        file('site/style.css', 2210, now),
      ],
    ],
    [
      'samples',
      sampleNames.map((name) => file(`samples/${name}`, sample(name)?.size ?? sample(name)?.text?.length ?? 0, now)),
    ],
    ['site/data', [file('site/data/sales.json', 88_120, now)]],
  ]);
}

export interface Fixture {
  sessions: SessionSummary[];
  details: Map<string, SessionDetail>;
  spans: Span[];
  files: Map<string, FileEntry[]>;
}

export function makeFixture(now: number): Fixture {
  const sessionId = newId();
  const [first, second, third, sibling, failed] = [newId(), newId(), newId(), newId(), newId()];
  const t1 = now - 42 * MINUTE;
  const t2 = now - 31 * MINUTE;
  const t3 = now - 12 * MINUTE;
  const summary: SessionSummary = {
    id: sessionId,
    title: 'Sales website from a CSV',
    createdAt: t1,
    updatedAt: now - 2 * MINUTE,
    deletedAt: null,
    workspace: { type: 'own' },
    running: false,
    mode: 'ask',
  };
  const deployments: Deployment[] = [2, 1].map((version) => ({
    id: newId(),
    folder: 'site',
    version,
    title: 'Sales 2025',
    nodeId: version === 1 ? first : second,
    onPath: true,
    deployedAt: version === 1 ? t1 + 19_000 : t2 + 15_000,
    url: `http://${newId()}.localhost:38123/`,
    files: 4,
    size: 93_000,
  }));
  const latest = deployments[0] as Deployment;

  const nodes = [
    makeNode(first, null, 'Make a website about the sales in this CSV', t1, {
      label: 'first site',
      changes: { added: 4, modified: 0, deleted: 0 },
    }),
    makeNode(sibling, first, 'Use a dark background instead', t1 + 4 * MINUTE, {
      changes: { added: 0, modified: 1, deleted: 0 },
    }),
    makeNode(failed, sibling, 'And make the bars orange', t1 + 6 * MINUTE, {
      status: 'failed',
      changes: { added: 0, modified: 0, deleted: 0 },
    }),
    makeNode(second, first, 'Add a chart of the months', t2, { changes: { added: 1, modified: 2, deleted: 0 } }),
    makeNode(third, second, 'Check that the totals are right', t3, {
      status: 'interrupted',
      changes: { added: 0, modified: 0, deleted: 0 },
      userChanges: { added: 0, modified: 1, deleted: 0 },
    }),
  ];

  const turns: Turn[] = [
    {
      node: nodes[0] as NodeSummary,
      message: {
        text: 'Make a website about the sales in this CSV. One page, calm, with the totals on top.',
        attachments: [{ path: 'sales.csv', size: SALES_CSV.length, mime: 'text/csv' }],
      },
      error: null,
      usage: { ...unknownUsage, inputTokens: 6120, outputTokens: 2213 },
      items: [
        makeItem(
          first,
          0,
          {
            type: 'reasoning',
            text: 'The file has five columns. I should look at the first rows before I decide on the page.',
          },
          t1,
          1400,
        ),
        makeItem(first, 1, { type: 'text', text: 'I look at the file first, then plan the page.' }, t1 + 1500, 600),
        makeItem(
          first,
          2,
          makeCall(
            'read_file',
            { file_path: '/mnt/okcomputer/sales.csv', limit: 20 },
            {
              result: {
                content: [{ type: 'text', text: SALES_CSV.split('\n').slice(0, 12).join('\n') }],
                isError: false,
                artifacts: [],
              },
            },
          ),
          t1 + 2200,
          38,
        ),
        makeItem(
          first,
          3,
          makeCall(
            'write_file',
            { file_path: '/mnt/okcomputer/site/app.js', content: APP_JS },
            {
              result: {
                content: [{ type: 'text', text: 'Wrote site/app.js.' }],
                isError: false,
                artifacts: [],
                diff: {
                  path: 'site/app.js',
                  kind: 'added',
                  additions: 8,
                  deletions: 0,
                  binary: false,
                  truncated: false,
                  hunks: [
                    {
                      oldStart: 0,
                      newStart: 1,
                      lines: APP_JS.trimEnd()
                        .split('\n')
                        .map((text) => ({ kind: 'added' as const, text })),
                    },
                  ],
                },
              },
            },
          ),
          t1 + 3000,
          52,
        ),
        makeItem(
          first,
          4,
          makeCall(
            'shell',
            { command: 'node --check site/app.js && ls -la site', description: 'Check the script' },
            {
              result: {
                content: [
                  {
                    type: 'text',
                    text: 'total 104\n-rw-r--r-- 1 user user   309 app.js\n-rw-r--r-- 1 user user  1894 index.html\n[exit code 0]',
                  },
                ],
                isError: false,
                artifacts: [],
              },
            },
          ),
          t1 + 4000,
          912,
        ),
        makeItem(
          first,
          5,
          makeCall(
            'deploy_website',
            { type: 'static', local_dir: '/mnt/okcomputer/site' },
            {
              result: {
                content: [{ type: 'text', text: `Deployed version 1 at ${latest.url}` }],
                isError: false,
                artifacts: [
                  { kind: 'site', title: 'Sales 2025', path: 'site', url: latest.url, deployment: deployments[1]?.id },
                ],
              },
            },
          ),
          t1 + 16_000,
          240,
        ),
        makeItem(
          first,
          6,
          {
            type: 'text',
            text: 'The site is up. It shows:\n\n1. **Totals** of units and revenue\n2. the **best region**\n3. a bar for each month\n\nThe sums come from `byRegion`:\n\n```js\nconst best = byRegion(rows)[0];\n```\n\n| region | revenue |\n|---|---:|\n| West | 941,200.00 |\n| North | 902,118.50 |\n\nSee [the CSV](sales.csv) or [how bars mislead](https://example.org/a/long/path?with=query).',
          },
          t1 + 17_000,
          3900,
        ),
      ],
    },
    {
      node: nodes[3] as NodeSummary,
      message: { text: 'Add a chart of the months', attachments: [] },
      error: null,
      usage: {
        ...unknownUsage,
        inputTokens: 9004,
        outputTokens: 1310,
        cachedTokens: 6100,
        cost: 0.0123,
        costCurrency: 'USD',
      },
      items: [
        makeItem(
          second,
          0,
          makeCall(
            'edit_file',
            { file_path: 'site/index.html', old_string: '<main>', new_string: '<main class="wide">' },
            {
              result: {
                content: [{ type: 'text', text: 'Replaced 1 occurrence.' }],
                isError: false,
                artifacts: [],
                diff: sampleDiff(),
              },
            },
          ),
          t2 + 1000,
          41,
        ),
        makeItem(
          second,
          1,
          makeCall(
            'shell',
            { command: 'npx http-server site' },
            {
              status: 'failed',
              result: {
                content: [{ type: 'text', text: 'npm error network is not reachable\n[exit code 1]' }],
                isError: true,
                artifacts: [],
              },
            },
          ),
          t2 + 2000,
          1800,
        ),
        makeItem(second, 2, { type: 'steer', text: 'No server is needed, just deploy it again.' }, t2 + 4000, 0),
        makeItem(
          second,
          3,
          makeCall(
            'deploy_website',
            { type: 'static', local_dir: 'site' },
            {
              result: {
                content: [{ type: 'text', text: `Deployed version 2 at ${latest.url}` }],
                isError: false,
                artifacts: [
                  { kind: 'site', title: 'Sales 2025', path: 'site', url: latest.url, deployment: latest.id },
                ],
              },
            },
          ),
          t2 + 12_000,
          210,
        ),
        makeItem(
          second,
          4,
          { type: 'text', text: 'The months have a chart now; version 2 is in the preview.' },
          t2 + 13_000,
          900,
        ),
      ],
    },
    {
      node: nodes[4] as NodeSummary,
      message: { text: 'Check that the totals are right', attachments: [] },
      error: { code: 'cancelled', message: 'You stopped this turn.' },
      usage: unknownUsage,
      items: [
        makeItem(third, 0, { type: 'text', text: 'I add up the columns and compare.' }, t3 + 800, 300),
        makeItem(
          third,
          1,
          makeCall(
            'shell',
            { command: "awk -F, '{s+=$5} END {print s}' sales.csv", description: 'Add up the revenue' },
            {
              status: 'interrupted',
              liveOutput: '3602114.50\n',
            },
          ),
          t3 + 1500,
          2100,
        ),
      ],
    },
  ];

  const detail: SessionDetail = {
    summary,
    access: 'write',
    whyReadOnly: null,
    workspacePath: '/home/someone/.local/share/okcvm/sessions/1/workspace',
    currentNode: third,
    tree: nodes,
    turns,
    earlierTurns: 0,
    todos: [
      { id: '1', content: 'Read the CSV', priority: 'high', status: 'completed' },
      { id: '2', content: 'Write the page and its style', priority: 'high', status: 'completed' },
      { id: '3', content: 'Draw the months', priority: 'medium', status: 'completed' },
      { id: '4', content: 'Compare the totals with the file', priority: 'high', status: 'in_progress' },
      { id: '5', content: 'Write a short readme', priority: 'low', status: 'pending' },
    ],
    queue: [],
    deployments,
    undo: { undo: null, redo: null },
    limits: settings.limits,
    profile: 'demo',
    notice: null,
    sequence: 0,
  };

  const spans: Span[] = [];
  const span = (nodeId: string, kind: Span['kind'], name: string, at: number, took: number, rest: Partial<Span> = {}) =>
    spans.push({
      id: newId(),
      nodeId,
      itemId: null,
      kind,
      name,
      startedAt: at,
      endedAt: at + took,
      firstTokenMs: kind === 'model' ? Math.round(took / 5) : null,
      retries: 0,
      status: 'ok',
      error: null,
      usage: unknownUsage,
      ...rest,
    });
  span(first, 'model', 'okcvm-demo', t1, 2150);
  span(first, 'tool', 'mshtools-read_file', t1 + 2200, 38);
  span(first, 'model', 'okcvm-demo', t1 + 2300, 13_500, {
    usage: { ...unknownUsage, inputTokens: 4000, outputTokens: 1900 },
  });
  span(first, 'tool', 'mshtools-deploy_website', t1 + 16_000, 240);
  span(first, 'model', 'okcvm-demo', t1 + 16_400, 4500);
  span(second, 'model', 'qwen3:8b', t2, 9000, {
    retries: 2,
    usage: { ...unknownUsage, inputTokens: 9004, outputTokens: 1310 },
  });
  span(second, 'tool', 'mshtools-shell', t2 + 9100, 1800, {
    status: 'error',
    error: 'The command ended with exit code 1.',
  });
  span(second, 'tool', 'mshtools-deploy_website', t2 + 12_000, 210);
  span(third, 'model', 'qwen3:8b', t3, 1400);
  span(third, 'tool', 'mshtools-shell', t3 + 1500, 2100, { status: 'interrupted' });

  const others: [string, number][] = [
    ['Slides for the board meeting', 3 * 60],
    ['季度报告网站', 26 * 60],
    ['Photo gallery', 50 * 60],
    ['Conference to-do list', 24 * 60 * 9],
  ];
  const sessions = [
    summary,
    ...others.map(([title, minutes], index): SessionSummary => ({
      ...summary,
      id: newId(),
      title,
      updatedAt: now - minutes * MINUTE,
      running: index === 0,
      workspace: index === 2 ? { type: 'folder', path: '/home/someone/Pictures/site' } : { type: 'own' },
    })),
  ];
  const details = new Map(
    sessions.map((session) => [
      session.id,
      session.id === sessionId
        ? detail
        : { ...detail, summary: session, currentNode: null, tree: [], turns: [], todos: [], deployments: [] },
    ]),
  );
  return { sessions, details, spans, files: makeFiles(now) };
}

export function sampleDiff() {
  return {
    path: 'site/index.html',
    kind: 'modified' as const,
    additions: 2,
    deletions: 1,
    binary: false,
    truncated: false,
    hunks: [
      {
        oldStart: 11,
        newStart: 11,
        lines: [
          { kind: 'context' as const, text: '<header><h1>Sales 2025</h1></header>' },
          { kind: 'removed' as const, text: '<main>' },
          { kind: 'added' as const, text: '<main class="wide">' },
          { kind: 'added' as const, text: '  <figure id="months"></figure>' },
          { kind: 'context' as const, text: '  <div class="totals">' },
        ],
      },
      {
        oldStart: 40,
        newStart: 41,
        lines: [
          { kind: 'context' as const, text: '</main>' },
          { kind: 'context' as const, text: '</html>' },
        ],
      },
    ],
  };
}

export const python: PythonStatus = {
  state: 'ready',
  kernel: 'jupyter',
  kernelReason: null,
  version: '3.12.7',
  path: '/home/someone/.local/share/okcvm/python',
  size: 391_000_000,
  tool: 'uv',
  packages: [
    { name: 'ipykernel', version: '7.4.0' },
    { name: 'matplotlib', version: '3.11.2' },
    { name: 'numpy', version: '2.4.6' },
    { name: 'pandas', version: '3.1.1' },
  ],
  problem: null,
};

/** One that was allowed, one that was not. */
export function contacts(sessionId: string): Contact[] {
  const made = {
    sessionId,
    nodeId: null,
    itemId: newId(),
    port: 443,
    startedAt: Date.now(),
    others: null,
    endedAt: Date.now(),
  };
  return [
    {
      ...made,
      id: newId(),
      host: 'files.example.com',
      outcome: 'refused',
      reason: 'files.example.com:443 is not among the hosts that this session may speak to.',
      sent: 0,
      received: 0,
    },
    { ...made, id: newId(), host: 'pypi.org', outcome: 'allowed', reason: null, sent: 1_204, received: 48_113 },
  ];
}
