import { SvelteSet } from 'svelte/reactivity';

export type Theme = 'system' | 'dark' | 'light';
export type VmGrouping = 'none' | string;
/** What stands beside a line: nothing, the time of day, time since the task began, time since the line before. */
export const LINE_TIMES = ['off', 'absolute', 'relative', 'delta'] as const;
export type LineTime = (typeof LINE_TIMES)[number];

export interface TerminalLook {
  wrap: boolean;
  time: LineTime;
  numbers: boolean;
  /** Runs of equal lines are shown as one. */
  fold: boolean;
}

export interface Saved {
  theme: Theme;
  groupBy: VmGrouping;
  sidebarOpen: boolean;
  terminal: TerminalLook;
}

const DEFAULTS: Saved = {
  theme: 'system',
  groupBy: 'none',
  sidebarOpen: true,
  terminal: { wrap: false, time: 'off', numbers: true, fold: false }
};
const KEY = 'corral.ui';

export interface UiStateDeps {
  storage: Pick<Storage, 'getItem' | 'setItem'> | null;
  /** Shows the theme; the second argument is the system's choice. */
  applyTheme: (dark: boolean) => void;
  systemDark: () => boolean;
}

/**
 * What the person chose and how the page is laid out: ids and switches, never entities. The only home of the selection;
 * the sidebar writes it, the execution panel reads it, nobody keeps a second copy.
 */
export class UiState {
  selectedVmIds = new SvelteSet<string>();
  /** The VM that was clicked last: where a range with shift begins, and whose output is shown. */
  selectedVmId = $state<string | null>(null);
  selectedJobId = $state<string | null>(null);
  selectedTemplateId = $state<string | null>(null);
  paletteOpen = $state(false);
  signedOut = $state(false);
  theme = $state<Theme>('system');
  groupBy = $state<VmGrouping>('none');
  sidebarOpen = $state(true);
  terminal = $state<TerminalLook>({ ...DEFAULTS.terminal });

  constructor(private readonly deps: UiStateDeps) {
    const saved = this.load();
    this.theme = saved.theme;
    this.groupBy = saved.groupBy;
    this.sidebarOpen = saved.sidebarOpen;
    this.terminal = saved.terminal;
  }

  get isDark(): boolean {
    return this.theme === 'dark' || (this.theme === 'system' && this.deps.systemDark());
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.deps.applyTheme(this.isDark);
    this.save();
  }

  /** The system changed its mind; matters only if the person left it the choice. */
  systemThemeChanged(): void {
    this.deps.applyTheme(this.isDark);
  }

  setGroupBy(groupBy: VmGrouping): void {
    this.groupBy = groupBy;
    this.save();
  }

  setTerminal(change: Partial<Saved['terminal']>): void {
    this.terminal = { ...this.terminal, ...change };
    this.save();
  }

  toggleSidebar(): void {
    this.sidebarOpen = !this.sidebarOpen;
    this.save();
  }

  /** Chooses exactly these VMs. */
  selectVms(ids: Iterable<string>): void {
    const wanted = new Set(ids);
    for (const id of [...this.selectedVmIds]) if (!wanted.has(id)) this.selectedVmIds.delete(id);
    for (const id of wanted) this.selectedVmIds.add(id);
  }

  toggleVm(id: string): void {
    if (!this.selectedVmIds.delete(id)) this.selectedVmIds.add(id);
    this.selectedVmId = id;
  }

  /** With shift: all from the one clicked last to this one, in the order in which they are shown, become as `id` becomes. */
  toggleRange(id: string, order: readonly string[]): void {
    const from = this.selectedVmId === null ? -1 : order.indexOf(this.selectedVmId);
    const to = order.indexOf(id);
    if (from < 0 || to < 0) return this.toggleVm(id);
    const on = !this.selectedVmIds.has(id);
    for (const each of order.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      if (on) this.selectedVmIds.add(each);
      else this.selectedVmIds.delete(each);
    }
    this.selectedVmId = id;
  }

  /** A VM left the inventory. */
  forgetVm(id: string): void {
    this.selectedVmIds.delete(id);
    if (this.selectedVmId === id) this.selectedVmId = null;
  }

  private load(): Saved {
    try {
      const saved = JSON.parse(this.deps.storage?.getItem(KEY) ?? '{}') as Partial<Saved>;
      const terminal = { ...DEFAULTS.terminal, ...saved.terminal };
      return { ...DEFAULTS, ...saved, terminal: { ...terminal, time: lineTimeOf(terminal.time) } };
    } catch {
      return { ...DEFAULTS, terminal: { ...DEFAULTS.terminal } };
    }
  }

  private save(): void {
    const saved: Saved = {
      theme: this.theme,
      groupBy: this.groupBy,
      sidebarOpen: this.sidebarOpen,
      terminal: this.terminal
    };
    try {
      this.deps.storage?.setItem(KEY, JSON.stringify(saved));
    } catch {
      // A full or forbidden storage only means that the choice does not outlive the page.
    }
  }
}

/** What was saved may be from a time when there was only on and off. */
function lineTimeOf(saved: unknown): LineTime {
  if (typeof saved === 'boolean') return saved ? 'absolute' : 'off';
  return LINE_TIMES.find((each) => each === saved) ?? DEFAULTS.terminal.time;
}

export function createUiState(deps: UiStateDeps): UiState {
  return new UiState(deps);
}
