import { afterNavigate, replaceState } from '$app/navigation';
import { page } from '$app/state';

/**
 * Keeps the address as what is looked at, so that it can be shared and come back to; null leaves it alone. Called as a page is made. Who comes
 * back finds it in `location`: `page` does not hear of what was put in place of the address.
 */
export function keepAddress(path: () => string | null): void {
  /** The address can be changed from then on. */
  let arrived = $state(false);
  afterNavigate(() => (arrived = true));
  $effect(() => {
    const wanted = path();
    void page.url.href;
    if (arrived && wanted !== null && wanted !== location.pathname + location.search) replaceState(wanted, {});
  });
}
