import type { AppError, Attachment, ClashPolicy, ImportPlan, ImportProgress, ImportReport, Transport } from '$lib/ipc';
import { toAppError } from '$lib/ipc';

export type ImportPhase =
  | { type: 'idle' }
  | { type: 'planning'; importId: string; progress: ImportProgress | null; cancelling: boolean }
  | { type: 'asking'; sources: string[]; plan: ImportPlan }
  | { type: 'running'; importId: string; progress: ImportProgress | null; cancelling: boolean }
  | { type: 'done'; report: ImportReport };

export interface ImportOutcome {
  imported: (sessionId: string, attachments: Attachment[]) => void;
  failed: (error: AppError) => void;
  /** Something was to be copied while another import stood. */
  busy: () => void;
}

/** Copies files into the workspace: plan, ask what only the person can decide, copy with progress. */
export class Imports {
  phase = $state.raw<ImportPhase>({ type: 'idle' });
  #sessionId = '';
  #target = '';

  constructor(
    private readonly transport: Transport,
    private readonly outcome: ImportOutcome,
  ) {}

  get busy(): boolean {
    return this.phase.type !== 'idle' && this.phase.type !== 'done';
  }

  async begin(sessionId: string, sources: string[], target = ''): Promise<void> {
    if (sources.length === 0) return;
    if (this.busy) return this.outcome.busy();
    this.#sessionId = sessionId;
    this.#target = target;
    const importId = crypto.randomUUID();
    this.phase = { type: 'planning', importId, progress: null, cancelling: false };
    try {
      const plan = await this.transport.invoke('import_plan', { sessionId, importId, sources, target });
      if (this.#calledOff()) return void (this.phase = { type: 'idle' });
      // Only a name that is taken by something else needs an answer; what is skipped is shown with it, or afterwards.
      const clashes = plan.clashes.some((clash) => !clash.identical);
      if (clashes || plan.files === 0) this.phase = { type: 'asking', sources, plan };
      else await this.#run(sources, plan.clashes.length > 0 ? 'skip' : 'keepBoth', plan);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  async answer(clashes: ClashPolicy): Promise<void> {
    if (this.phase.type !== 'asking') return;
    const { sources, plan } = this.phase;
    try {
      await this.#run(sources, clashes, plan);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  dismiss(): void {
    if (this.phase.type === 'asking' || this.phase.type === 'done') this.phase = { type: 'idle' };
  }

  async cancel(): Promise<void> {
    if (this.phase.type !== 'planning' && this.phase.type !== 'running') return;
    this.phase = { ...this.phase, cancelling: true };
    try {
      await this.transport.invoke('import_cancel', { importId: this.phase.importId });
    } catch (thrown) {
      this.outcome.failed(toAppError(thrown));
    }
  }

  progressed(progress: ImportProgress): void {
    const { type } = this.phase;
    if ((type === 'planning' || type === 'running') && this.phase.importId === progress.id) {
      this.phase = { ...this.phase, progress };
    }
  }

  #calledOff(): boolean {
    return this.phase.type === 'planning' && this.phase.cancelling;
  }

  async #run(sources: string[], clashes: ClashPolicy, plan: ImportPlan): Promise<void> {
    const importId = crypto.randomUUID();
    this.phase = {
      type: 'running',
      importId,
      cancelling: false,
      progress: { id: importId, filesDone: 0, files: plan.files, bytesDone: 0, bytes: plan.bytes, current: '' },
    };
    const sessionId = this.#sessionId;
    const report = await this.transport.invoke('import_start', {
      sessionId,
      importId,
      sources,
      target: this.#target,
      clashes,
    });
    // Files that were there already, byte for byte, are what the person meant, too.
    const same = clashes === 'skip' ? plan.clashes.filter((clash) => clash.identical) : [];
    const identical = await Promise.all(same.map(({ target }) => this.#describe(sessionId, target)));
    this.outcome.imported(sessionId, [...report.imported, ...identical]);
    const left = report.skipped.filter(({ source }) => !plan.clashes.some((clash) => clash.source === source));
    this.phase =
      left.length > 0 || report.cancelled ? { type: 'done', report: { ...report, skipped: left } } : { type: 'idle' };
  }

  async #describe(sessionId: string, path: string): Promise<Attachment> {
    const { size, mime } = await this.transport.invoke('file_read', { sessionId, path, maxBytes: 0 });
    return { path, size, mime };
  }

  #fail(thrown: unknown): void {
    this.phase = { type: 'idle' };
    const error = toAppError(thrown);
    if (error.code !== 'cancelled') this.outcome.failed(error);
  }
}
