import type { Commands } from './generated/commands';
import type { AppError, NumberedEvent } from './generated/protocol';

export type CommandName = keyof Commands;
export type Params<C extends CommandName> = Commands[C]['params'];
export type Response<C extends CommandName> = Commands[C]['response'];

/** What a drag of files over the window does. */
export type DropEvent = { type: 'enter' } | { type: 'leave' } | { type: 'drop'; paths: string[] };

/** The way from the window to the engine. Failures arrive as {@link CommandError}. */
export interface Transport {
  invoke<C extends CommandName>(command: C, params: Params<C>): Promise<Response<C>>;
  /** Hears events whose number is above `after`, in batches and in order, until the window closes. */
  subscribe(after: number, onEvents: (events: NumberedEvent[]) => void): Promise<void>;
  /** Hears files that are dragged over the window; the answer ends it. */
  onDrop(listen: (event: DropEvent) => void): Promise<() => void>;
}

/** A failure of a command, with what the engine said about it. */
export class CommandError extends Error {
  constructor(readonly error: AppError) {
    super(error.message);
    this.name = 'CommandError';
  }
}

/** Whatever was thrown, as the one error shape that the window shows. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof CommandError) return thrown.error;
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown && typeof thrown.message === 'string') {
    return thrown as AppError;
  }
  return { message: String(thrown) };
}
