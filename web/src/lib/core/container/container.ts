/** Names a service and carries its type. Two tokens are the same only if they are the same object. */
export interface Token<T> {
  readonly name: string;
  /** Only for the type checker; never set. */
  readonly type?: T;
}

export function token<T>(name: string): Token<T> {
  return Object.freeze({ name });
}

type Factory<T> = (container: Container) => T;

/** Makes each service once, when it is first asked for. deps.ts says how; nobody else does. */
export class Container {
  private readonly factories = new Map<Token<unknown>, Factory<unknown>>();
  private readonly made = new Map<Token<unknown>, unknown>();
  private readonly making: Token<unknown>[] = [];

  register<T>(key: Token<T>, factory: Factory<T>): this {
    if (this.factories.has(key)) throw new Error(`${key.name} is registered twice`);
    this.factories.set(key, factory);
    return this;
  }

  /**
   * Makes all services. The root layout calls it while it is made itself: what a service derives belongs to the component that is
   * being made just then, and stands still once that component is gone. The root layout is there to the end.
   */
  makeAll(): this {
    for (const key of this.factories.keys()) this.get(key);
    return this;
  }

  get<T>(key: Token<T>): T {
    if (this.made.has(key)) return this.made.get(key) as T;
    const factory = this.factories.get(key);
    if (!factory) throw new Error(`${key.name} is not registered; deps.ts is the place`);
    if (this.making.includes(key)) {
      throw new Error(`services need each other in a circle: ${[...this.making, key].map((k) => k.name).join(' → ')}`);
    }
    this.making.push(key);
    try {
      const service = factory(this) as T;
      this.made.set(key, service);
      return service;
    } finally {
      this.making.pop();
    }
  }
}
