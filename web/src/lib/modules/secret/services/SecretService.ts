import type { ApiClient, Secret, SecretPage } from '$lib/core/clients';

/** Secrets by name. Values go in and never come out. */
export class SecretService {
  constructor(private readonly api: ApiClient) {}

  async list(): Promise<Secret[]> {
    return (await this.api.get<SecretPage>('/api/secrets')).items;
  }

  set(name: string, value: string): Promise<void> {
    return this.api.put<void>(`/api/secrets/${encodeURIComponent(name)}`, { value });
  }

  /** Refused while machines need it, unless it is forced. */
  remove(name: string, force = false): Promise<void> {
    return this.api.delete(`/api/secrets/${encodeURIComponent(name)}`, force ? { query: { force } } : undefined);
  }
}
