import { ApiError, type ApiClient, type Me } from '../clients';
import type { UiState } from './uiState.svelte';

/** Who is looking at the dashboard. */
export class Account {
  me = $state<Me | null>(null);

  constructor(
    private readonly api: ApiClient,
    private readonly ui: UiState
  ) {}

  /** Asks the host; a 401 makes the sign-in page appear. */
  async load(): Promise<void> {
    try {
      this.me = await this.api.get<Me>('/api/auth/me');
      this.ui.signedOut = false;
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause;
    }
  }

  async signIn(linkOrToken: string): Promise<void> {
    await this.api.post('/api/auth/login', { token: tokenOf(linkOrToken) });
    await this.load();
  }

  async signOut(): Promise<void> {
    await this.api.post('/api/auth/logout');
    this.me = null;
    this.ui.signedOut = true;
  }

  get mayOperate(): boolean {
    return this.me?.role !== 'viewer';
  }

  get mayAdminister(): boolean {
    return this.me === null || this.me.role === 'admin';
  }
}

/** The token of a pasted login link, or the text itself. */
export function tokenOf(linkOrToken: string): string {
  const text = linkOrToken.trim();
  try {
    return new URL(text).searchParams.get('token') ?? text;
  } catch {
    return text;
  }
}
