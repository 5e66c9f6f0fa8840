/** Ends of lines within which a copy stays in bounds, however many equal lines a row stands for. */
const COPIED_LINES_MAX = 20_000;

/**
 * The text of a selection in a view of lines: what the command wrote, without numbers, times and marks; a row that stands for equal
 * lines gives all of them. Null if the selection is within one line: then the browser knows best.
 */
export function selectedText(view: HTMLElement, selection: Selection | null): string | null {
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  const rows = [...view.querySelectorAll<HTMLElement>('[data-index]')].filter((row) => range.intersectsNode(row));
  if (rows.length < 2) return null;
  const lines: string[] = [];
  for (const row of rows) {
    const text = row.querySelector('[data-text]');
    const times = Math.min(Number(row.dataset.count ?? 1), COPIED_LINES_MAX - lines.length);
    const piece = text ? within(range, text) : '';
    for (let i = 0; i < times; i++) lines.push(piece);
  }
  return lines.join('\n');
}

/** What of a node lies in the range. */
function within(range: Range, node: Node): string {
  const piece = range.cloneRange();
  piece.selectNodeContents(node);
  if (range.compareBoundaryPoints(Range.START_TO_START, piece) > 0) piece.setStart(range.startContainer, range.startOffset);
  if (range.compareBoundaryPoints(Range.END_TO_END, piece) < 0) piece.setEnd(range.endContainer, range.endOffset);
  return piece.toString();
}
