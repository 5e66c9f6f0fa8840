/**
 * Where a window onto very many rows stands. Browsers cap the height of an element at some 30 million pixels, so
 * beyond a limit the scroll bar's place is scaled: the bar then speaks of a share of the log, wheel and keys of rows.
 */

/** Tallest that the scrolled element may get, in pixels. */
export const SPACER_MAX_PX = 8_000_000;

export interface Extent {
  rows: number;
  rowHeight: number;
  viewHeight: number;
}

/** Height of the element that makes the scroll bar. */
export function spacerHeight({ rows, rowHeight }: Extent): number {
  return Math.min(rows * rowHeight, SPACER_MAX_PX);
}

/** The largest place, in pixels of the unscaled list. */
export function maxTop({ rows, rowHeight, viewHeight }: Extent): number {
  return Math.max(0, rows * rowHeight - viewHeight);
}

/** The place in the unscaled list for a place of the scroll bar. */
export function topOf(scrollTop: number, extent: Extent): number {
  const most = maxTop(extent);
  const range = Math.max(0, spacerHeight(extent) - extent.viewHeight);
  if (range === 0) return 0;
  return most <= range ? Math.min(scrollTop, most) : Math.min(1, scrollTop / range) * most;
}

/** The other way round. */
export function scrollTopOf(top: number, extent: Extent): number {
  const most = maxTop(extent);
  const range = Math.max(0, spacerHeight(extent) - extent.viewHeight);
  if (most <= range) return Math.min(top, most);
  return (Math.min(top, most) / most) * range;
}

export function isScaled(extent: Extent): boolean {
  return extent.rows * extent.rowHeight > SPACER_MAX_PX;
}
