export const panelTabs = ['preview', 'tree', 'changes', 'timeline', 'processes'] as const;
export type PanelTab = (typeof panelTabs)[number];

/** Widths in CSS pixels. */
export const columnLimits = {
  sidebar: { least: 200, usual: 256, most: 420 },
  panel: { least: 320, usual: 520, most: 1400 },
  /** The conversation never gets narrower than this. */
  middle: 380,
} as const;

/** Below this width the side columns lie over the conversation instead of beside it. */
const ROOMY_WIDTH = 1100;
const STORE_KEY = 'okcvm.layout';

interface Remembered {
  sidebarWidth: number;
  panelWidth: number;
  sidebarOpen: boolean;
  panelOpen: boolean;
  tab: PanelTab;
  session: string | null;
}

/** Which columns are open, how wide they are, and which tab is shown; kept between runs. */
export class Layout {
  sidebarWidth = $state<number>(columnLimits.sidebar.usual);
  panelWidth = $state<number>(columnLimits.panel.usual);
  sidebarOpen = $state(true);
  panelOpen = $state(true);
  tab = $state<PanelTab>('preview');
  /** The session that was shown last. */
  session = $state<string | null>(null);
  width = $state(1440);
  /** Height of the banners above the conversation, in CSS pixels. */
  bannerHeight = $state(0);
  /** Height of what lies under the conversation: the composer, and how far an import is. In CSS pixels. */
  footHeight = $state(0);
  /** Height of the messages above that, for which the conversation makes room. In CSS pixels. */
  toastHeight = $state(0);
  /** In a narrow window the sidebar is a drawer that starts closed. */
  drawerOpen = $state(false);

  /** Something new waits in the preview while the person looks at another tab. */
  previewNews = $state(false);
  /** The person did something in the right column since the running turn began. */
  #touched = false;

  readonly narrow = $derived(this.width < ROOMY_WIDTH);
  readonly sidebarShown = $derived(this.narrow ? this.drawerOpen : this.sidebarOpen);
  readonly sidebarSpace = $derived(!this.narrow && this.sidebarOpen ? this.sidebarWidth : 0);
  readonly panelShownWidth = $derived(
    Math.max(columnLimits.panel.least, Math.min(this.panelWidth, this.width - this.sidebarSpace - columnLimits.middle)),
  );

  constructor(private readonly storage: Storage | null) {
    try {
      const text = storage?.getItem(STORE_KEY);
      if (!text) return;
      const kept = JSON.parse(text) as Partial<Remembered>;
      this.sidebarWidth = clamp(kept.sidebarWidth, columnLimits.sidebar);
      this.panelWidth = clamp(kept.panelWidth, columnLimits.panel);
      this.sidebarOpen = kept.sidebarOpen ?? true;
      this.panelOpen = kept.panelOpen ?? true;
      this.session = kept.session ?? null;
      if (kept.tab && panelTabs.includes(kept.tab)) this.tab = kept.tab;
    } catch {
      // What cannot be read is replaced at the next change.
    }
  }

  toggleSidebar(): void {
    if (this.narrow) this.drawerOpen = !this.drawerOpen;
    else this.sidebarOpen = !this.sidebarOpen;
    this.save();
  }

  togglePanel(): void {
    this.touch();
    this.panelOpen = !this.panelOpen;
    if (this.panelOpen && this.tab === 'preview') this.previewNews = false;
    this.save();
  }

  /** The person is at work in the right column, which then stays as it is. */
  touch(): void {
    this.#touched = true;
  }

  /** A turn began: what it makes may be shown unless the person touches the column meanwhile. */
  letGo(): void {
    this.#touched = false;
  }

  /** Shows the preview, or only marks its tab where the person reads something else. */
  offerPreview(): 'shown' | 'marked' {
    const looking = this.panelOpen && this.tab === 'preview';
    if (!looking && this.#touched) {
      this.previewNews = true;
      return 'marked';
    }
    this.#show('preview');
    return 'shown';
  }

  showTab(tab: PanelTab): void {
    this.touch();
    this.#show(tab);
  }

  #show(tab: PanelTab): void {
    if (tab === 'preview') this.previewNews = false;
    this.tab = tab;
    this.panelOpen = true;
    this.save();
  }

  resizeSidebar(width: number): void {
    this.sidebarWidth = clamp(width, columnLimits.sidebar);
  }

  resizePanel(width: number): void {
    const most = this.width - this.sidebarSpace - columnLimits.middle;
    this.panelWidth = Math.min(clamp(width, columnLimits.panel), Math.max(columnLimits.panel.least, most));
  }

  /** Another session is shown: what waited was of the one before. */
  forgetNews(): void {
    this.previewNews = false;
    this.#touched = false;
  }

  rememberSession(id: string | null): void {
    this.session = id;
    this.save();
  }

  save(): void {
    const kept: Remembered = {
      sidebarWidth: this.sidebarWidth,
      panelWidth: this.panelWidth,
      sidebarOpen: this.sidebarOpen,
      panelOpen: this.panelOpen,
      tab: this.tab,
      session: this.session,
    };
    try {
      this.storage?.setItem(STORE_KEY, JSON.stringify(kept));
    } catch {
      // A full or forbidden store costs only the memory of the layout.
    }
  }
}

function clamp(
  value: number | undefined,
  { least, usual, most }: { least: number; usual: number; most: number },
): number {
  return value === undefined || !Number.isFinite(value) ? usual : Math.min(most, Math.max(least, value));
}
