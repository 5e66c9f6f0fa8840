export { RowWindow, WHOLE_ROWS_MAX, type RowWindowOptions } from './rowWindow.svelte';
export { OrderedList, type Order } from './orderedList.svelte';
export { spanOf, type RowSpan } from './rowSpan';
