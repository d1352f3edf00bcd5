import type { MessageKey } from '$lib/i18n/en';
import type { IconName } from '$lib/primitives/icons';
import { baseName } from '$lib/format/format';

/** The tool's name without the contract's prefix. */
export function shortName(tool: string): string {
  return tool.replace(/^mshtools-/, '');
}

const WORDS: Record<string, { verb: MessageKey; icon: IconName }> = {
  todo_read: { verb: 'tool.todoRead', icon: 'list' },
  todo_write: { verb: 'tool.todoWrite', icon: 'list' },
  read_file: { verb: 'tool.readFile', icon: 'file' },
  write_file: { verb: 'tool.writeFile', icon: 'pencil' },
  edit_file: { verb: 'tool.editFile', icon: 'diff' },
  shell: { verb: 'tool.shell', icon: 'terminal' },
  ipython: { verb: 'tool.ipython', icon: 'terminal' },
  deploy_website: { verb: 'tool.deploy', icon: 'globe' },
  slides_generator: { verb: 'tool.slides', icon: 'present' },
};

export function toolVerb(tool: string): MessageKey {
  return WORDS[shortName(tool)]?.verb ?? 'tool.other';
}

export function toolIcon(tool: string): IconName {
  return WORDS[shortName(tool)]?.icon ?? 'tool';
}

/** What the call is about, in one line, as far as its arguments have arrived. */
export function toolTarget(tool: string, values: Record<string, unknown>): string {
  const text = (name: string) => (typeof values[name] === 'string' ? (values[name] as string) : '');
  switch (shortName(tool)) {
    case 'shell':
      return text('description') || text('command').split('\n')[0] || '';
    case 'ipython':
      return (
        text('code')
          .split('\n')
          .find((line) => line.trim() !== '') ?? ''
      );
    case 'deploy_website':
      return text('local_dir').replace(/^\/mnt\/okcomputer\/?/, '') || '/';
    case 'todo_write':
    case 'todo_read':
      return '';
    case 'read_file':
    case 'write_file':
    case 'edit_file':
    case 'slides_generator':
      return baseName(text('file_path'));
    default:
      return shortName(tool);
  }
}
