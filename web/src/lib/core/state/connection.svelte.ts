import type { SocketStatus } from '../clients';

/** How the connection to the host fares, for everyone who shows it. */
export class ConnectionState {
  status = $state<SocketStatus>('connecting');
  retryAt = $state<number | null>(null);
  roundTripMs = $state<number | null>(null);
  /** A snapshot has arrived at least once: what is shown is the host's, perhaps a little old. */
  synced = $state(false);

  get live(): boolean {
    return this.status === 'open';
  }

  update(status: SocketStatus, retryAt: number | null, roundTripMs: number | null): void {
    this.status = status;
    this.retryAt = retryAt;
    this.roundTripMs = roundTripMs;
  }
}
