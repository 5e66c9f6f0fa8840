import { describe, expect, it } from 'vitest';
import { makeVm } from '$lib/test/fakes';
import { blankForm, formOf, inputOf, problemsOf } from './vmForm';

describe('vmForm', () => {
  it('gives back what it was made of, options and all', () => {
    const options = { keepalive_seconds: 30, ciphers: ['aes256-ctr', 'aes128-ctr'], password_secret: 'web.login' };
    const vm = makeVm('a', { auth: { kind: 'key', identity_file: '~/.ssh/id', secret: 'web.key' }, jump: ['b', 'c'], labels: { env: 'prod' }, options });
    expect(inputOf(formOf(vm), vm)).toEqual({
      name: 'a', address: '10.0.0.1', port: 22, user: 'root', transport: 'ssh', labels: { env: 'prod' },
      auth: { kind: 'key', identity_file: '~/.ssh/id', secret: 'web.key' }, jump: ['b', 'c'], accept_new_host_key: false, options
    });
  });

  it('leaves out what is as usual, and what does not belong to the chosen way', () => {
    const form = { ...blankForm(), name: 'x', address: 'x.example', secret: 'left', identityFile: 'left', passwordSecret: 'left' };
    expect(inputOf(form, null)).not.toHaveProperty('options');
    expect(inputOf(form, null).auth).toEqual({ kind: 'agent' });
    expect(inputOf({ ...form, keepalive: '5', transport: 'local' }, null)).toMatchObject({ address: '', jump: [] });
    expect(inputOf({ ...form, keepalive: '5', transport: 'local' }, null)).not.toHaveProperty('options');
  });

  it('takes algorithms with commas or spaces', () => {
    const form = { ...blankForm(), algorithms: { ...blankForm().algorithms, kex: ' a, b  c,' } };
    expect(inputOf(form, null).options).toEqual({ kex: ['a', 'b', 'c'] });
  });

  it('says what is missing at the field that it belongs to', () => {
    expect(Object.keys(problemsOf(blankForm()))).toEqual(['name', 'address']);
    expect(problemsOf({ ...blankForm(), name: 'x', transport: 'local' })).toEqual({});
    const form = { ...blankForm(), name: 'x', address: 'y', port: '0', authKind: 'password' as const, keepalive: '1.5' };
    expect(Object.keys(problemsOf(form))).toEqual(['port', 'auth.secret', 'options.keepalive_seconds']);
  });
});
