export { RowWindow, WHOLE_ROWS_MAX, type RowWindowOptions } from './rowWindow.svelte';
export { spanOf, type RowSpan } from './rowSpan';
