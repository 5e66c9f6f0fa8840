import { compareText } from '$lib/shared/utils';
import type { SecretService } from '../services/SecretService';
import type { Secret } from '../types';

export interface SecretStoreDeps {
  service: SecretService;
}

/** Names of secrets, asked for when somebody looks: they are no part of the state that the host tells everybody. */
export class SecretStore {
  private known = $state.raw<readonly Secret[]>([]);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  all = $derived([...this.known].sort((a, b) => compareText(a.name, b.name)));
  names = $derived(this.all.map((secret) => secret.name));

  constructor(private readonly deps: SecretStoreDeps) {}

  async load(): Promise<void> {
    try {
      this.known = await this.deps.service.list();
      this.error = null;
    } catch (cause) {
      this.error = cause;
    } finally {
      this.loaded = true;
    }
  }

  async set(name: string, value: string): Promise<void> {
    await this.deps.service.set(name, value);
    await this.load();
  }

  async remove(name: string, force = false): Promise<void> {
    await this.deps.service.remove(name, force);
    await this.load();
  }
}

export function createSecretStore(deps: SecretStoreDeps): SecretStore {
  return new SecretStore(deps);
}
