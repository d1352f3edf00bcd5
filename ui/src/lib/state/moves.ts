import type { RestoreOutcome, RestoreScope } from '$lib/ipc';
import type { App } from './app.svelte';

/** So many files a message names at most. */
const MOST_NAMES = 3;

/** What moves a session along its tree, and names its nodes. Every move can be taken back. */
export class Moves {
  constructor(private readonly app: App) {}

  /** Only the given files, if some are named. */
  async restore(nodeId: string, scope: RestoreScope, paths?: string[]): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const outcome = await this.app.transport.invoke('restore_apply', {
        sessionId,
        nodeId,
        scope,
        ...(paths && { paths }),
      });
      await this.#moved(sessionId);
      // The path is as it was, so that only the live files show what was restored.
      if (scope === 'files') this.#showLive();
      this.app.toasts.info(
        this.app.i18n.t('restore.done'),
        {
          label: this.app.i18n.t('common.undo'),
          run: () => void this.undo(),
        },
        'restore',
      );
      this.#tellUnwritten(outcome);
    });
  }

  /** Takes the changes of one turn back, and of no other. */
  async revertTurn(nodeId: string): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const outcome = await this.app.transport.invoke('turn_revert', { sessionId, nodeId });
      await this.#moved(sessionId);
      this.#showLive();
      this.app.toasts.info(
        this.app.i18n.t('revert.done'),
        { label: this.app.i18n.t('common.undo'), run: () => void this.undo() },
        'restore',
      );
      this.#tellUnwritten(outcome);
    });
  }

  /** Brings back what a turn deleted and what is not there now. */
  async bringBack(nodeId: string): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const outcome = await this.app.transport.invoke('turn_bring_back', { sessionId, nodeId });
      await this.#moved(sessionId);
      this.#showLive();
      this.app.toasts.info(
        this.app.i18n.t('changes.broughtBack'),
        { label: this.app.i18n.t('common.undo'), run: () => void this.undo() },
        'restore',
      );
      this.#tellUnwritten(outcome);
    });
  }

  /** Moves a node and all that grew from it to the trash. */
  async deleteBranch(nodeId: string): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const size = this.app.session?.branchSize(nodeId) ?? 1;
      await this.app.transport.invoke('branch_delete', { sessionId, nodeId });
      await this.app.openSession(sessionId);
      this.app.toasts.info(
        this.app.i18n.count('tree.trashed', size),
        { label: this.app.i18n.t('common.undo'), run: () => void this.recoverBranch(nodeId) },
        'branch',
      );
    });
  }

  async recoverBranch(nodeId: string): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      await this.app.transport.invoke('branch_recover', { sessionId, nodeId });
      await this.app.openSession(sessionId);
    });
  }

  async fork(nodeId: string): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const outcome = await this.app.transport.invoke('node_fork', { sessionId, nodeId });
      await this.#moved(sessionId);
      this.app.composer.focus();
      this.app.toasts.info(
        this.app.i18n.t('tree.forked'),
        {
          label: this.app.i18n.t('common.undo'),
          run: () => void this.undo(),
        },
        'restore',
      );
      this.#tellUnwritten(outcome);
    });
  }

  async undo(): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const outcome = await this.app.transport.invoke('restore_undo', { sessionId });
      await this.#moved(sessionId);
      this.app.toasts.info(
        this.app.i18n.t('restore.undone'),
        {
          label: this.app.i18n.t('common.redo'),
          run: () => void this.redo(),
        },
        'restore',
      );
      this.#tellUnwritten(outcome);
      this.#tellPassed(outcome);
    });
  }

  async redo(): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const outcome = await this.app.transport.invoke('restore_redo', { sessionId });
      await this.#moved(sessionId);
      this.app.toasts.info(
        this.app.i18n.t('restore.redone'),
        { label: this.app.i18n.t('common.undo'), run: () => void this.undo() },
        'restore',
      );
      this.#tellUnwritten(outcome);
    });
  }

  /** Files that could not become what they were are named, with why. */
  #tellUnwritten({ unwritten = [] }: RestoreOutcome): void {
    if (unwritten.length === 0) return;
    const { i18n, toasts } = this.app;
    const names = unwritten.slice(0, MOST_NAMES).map(({ path }) => path);
    const more = unwritten.length > MOST_NAMES ? ' …' : '';
    toasts.error({
      message: i18n.count('restore.unwritten', unwritten.length, { names: names.join(', ') + more }),
      detail: unwritten.map(({ path, reason }) => `${path}: ${i18n.engine(reason)}`).join('\n'),
    });
  }

  /** An undo led further back than the person may think. */
  #tellPassed({ passed = [] }: RestoreOutcome): void {
    if (passed.length === 0) return;
    const { i18n, toasts } = this.app;
    toasts.error({
      message: i18n.count('restore.passed', passed.length),
      detail: passed.map(({ title, paths = [] }) => [i18n.engine(title), ...paths].join('\n  ')).join('\n'),
    });
  }

  #showLive(): void {
    const { target } = this.app.preview;
    const shown = target.type === 'deployment' && this.app.session?.deployments.find(({ id }) => id === target.id);
    if (shown) this.app.preview.become({ type: 'folder', path: shown.folder });
  }

  async #moved(sessionId: string): Promise<void> {
    await this.app.openSession(sessionId);
    const session = this.app.session;
    if (session) this.app.preview.follow(session.deployments, session.activePath);
    this.app.preview.filesChanged([]);
    await this.app.files.changed([]);
  }

  async label(nodeId: string, label: string | null): Promise<void> {
    await this.app.inSession(async (sessionId) => {
      const node = await this.app.transport.invoke('node_label', { sessionId, nodeId, label });
      const session = this.app.session;
      if (session?.id !== sessionId) return;
      session.tree = session.tree.map((other) => (other.id === node.id ? node : other));
    });
  }
}
