import type { PythonRenewal, PythonStatus, Transport } from '$lib/ipc';

/** The Python environment, and the making of it. */
export class PythonState {
  status = $state.raw<PythonStatus | null>(null);
  /** How far making it is, in the words of the engine; null when nobody makes it. */
  making = $state.raw<string | null>(null);

  constructor(private readonly transport: Transport) {}

  async load(): Promise<void> {
    this.status = await this.transport.invoke('python_status', {});
  }

  async create(renewal: PythonRenewal): Promise<void> {
    this.making = '';
    try {
      this.status = await this.transport.invoke('python_create', { renewal });
    } finally {
      this.making = null;
    }
  }

  async cancel(): Promise<void> {
    await this.transport.invoke('python_cancel', {});
  }

  /** The first use makes it, too, and another part of the window may look on. */
  progressed(message: string): void {
    this.making = message === '' ? null : message;
    if (message === '') void this.load().catch(() => undefined);
  }
}
