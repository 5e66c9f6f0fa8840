/** Which rows of a long list are drawn, and how much room stands for the others. */
export interface RowSpan {
  /** Index of the first row that is drawn. */
  from: number;
  /** Index after the last one. */
  to: number;
  /** Room for those before and after, in CSS pixels. */
  before: number;
  after: number;
}

/** What is drawn beyond what is seen, so that a quick scroll or an arrow key finds something, in CSS pixels. */
export const MARGIN_PX = 300;

/** The rows between two heights of a list whose rows are as tall as `heightAt` says. */
export function spanOf(count: number, heightAt: (index: number) => number, top: number, viewHeight: number): RowSpan {
  const [upper, lower] = [top - MARGIN_PX, top + viewHeight + MARGIN_PX];
  let [from, to] = [0, count];
  let [y, before, shownTo] = [0, 0, 0];
  let [begun, ended] = [false, false];
  for (let i = 0; i < count; i++) {
    const bottom = y + heightAt(i);
    if (!begun && bottom > upper) [from, before, begun] = [i, y, true];
    if (!ended && y >= lower) [to, shownTo, ended] = [i, y, true];
    y = bottom;
  }
  // Scrolled past the end: the last row stays, so that there is something to measure.
  if (!begun && count > 0) [from, before] = [count - 1, y - heightAt(count - 1)];
  to = Math.max(to, Math.min(count, from + 1));
  return { from, to, before, after: ended && to < count ? y - shownTo : 0 };
}
