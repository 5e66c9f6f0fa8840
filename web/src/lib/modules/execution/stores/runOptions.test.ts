import { describe, expect, it } from 'vitest';
import { RunOptions } from './runOptions.svelte';

describe('runOptions', () => {
  it('asks for nothing where nothing was typed', () => {
    const options = new RunOptions();
    expect(options.request()).toEqual({});
    expect(options.valid).toBe(true);
    expect(options.summary).toEqual([]);
  });

  it('writes counts as numbers and parts as text, as the host reads them', () => {
    const options = new RunOptions();
    Object.assign(options, { mode: 'direct', canary: ' 1 ', batchSize: '20 %', batchPause: '30', maxFailures: '3', jobTimeout: '3600', runAs: 'root', secret: 'web.sudo', workdir: '/srv' });
    options.env = [{ key: 'LANG', value: 'C' }, { key: '', value: '' }];
    expect(options.valid).toBe(true);
    expect(options.request()).toEqual({
      mode: 'direct',
      canary: 1,
      batch: { size: '20%', pause_seconds: 30 },
      max_failures: 3,
      job_timeout_seconds: 3600,
      run_as: { user: 'root', secret: 'web.sudo' },
      env: { LANG: 'C' },
      workdir: '/srv'
    });
    expect(options.summary).toContain('batches of 20 %');
  });

  it('names filters only where somebody chose', () => {
    const options = new RunOptions();
    options.chooseFilter('redact', 'without');
    options.chooseFilter('structured', 'with');
    options.stdin = 'yes\n';
    expect(options.request()).toEqual({ stdin: 'yes\n', filters: { with: ['structured'], without: ['redact'] } });
    expect(options.summary).toEqual(['standard input', 'filters']);
    options.chooseFilter('redact', 'usual');
    options.chooseFilter('structured', 'usual');
    options.stdin = '';
    expect(options.request()).toEqual({});
  });

  it('tells what is wrong under the name that the host has for the field', () => {
    const options = new RunOptions();
    Object.assign(options, { parallelism: '0', canary: '0%', batchPause: '5', maxFailures: 'x', timeout: '1.5', secret: 'web.sudo', workdir: 'srv' });
    options.env = [{ key: '1A', value: '' }];
    expect(Object.keys(options.problems).sort()).toEqual(['batch.size', 'canary', 'env', 'max_failures', 'parallelism', 'run_as.user', 'timeout_seconds', 'workdir']);
    options.env = [{ key: 'A', value: '1' }, { key: 'A', value: '2' }];
    expect(options.problems.env).toBe('A is there twice.');
    expect(options.valid).toBe(false);
  });

  it('takes from a refusal what is its own, and a part of a field for the field', () => {
    const options = new RunOptions();
    options.refuse({ 'run_as.secret': 'there is no such secret', 'env.PATH': 'is set by the host', 'template.args.x': 'not mine' });
    expect(options.errors).toEqual({ 'run_as.secret': 'there is no such secret', env: 'is set by the host' });
    options.refuse({});
    expect(options.errors).toEqual({});
  });
});
