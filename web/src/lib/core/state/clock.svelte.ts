/** The present to the second, for ages and durations that go on while one looks. */
export class TickingClock {
  now = $state(0);

  constructor(time: () => number, every: (run: () => void, ms: number) => unknown) {
    this.now = time();
    every(() => (this.now = time()), 1000);
  }
}
