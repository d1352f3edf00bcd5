import type { AppEvent, Item, SessionDetail, ToolCall, TurnEvent, UserMessage } from '../generated/protocol';
import { APP_JS, makeCall, makeItem, makeNode, newId, unknownUsage } from './fixtures';

interface Play {
  nodeId: string;
  parentId: string | null;
  message: UserMessage;
  stopped: () => boolean;
  emit: (event: TurnEvent) => void;
  app: (event: Omit<Extract<AppEvent, { type: 'deployed' }>, 'sessionId'>) => void;
  detail: SessionDetail;
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const ANSWER =
  'I make the page from your file.\n\n- the **totals** first\n- then a bar for each month\n\nIt is deployed now, and the preview shows it.';

/** A turn with a pause, a file that streams in, a command with live output, and a deployment. */
export async function playTurn({ nodeId, parentId, message, stopped, emit, app, detail }: Play): Promise<void> {
  const startedAt = Date.now();
  let node = makeNode(nodeId, parentId, message.text, startedAt, {
    status: 'running',
    endedAt: null,
    changes: null,
    snapshot: null,
  });
  const turn = {
    node,
    message,
    items: [] as Item[],
    error: null as null | { message: string; hint?: string },
    usage: unknownUsage,
  };
  const parent = detail.turns.findIndex((other) => other.node.id === parentId);
  detail.turns = [...detail.turns.slice(0, parent + 1), turn];
  detail.tree.push(node);
  detail.currentNode = nodeId;
  emit({ type: 'turnStarted', node, message });

  const finish = (item: Item, body: Item['body']) => {
    const done = { ...item, body, endedAt: Date.now() };
    turn.items = [...turn.items.filter(({ id }) => id !== item.id), done];
    emit({ type: 'itemCompleted', item: done });
  };
  const end = (type: 'turnCompleted' | 'turnInterrupted') => {
    node = {
      ...node,
      status: type === 'turnCompleted' ? 'completed' : 'interrupted',
      endedAt: Date.now(),
      changes: { added: 1, modified: 1, deleted: 0 },
    };
    turn.node = node;
    detail.tree = detail.tree.map((other) => (other.id === nodeId ? node : other));
    if (type === 'turnCompleted') emit({ type, node });
    else {
      turn.error = { message: 'You stopped this turn.', hint: 'What was done so far is kept.' };
      emit({ type, node, error: turn.error });
    }
  };

  for (let tick = 0; tick < 2; tick += 1) {
    await wait(700);
    if (stopped()) return end('turnInterrupted');
    emit({ type: 'heartbeat', awaited: { type: 'model', model: 'okcvm-demo', attempt: 1 }, sinceAt: startedAt });
  }

  const call = makeCall('write_file', {}, { arguments: '', status: 'pending' }) as { type: 'toolCall' } & ToolCall;
  const writing = makeItem(nodeId, 0, call, Date.now(), null);
  emit({ type: 'itemStarted', item: writing });
  const json = JSON.stringify({ file_path: '/mnt/okcomputer/site/app.js', content: APP_JS.repeat(3) });
  for (let at = 0; at < json.length; at += 24) {
    await wait(20);
    if (stopped()) {
      finish(writing, { ...call, arguments: json.slice(0, at), status: 'interrupted' });
      return end('turnInterrupted');
    }
    emit({ type: 'itemDelta', itemId: writing.id, delta: { type: 'arguments', text: json.slice(at, at + 24) } });
  }
  finish(writing, {
    ...call,
    arguments: json,
    status: 'completed',
    result: { content: [{ type: 'text', text: 'Wrote site/app.js.' }], isError: false, artifacts: [] },
  });

  const command = makeCall(
    'shell',
    { command: 'for i in 1 2 3 4 5; do echo step $i; sleep 1; done', description: 'Count slowly' },
    { status: 'running' },
  ) as {
    type: 'toolCall';
  } & ToolCall;
  const running = makeItem(nodeId, 1, command, Date.now(), null);
  emit({ type: 'itemStarted', item: running });
  let output = '';
  for (let step = 1; step <= 5; step += 1) {
    await wait(350);
    if (stopped()) {
      finish(running, { ...command, liveOutput: output, status: 'interrupted' });
      return end('turnInterrupted');
    }
    output += `step ${step}\n`;
    emit({ type: 'itemDelta', itemId: running.id, delta: { type: 'output', text: `step ${step}\n` } });
  }
  finish(running, {
    ...command,
    status: 'completed',
    result: { content: [{ type: 'text', text: `${output}[exit code 0]` }], isError: false, artifacts: [] },
  });

  const text = makeItem(nodeId, 2, { type: 'text', text: '' }, Date.now(), null);
  emit({ type: 'itemStarted', item: text });
  for (let at = 0; at < ANSWER.length; at += 4) {
    await wait(16);
    if (stopped()) {
      finish(text, { type: 'text', text: ANSWER.slice(0, at) });
      return end('turnInterrupted');
    }
    emit({ type: 'itemDelta', itemId: text.id, delta: { type: 'text', text: ANSWER.slice(at, at + 4) } });
  }
  finish(text, { type: 'text', text: ANSWER });
  const deployment = {
    id: newId(),
    folder: 'site',
    version: detail.deployments.length + 1,
    title: 'Sales 2025',
    nodeId,
    onPath: true,
    deployedAt: Date.now(),
    url: 'http://localhost:38123/',
    files: 4,
    size: 93_000,
  };
  detail.deployments = [deployment, ...detail.deployments];
  app({ type: 'deployed', deployment });
  turn.usage = { ...unknownUsage, inputTokens: 2100, outputTokens: 240 };
  emit({ type: 'usage', usage: turn.usage });
  end('turnCompleted');
}
