import type { EngineEvent, Item, NodeSummary, NumberedEvent, SessionDetail, ToolCall, TurnEvent } from '$lib/ipc';
import type { CommandName, DropEvent, Params, Response, Transport } from '$lib/ipc';
import { CommandError } from '$lib/ipc';
import { settings, unknownUsage } from '$lib/ipc/mock/fixtures';

export function node(
  id: string,
  parentId: string | null,
  startedAt: number,
  rest: Partial<NodeSummary> = {},
): NodeSummary {
  return {
    id,
    parentId,
    title: id,
    label: null,
    startedAt,
    endedAt: startedAt + 1000,
    status: 'completed',
    snapshot: null,
    baseSnapshot: null,
    changes: null,
    userChanges: null,
    notRestorable: null,
    ...rest,
  };
}

export function textItem(id: string, nodeId: string, text: string, endedAt: number | null, ordinal = 0): Item {
  return { id, nodeId, ordinal, step: 0, startedAt: 0, endedAt, body: { type: 'text', text } };
}

export function callItem(id: string, nodeId: string, rest: Partial<ToolCall>, ordinal = 0): Item {
  const call: ToolCall = {
    callId: id,
    tool: 'mshtools-shell',
    arguments: '',
    status: 'pending',
    liveOutput: '',
    result: null,
    ...rest,
  };
  return { id, nodeId, ordinal, step: 0, startedAt: 0, endedAt: null, body: { type: 'toolCall', ...call } };
}

export function detail(rest: Partial<SessionDetail> = {}): SessionDetail {
  return {
    summary: {
      id: 's1',
      title: 'A session',
      createdAt: 0,
      updatedAt: 0,
      deletedAt: null,
      workspace: { type: 'own' },
      running: false,
      mode: 'ask',
    },
    access: 'write',
    whyReadOnly: null,
    workspacePath: '/data/s1',
    currentNode: null,
    tree: [],
    turns: [],
    earlierTurns: 0,
    todos: [],
    queue: [],
    deployments: [],
    undo: { undo: null, redo: null },
    limits: settings.limits,
    profile: 'demo',
    notice: null,
    sequence: 0,
    ...rest,
  };
}

/** Numbers events of one turn from 1. */
export function numbered(): (event: TurnEvent, nodeId?: string) => NumberedEvent {
  let sequence = 0;
  return (event, nodeId = 'n1') => ({ sequence: ++sequence, event: { type: 'turn', sessionId: 's1', nodeId, event } });
}

export { unknownUsage };

type Handlers = { [C in CommandName]?: (params: Params<C>) => Response<C> | Promise<Response<C>> };

/** A transport whose answers a test gives, and whose requests it can look at. */
export class ScriptedTransport implements Transport {
  readonly requests: { command: CommandName; params: unknown }[] = [];
  subscribedAfter = -1;
  #listen: (events: NumberedEvent[]) => void = () => undefined;
  #drop: (event: DropEvent) => void = () => undefined;
  #sequence = 0;

  constructor(readonly handlers: Handlers) {}

  async invoke<C extends CommandName>(command: C, params: Params<C>): Promise<Response<C>> {
    this.requests.push({ command, params });
    const handler = this.handlers[command] as ((given: Params<C>) => Response<C> | Promise<Response<C>>) | undefined;
    if (!handler) throw new CommandError({ message: `No answer for ${command}.` });
    return handler(params);
  }

  async subscribe(after: number, onEvents: (events: NumberedEvent[]) => void): Promise<void> {
    this.subscribedAfter = after;
    this.#sequence = after;
    this.#listen = onEvents;
  }

  async onDrop(listen: (event: DropEvent) => void): Promise<() => void> {
    this.#drop = listen;
    return () => undefined;
  }

  emit(...events: EngineEvent[]): void {
    this.#listen(events.map((event) => ({ sequence: ++this.#sequence, event })));
  }

  drop(paths: string[]): void {
    this.#drop({ type: 'drop', paths });
  }

  named(command: CommandName): unknown[] {
    return this.requests.filter((request) => request.command === command).map(({ params }) => params);
  }
}
