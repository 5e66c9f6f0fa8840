import { getContext, setContext } from 'svelte';
import type { Container, Token } from './container';

const KEY = Symbol('services');

/** Gives the container to every component below the calling one. */
export function provide(container: Container): void {
  setContext(KEY, container);
}

/** A service, for the component that is being made. */
export function inject<T>(key: Token<T>): T {
  const container = getContext<Container | undefined>(KEY);
  if (!container) throw new Error(`${key.name} was asked for outside of the application`);
  return container.get(key);
}
