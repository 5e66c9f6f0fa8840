import { describe, expect, it, vi } from 'vitest';
import { Container, token } from './container';

describe('Container', () => {
  it('makes a service once, when it is first asked for', () => {
    const ENGINE = token<{ on: boolean }>('engine');
    const CAR = token<{ engine: { on: boolean } }>('car');
    const make = vi.fn(() => ({ on: true }));
    const container = new Container().register(ENGINE, make).register(CAR, (c) => ({ engine: c.get(ENGINE) }));
    expect(make).not.toHaveBeenCalled();
    expect(container.get(CAR).engine).toBe(container.get(ENGINE));
    expect(make).toHaveBeenCalledOnce();
  });

  it('makes all services before any component asks', () => {
    const A = token<number>('a');
    const B = token<number>('b');
    const made: string[] = [];
    const container = new Container()
      .register(A, (c) => (made.push('a'), c.get(B) + 1))
      .register(B, () => (made.push('b'), 1))
      .makeAll();
    expect(made).toEqual(['a', 'b']);
    expect(container.get(A)).toBe(2);
    expect(made).toHaveLength(2);
  });

  it('names what is missing, what is there twice, and a circle', () => {
    const A = token<unknown>('a');
    const B = token<unknown>('b');
    expect(() => new Container().get(A)).toThrow(/a is not registered/);
    expect(() => new Container().register(A, () => 1).register(A, () => 2)).toThrow(/twice/);
    const circle = new Container().register(A, (c) => c.get(B)).register(B, (c) => c.get(A));
    expect(() => circle.get(A)).toThrow(/a → b → a/);
  });
});
