import { mount, unmount, type Component } from 'svelte';
import { Container } from '$lib/core/container';
import Provided from './Provided.svelte';
import '../../app.css';

let shown: object | null = null;
let holder: HTMLElement | null = null;

/** Shows a component in the page, as tall as the screen; what was shown before goes. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any component with any properties; a test knows which
export function show(component: Component<any>, given: Record<string, unknown> = {}, container = new Container()): HTMLElement {
  clear();
  holder = document.createElement('div');
  holder.className = 'h-dvh';
  document.body.append(holder);
  shown = mount(Provided, { target: holder, props: { container, component, given } });
  return holder;
}

export function clear(): void {
  if (shown) void unmount(shown);
  holder?.remove();
  shown = holder = null;
}

/** Texts that would do something if anything took them for more than texts. */
export const HOSTILE = [
  '<img src=x onerror="window.hacked = true">',
  '"><script>window.hacked = true</script>',
  "'-alert(1)-'{{constructor.constructor('window.hacked = true')()}}",
  '<svg onload="window.hacked = true"></svg>',
  '\u001b]0;title\u0007\u001b[2J\u001b]8;;javascript:window.hacked=true\u0007click\u001b]8;;\u0007'
];

/** What hostile texts would have left in the page. */
export function harm(within: HTMLElement): string[] {
  const found = [...within.querySelectorAll('script, img, iframe, object, embed, svg[onload], [onerror], [onclick], [onload]')].map((element) => element.outerHTML);
  const links = [...within.querySelectorAll('a[href]')].map((link) => link.getAttribute('href') ?? '').filter((href) => !/^(\/|#|https?:)/i.test(href));
  return [...found, ...links, ...('hacked' in window ? ['it ran'] : [])];
}
