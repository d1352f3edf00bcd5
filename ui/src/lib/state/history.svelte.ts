import type { AppEvent, HistoryUsage, TidyReport, TidyStage, Transport } from '$lib/ipc';

type TidyEvent = Extract<AppEvent, { type: 'historyTidying' | 'historyTidied' }>;

/** How much room the history of a session takes, and the tidying of it. */
export class HistoryState {
  usage = $state.raw<{ sessionId: string; usage: HistoryUsage } | null>(null);
  /** What tidying is at, while it runs. */
  tidying = $state.raw<{ sessionId: string; stage: TidyStage } | null>(null);
  report = $state.raw<{ sessionId: string; report: TidyReport } | null>(null);

  constructor(private readonly transport: Transport) {}

  usageOf(sessionId: string): HistoryUsage | null {
    return this.usage?.sessionId === sessionId ? this.usage.usage : null;
  }

  async load(sessionId: string): Promise<void> {
    const usage = await this.transport.invoke('history_usage', { sessionId });
    this.usage = { sessionId, usage };
  }

  async tidy(sessionId: string): Promise<void> {
    this.report = null;
    this.tidying = { sessionId, stage: 'thinning' };
    try {
      this.#done(sessionId, await this.transport.invoke('history_tidy', { sessionId }));
    } finally {
      this.tidying = null;
    }
  }

  async cancel(sessionId: string): Promise<void> {
    await this.transport.invoke('history_tidy_cancel', { sessionId });
  }

  /** Tidying goes on by itself, too, and tells of it. */
  apply(event: TidyEvent): void {
    if (event.type === 'historyTidied') {
      this.tidying = null;
      this.#done(event.sessionId, event.report);
    } else this.tidying = event.stage === 'ended' ? null : { sessionId: event.sessionId, stage: event.stage };
  }

  #done(sessionId: string, report: TidyReport): void {
    this.report = { sessionId, report };
    this.usage = { sessionId, usage: report.usage };
  }
}
