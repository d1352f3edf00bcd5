import { baseName } from '$lib/format/format';
import type { ApprovalAnswer, DeletedFile, PermissionMode } from '$lib/ipc';
import type { App } from './app.svelte';

/** What the agent may do without asking, its questions, and files that come and go by the person's hand. */
export class Permissions {
  constructor(private readonly app: App) {}

  async setMode(mode: PermissionMode): Promise<void> {
    await this.app.attempt(async () => {
      const session = await this.app.ensureSession();
      if (!session) return;
      const summary = await this.app.transport.invoke('session_set_mode', { sessionId: session.id, mode });
      session.summary = summary;
      this.app.announcement = this.app.i18n.t(`mode.${mode}Hint`);
    });
  }

  /** The first answer holds; one that comes too late is told why. */
  async answer(sessionId: string, itemId: string, answer: ApprovalAnswer): Promise<void> {
    await this.app.attempt(() => this.app.transport.invoke('approval_answer', { sessionId, itemId, answer }));
  }

  /** Moves a file or folder to the trash, with a word that takes it back. */
  async deleteFile(path: string): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const { files } = await this.app.transport.invoke('file_delete', { sessionId, paths: [path] });
      await this.app.files.changed([path]);
      this.app.toasts.info(
        this.app.i18n.t('files.deleted', { name: baseName(path) }),
        {
          label: this.app.i18n.t('common.undo'),
          run: () => {
            for (const file of files) void this.recoverFile(file);
          },
        },
        'file',
      );
    });
  }

  /** Its name may be taken by now; then it comes back under another one. */
  async recoverFile({ id }: Pick<DeletedFile, 'id'>): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const { path } = await this.app.transport.invoke('file_recover', { sessionId, id });
      await this.app.files.changed([path]);
      this.app.toasts.info(this.app.i18n.t('files.recovered', { name: path }), undefined, 'file');
    });
  }
}
