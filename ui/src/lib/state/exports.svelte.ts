import type { AppError, ExportProgress, ExportReport, Transport } from '$lib/ipc';
import { toAppError } from '$lib/ipc';

export interface Saving {
  exportId: string;
  progress: ExportProgress | null;
  cancelling: boolean;
}

export interface ExportOutcome {
  saved: (report: ExportReport) => void;
  failed: (error: AppError) => void;
  /** Another copy is being saved. */
  busy: () => void;
}

/** Saves a copy of a moment outside, with progress; one at a time. */
export class Exports {
  saving = $state.raw<Saving | null>(null);
  #asking = false;

  constructor(
    private readonly transport: Transport,
    private readonly outcome: ExportOutcome,
  ) {}

  /** Asks where, with `name` as the name that is offered, and saves. */
  async save(sessionId: string, nodeId: string, name: string): Promise<void> {
    if (this.saving || this.#asking) return this.outcome.busy();
    try {
      this.#asking = true;
      const { paths } = await this.transport.invoke('window_pick_save', { name: `${fileName(name)}.zip` });
      this.#asking = false;
      const [picked] = paths;
      if (picked === undefined) return;
      const exportId = crypto.randomUUID();
      this.saving = { exportId, progress: null, cancelling: false };
      // The dialog has asked whether a file that is there may go.
      const target = /\.zip$/i.test(picked) ? picked : `${picked}.zip`;
      const replace = target === picked;
      this.outcome.saved(await this.transport.invoke('node_export', { sessionId, nodeId, exportId, target, replace }));
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code !== 'cancelled') this.outcome.failed(error);
    } finally {
      this.#asking = false;
      this.saving = null;
    }
  }

  async cancel(): Promise<void> {
    const { saving } = this;
    if (!saving) return;
    this.saving = { ...saving, cancelling: true };
    try {
      await this.transport.invoke('node_export_cancel', { exportId: saving.exportId });
    } catch (thrown) {
      this.outcome.failed(toAppError(thrown));
    }
  }

  progressed(progress: ExportProgress): void {
    if (this.saving?.exportId === progress.id) this.saving = { ...this.saving, progress };
  }
}

/** A title as a name that every file system takes. */
export function fileName(title: string): string {
  const plain = title
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u001f\u007f<>:"/\\|?*]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^\.+|[. ]+$/g, '');
  return [...plain].slice(0, 60).join('').trim() || 'workspace';
}
