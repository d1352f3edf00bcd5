import type { AppEvent, LeftBehind, ProcessInfo, Transport } from '$lib/ipc';

type ProcessEvent = Extract<AppEvent, { type: 'processesChanged' }>;

/** What runs for the agent, in all sessions. */
export class ProcessesState {
  list = $state.raw<ProcessInfo[]>([]);
  /** What an earlier run of the program left, which was ended at the start of this one. */
  leftBehind = $state.raw<LeftBehind[]>([]);
  /** Those that were told to end and have not yet. */
  ending = $state.raw<ReadonlySet<string>>(new Set());

  constructor(private readonly transport: Transport) {}

  /** Commands and kernels, each with everything that it started. */
  readonly count = $derived(this.list.length);

  async load(): Promise<void> {
    const { processes, leftBehind } = await this.transport.invoke('process_list', {});
    this.#show(processes);
    this.leftBehind = leftBehind;
  }

  async end(processId: string): Promise<void> {
    this.ending = new Set([...this.ending, processId]);
    try {
      await this.transport.invoke('process_end', { processId });
    } catch (thrown) {
      this.#forget(processId);
      throw thrown;
    }
  }

  apply(event: ProcessEvent): void {
    this.#show(event.processes);
  }

  #show(processes: ProcessInfo[]): void {
    this.list = processes;
    const known = new Set(processes.map(({ id }) => id));
    this.ending = new Set([...this.ending].filter((id) => known.has(id)));
  }

  #forget(id: string): void {
    this.ending = new Set([...this.ending].filter((known) => known !== id));
  }
}
