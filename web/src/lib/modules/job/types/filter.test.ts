import { describe, expect, it } from 'vitest';
import { jobFilterOf, jobsPath, NO_FILTER } from './filter';

const read = (path: string) => jobFilterOf(new URL(path, 'http://corral').searchParams);

describe('the address of the list of jobs', () => {
  it('leads back to the same filter', () => {
    const filter = { status: 'failed', vm: 'vm-1', template: 'ops-pack/disk-usage', text: 'df -h & more', within: '24h' } as const;
    expect(read(jobsPath(filter))).toEqual(filter);
    expect(read(jobsPath({ text: 'ü?' }))).toEqual({ ...NO_FILTER, text: 'ü?' });
  });

  it('is plain where nothing is filtered', () => {
    expect(jobsPath(NO_FILTER)).toBe('/jobs');
    expect(read('/jobs')).toBeNull();
  });

  it('passes over what there is not', () => {
    expect(read('/jobs?status=toString&within=3w&nonsense=1')).toBeNull();
    expect(read('/jobs?status=nice&within=7d')).toEqual({ ...NO_FILTER, within: '7d' });
  });
});
