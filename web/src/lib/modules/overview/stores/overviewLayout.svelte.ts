import type { Preferences } from '$lib/core/state';
import { COLUMN_LABEL, COLUMNS, DEFAULT_LAYOUT, layoutOf, WIDGETS, type Column, type Layout, type WidgetId } from '../types';

const NAME = 'overview';

export type Step = 'up' | 'down' | 'before' | 'after';

/** Where things stand on the overview. Moving one is a new layout; the person's preferences are its only home. */
export class OverviewLayout {
  layout = $derived.by<Layout>(() => layoutOf(this.preferences.get(NAME)));
  hidden = $derived((Object.keys(WIDGETS) as WidgetId[]).filter((id) => !COLUMNS.some((column) => this.layout[column].includes(id))));
  changed = $derived(JSON.stringify(this.layout) !== JSON.stringify(DEFAULT_LAYOUT));
  /** What the last move did, for those who do not see it. */
  said = $state('');

  constructor(private readonly preferences: Preferences) {}

  /** One place up or down, or to the end of the column before or after. */
  step(id: WidgetId, step: Step): void {
    const column = this.columnOf(id);
    if (!column) return;
    const at = this.layout[column].indexOf(id);
    if (step === 'up' || step === 'down') return this.place(id, column, at + (step === 'up' ? -1 : 2));
    const next = COLUMNS[COLUMNS.indexOf(column) + (step === 'before' ? -1 : 1)];
    if (next) this.place(id, next, this.layout[next].length);
  }

  /** Whether that step leads anywhere. */
  mayStep(id: WidgetId, step: Step): boolean {
    const column = this.columnOf(id);
    if (!column) return false;
    const at = this.layout[column].indexOf(id);
    if (step === 'up') return at > 0;
    if (step === 'down') return at < this.layout[column].length - 1;
    return COLUMNS[COLUMNS.indexOf(column) + (step === 'before' ? -1 : 1)] !== undefined;
  }

  /** Puts it before what stands at that place of a column now. */
  place(id: WidgetId, column: Column, at: number): void {
    const here = this.layout[column];
    const before = here.slice(0, Math.max(0, at)).filter((other) => other !== id);
    const rest = here.slice(Math.max(0, at)).filter((other) => other !== id);
    const others = this.without(id);
    this.keep({ ...others, [column]: [...before, id, ...rest] });
    this.said = `${WIDGETS[id]}: ${before.length + 1} of ${before.length + rest.length + 1}, ${COLUMN_LABEL[column]}`;
  }

  hide(id: WidgetId): void {
    this.keep(this.without(id));
    this.said = `${WIDGETS[id]} is hidden`;
  }

  reset(): void {
    this.keep(DEFAULT_LAYOUT);
    this.said = 'As it was at first';
  }

  private columnOf(id: WidgetId): Column | undefined {
    return COLUMNS.find((column) => this.layout[column].includes(id));
  }

  private without(id: WidgetId): Layout {
    const { top, wide, narrow } = this.layout;
    const others = (ids: readonly WidgetId[]) => ids.filter((other) => other !== id);
    return { top: others(top), wide: others(wide), narrow: others(narrow) };
  }

  private keep(layout: Layout): void {
    void this.preferences.set(NAME, layout);
  }
}

export function createOverviewLayout(preferences: Preferences): OverviewLayout {
  return new OverviewLayout(preferences);
}
