import { describe, expect, it } from 'vitest';
import { grantParts, grantText, RIGHTS, scopeProblem } from './grant';

describe('grants', () => {
  it('are taken apart at the first colon, as the host does', () => {
    expect(grantParts('http:inventory.example.com:8443')).toEqual({ right: 'http', scope: 'inventory.example.com:8443' });
    expect(grantParts('kv')).toEqual({ right: 'kv', scope: '' });
    expect(grantText('vms', ' env=dev ')).toBe('vms:env=dev');
    expect(grantText('vms', ' ')).toBe('vms');
  });

  it('say what must be named', () => {
    const of = (name: string) => RIGHTS.find((right) => right.name === name)!;
    expect(scopeProblem(of('http'), '')).toContain('Needed');
    expect(scopeProblem(of('http'), '10.0.0.5:8080')).toBe('');
    expect(scopeProblem(of('vms'), '')).toBe('');
  });
});
