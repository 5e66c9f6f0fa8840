import type { Receipt } from '$lib/core/clients';

/** Whether it is certain that nothing of the command runs any more. */
export function isClean(receipt: Receipt): boolean {
  return receipt.survivors.length === 0 && receipt.unknown === '';
}

/** The figures of a receipt in the order in which they came about. */
export function receiptFigures(receipt: Receipt) {
  return [
    { label: 'signalled', value: receipt.signalled, bad: false },
    { label: 'killed', value: receipt.killed, bad: false },
    { label: 'gone', value: receipt.gone, bad: false },
    { label: 'still there', value: receipt.survivors.length, bad: receipt.survivors.length > 0 }
  ];
}

/** A word or two for a row: `4 gone`, `2 still there`, `end not known`. */
export function receiptWord(receipt: Receipt): string {
  if (receipt.survivors.length > 0) return `${receipt.survivors.length} still there`;
  if (receipt.unknown !== '') return 'end not known';
  return receipt.signalled === 0 ? 'nothing was left' : `${receipt.gone} gone`;
}
