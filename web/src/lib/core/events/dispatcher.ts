import type { Event, EventOf, EventType, StateSnapshot } from '../clients';

type Handler<T extends EventType> = (event: EventOf<T>) => void;

/**
 * Applies what the host says in order: a snapshot replaces everything, events follow it without a gap. What is already
 * known is dropped; where something is missing, nothing more is applied until the host has been asked again.
 */
export class EventDispatcher {
  private readonly handlers = new Map<EventType, ((event: Event) => void)[]>();
  private readonly snapshotHandlers: ((state: StateSnapshot) => void)[] = [];
  private place: { epoch: string; seq: number } | null = null;

  /** `resync` asks the host for a snapshot; called once for each gap. */
  constructor(private resync: () => void = () => undefined) {}

  onResync(resync: () => void): void {
    this.resync = resync;
  }

  onSnapshot(handler: (state: StateSnapshot) => void): void {
    this.snapshotHandlers.push(handler);
  }

  on<T extends EventType>(type: T, handler: Handler<T>): void {
    const list = this.handlers.get(type) ?? [];
    list.push(handler as (event: Event) => void);
    this.handlers.set(type, list);
  }

  /** Where to go on after a reconnection; null if nothing is known that could be gone on from. */
  get resumeFrom(): { epoch: string; seq: number } | null {
    return this.place;
  }

  snapshot(epoch: string, seq: number, state: StateSnapshot): void {
    this.place = { epoch, seq };
    for (const handler of this.snapshotHandlers) handler(state);
  }

  events(epoch: string, events: readonly Event[]): void {
    for (const event of events) {
      // Without a place a question is already under way; its answer will contain all of this.
      if (!this.place) return;
      if (epoch === this.place.epoch && event.seq <= this.place.seq) continue;
      if (epoch !== this.place.epoch || event.seq !== this.place.seq + 1) return this.lose();
      this.place.seq = event.seq;
      for (const handler of this.handlers.get(event.type) ?? []) handler(event);
    }
  }

  /** How far the stream is. A place ahead of ours is no loss yet: if events are missing, the next one shows it. */
  bookmark(epoch: string): void {
    if (this.place && epoch !== this.place.epoch) this.lose();
  }

  private lose(): void {
    this.place = null;
    this.resync();
  }
}
