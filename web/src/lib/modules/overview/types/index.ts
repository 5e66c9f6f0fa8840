/** What can stand on the overview. */
export const WIDGETS = {
  figures: 'Figures',
  attention: 'Wants attention',
  activity: 'Activity',
  running: 'Running',
  failures: 'Recent failures',
  recent: 'Recent jobs',
  fleet: 'Fleet',
  commands: 'Saved commands',
  plugins: 'Plugins'
} as const;
export type WidgetId = keyof typeof WIDGETS;

/** Across the whole width, then a wide column and a narrow one. */
export const COLUMNS = ['top', 'wide', 'narrow'] as const;
export type Column = (typeof COLUMNS)[number];
export const COLUMN_LABEL: Record<Column, string> = { top: 'top', wide: 'wide column', narrow: 'narrow column' };

export type Layout = Record<Column, readonly WidgetId[]>;

export const DEFAULT_LAYOUT: Layout = {
  top: ['attention', 'figures', 'activity'],
  wide: ['running', 'failures', 'recent'],
  narrow: ['fleet', 'commands']
};

/** A layout out of whatever was kept: what is not known any more is left out, nothing stands twice. */
export function layoutOf(kept: unknown): Layout {
  if (typeof kept !== 'object' || kept === null) return DEFAULT_LAYOUT;
  const seen = new Set<string>();
  const column = (name: Column) => {
    const ids: unknown = (kept as Record<string, unknown>)[name];
    return (Array.isArray(ids) ? ids : []).filter((id): id is WidgetId => isWidget(id) && !seen.has(id) && seen.add(id) !== undefined);
  };
  return { top: column('top'), wide: column('wide'), narrow: column('narrow') };
}

function isWidget(id: unknown): id is WidgetId {
  return typeof id === 'string' && Object.hasOwn(WIDGETS, id);
}
