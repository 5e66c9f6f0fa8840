/**
 * In the browser: what makes a whole screen scroll sideways (WCAG 1.4.10, reflow), or an empty text. Output, tables and blocks of
 * code may: they are no screen, and are less tall than half of it or say that they are a log.
 */
export function scrollsSideways() {
  const MOST_PX = 1;
  const tall = (element) => element.clientHeight >= window.innerHeight / 2 && element.clientWidth >= window.innerWidth * 0.9;
  for (const element of [document.scrollingElement, ...document.querySelectorAll('main, main *, [role=dialog], [role=dialog] *')]) {
    if (element !== document.scrollingElement && !tall(element)) continue;
    if (element.closest('[role=log]') || !/auto|scroll|visible/.test(getComputedStyle(element).overflowX)) continue;
    if (element.scrollWidth > element.clientWidth + MOST_PX && getComputedStyle(element).overflowX !== 'visible') return `${element.tagName.toLowerCase()}.${element.className} ${element.scrollWidth} > ${element.clientWidth}`;
  }
  const root = document.scrollingElement;
  return root.scrollWidth > window.innerWidth + MOST_PX ? `page ${root.scrollWidth} > ${window.innerWidth}` : '';
}
