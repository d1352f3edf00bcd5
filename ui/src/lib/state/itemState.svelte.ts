import type { Approval, Artifact, Item, ItemDelta, ToolCallStatus, ToolResult } from '$lib/ipc';

/** Most of a live output that is kept while a tool runs; the stored result holds the rest. */
const LIVE_OUTPUT_CHARS = 40_000;

/** An item as it grows. A fragment appends; the completed item replaces, so that a lost fragment heals. */
export class ItemState {
  readonly id: string;
  readonly ordinal: number;
  readonly startedAt: number;
  readonly kind: Item['body']['type'];
  /** Text, reasoning, steer and notice. */
  text = $state('');
  arguments = $state('');
  output = $state('');
  /** In words, from the running tool. */
  progress = $state('');
  endedAt = $state<number | null>(null);
  result = $state.raw<ToolResult | null>(null);
  status = $state<ToolCallStatus>('pending');
  /** Whether the person unfolded it; `null` until they say. It is kept here, as a part far away is not in the document. */
  unfolded = $state<boolean | null>(null);
  /** The question, if it is one. */
  approval = $state.raw<Approval | null>(null);
  /** The question has had its chance to take the focus. */
  offered = false;
  readonly tool: string;
  readonly level: 'info' | 'warning' | 'error';

  constructor(item: Item) {
    this.id = item.id;
    this.ordinal = item.ordinal;
    this.startedAt = item.startedAt;
    this.kind = item.body.type;
    this.tool = item.body.type === 'toolCall' ? item.body.tool : '';
    this.level = item.body.type === 'notice' ? item.body.level : 'info';
    this.replace(item);
  }

  /** The text may still grow. */
  get open(): boolean {
    return this.endedAt === null;
  }

  get artifacts(): Artifact[] {
    return this.result?.artifacts ?? [];
  }

  append(delta: ItemDelta): void {
    switch (delta.type) {
      case 'text':
        this.text += delta.text;
        break;
      case 'arguments':
        this.arguments += delta.text;
        break;
      case 'output': {
        const output = this.output + delta.text;
        this.output = output.length > LIVE_OUTPUT_CHARS ? output.slice(-LIVE_OUTPUT_CHARS) : output;
        if (this.status === 'pending') this.status = 'running';
        break;
      }
    }
  }

  replace(item: Item): void {
    this.endedAt = item.endedAt;
    switch (item.body.type) {
      case 'text':
      case 'reasoning':
      case 'steer':
      case 'notice':
        this.text = item.body.text;
        break;
      case 'approval':
        this.approval = item.body;
        break;
      case 'toolCall':
        this.arguments = item.body.arguments;
        this.output = item.body.liveOutput;
        this.status = item.body.status;
        this.result = item.body.result;
        break;
    }
  }
}
