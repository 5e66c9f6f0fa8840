import { untrack } from 'svelte';

/**
 * How often what writes a log was taken up again after its end. It writes on then, though the host had said that the log was
 * whole: whoever shows it opens it anew.
 */
export function timesTakenUp(live: () => boolean): { readonly count: number } {
  let count = $state(0);
  let was = untrack(live);
  $effect(() => {
    const is = live();
    if (is && !was) count = untrack(() => count) + 1;
    was = is;
  });
  return {
    get count() {
      return count;
    }
  };
}
