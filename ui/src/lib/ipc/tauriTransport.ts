import { Channel, invoke } from '@tauri-apps/api/core';
import { getCurrentWebview } from '@tauri-apps/api/webview';
import type { NumberedEvent } from './generated/protocol';
import {
  CommandError,
  toAppError,
  type CommandName,
  type DropEvent,
  type Params,
  type Response,
  type Transport,
} from './transport';

/** The engine in the same program, over Tauri's IPC. */
export class TauriTransport implements Transport {
  async invoke<C extends CommandName>(command: C, params: Params<C>): Promise<Response<C>> {
    try {
      return await invoke<Response<C>>(command, { params });
    } catch (thrown) {
      throw new CommandError(toAppError(thrown));
    }
  }

  async subscribe(after: number, onEvents: (events: NumberedEvent[]) => void): Promise<void> {
    const channel = new Channel<NumberedEvent[]>();
    channel.onmessage = onEvents;
    try {
      await invoke('window_attach', { params: { after }, channel });
    } catch (thrown) {
      throw new CommandError(toAppError(thrown));
    }
  }

  async onDrop(listen: (event: DropEvent) => void): Promise<() => void> {
    return getCurrentWebview().onDragDropEvent(({ payload }) => {
      switch (payload.type) {
        case 'enter':
          // A drag of text or of something inside the page has no paths.
          if (payload.paths.length > 0) listen({ type: 'enter' });
          break;
        case 'over':
          break;
        case 'drop':
          listen(payload.paths.length > 0 ? { type: 'drop', paths: payload.paths } : { type: 'leave' });
          break;
        case 'leave':
          listen({ type: 'leave' });
          break;
      }
    });
  }
}
