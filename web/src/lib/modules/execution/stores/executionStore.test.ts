import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '$lib/core/clients';
import { EventDispatcher } from '$lib/core/events';
import { createUiState } from '$lib/core/state';
import { AD_HOC, createCommandStore } from '$lib/modules/command';
import { createJobStore, type JobService } from '$lib/modules/job';
import { createVmStore } from '$lib/modules/vm';
import { makeJob, makeSnapshot, makeTemplate, makeVm } from '$lib/test/fakes';
import { createExecutionStore } from './executionStore.svelte';

const PREVIEW = { dry_run: true, command_hash: 'abc', total: 1, waves: [], items: [] };

function make(create = vi.fn(async () => makeJob('j1', { tasks: [] })), preview = vi.fn(async () => PREVIEW)) {
  const dispatcher = new EventDispatcher();
  const ui = createUiState({ storage: null, applyTheme: () => undefined, systemDark: () => true });
  const jobService = { create, preview } as unknown as JobService;
  const vms = createVmStore({ dispatcher, ui });
  const commands = createCommandStore(dispatcher);
  const jobs = createJobStore({ dispatcher, service: jobService });
  const store = createExecutionStore({ ui, vms, commands, jobs, jobService });
  const parameters = { type: 'object', required: ['unit'], properties: { unit: { type: 'string' }, lines: { type: 'integer', default: 10 } } };
  dispatcher.snapshot('e1', 1, makeSnapshot({
    vms: [makeVm('a', { labels: { role: 'web' } }), makeVm('b')],
    templates: [
      makeTemplate('ops/journal', { parameters, applies_to: 'role=web' }),
      makeTemplate('ops/uptime'),
      makeTemplate('ops/login', { parameters: { type: 'object', properties: { user: { type: 'string' }, token: { type: 'string', writeOnly: true } } } }),
      makeTemplate('saved/mine', { origin: 'saved', vm: 'b' }),
      makeTemplate('ops/odd', { applies_to: '=' })
    ]
  }));
  return { store, ui, create, preview, jobs };
}

describe('executionStore', () => {
  it('wants the form to take the focus once a command was chosen', () => {
    const { store } = make();
    expect(store.chosen).toBe(false);
    store.reset();
    expect(store.chosen).toBe(true);
  });

  it('says the next step until everything is there', () => {
    const { store, ui } = make();
    expect(store.missing).toBe('Choose a command.');
    ui.selectedTemplateId = 'ops/journal';
    expect(store.missing).toBe('Choose machines to run on.');
    ui.selectVms(['a', 'b']);
    expect(store.missing).toBe('Fill in what is marked.');
    store.setValue('unit', 'nginx.service');
    expect(store.missing).toBe('');
    expect(store.unsuited.map((vm) => vm.id)).toEqual(['b']);
  });

  it('sends the template with typed arguments to exactly the chosen machines', async () => {
    const { store, ui, create } = make();
    ui.selectedTemplateId = 'ops/journal';
    ui.selectVms(['a']);
    store.setValue('unit', 'nginx.service');
    store.options.timeout = '30';
    expect((await store.run())?.id).toBe('j1');
    expect(create).toHaveBeenCalledWith({
      template: { id: 'ops/journal', args: { unit: 'nginx.service', lines: 10 } },
      targets: { vms: ['a'] },
      timeout_seconds: 30
    });
    expect(ui.selectedJobId).toBe('j1');
  });

  it('suggests what is meant for all chosen machines, and nothing that suits any', () => {
    const { store, ui } = make();
    const suggested = () => store.suggested.map((template) => template.id);
    expect(suggested()).toEqual([]);
    ui.selectVms(['a']);
    expect(suggested()).toEqual(['ops/journal']);
    ui.selectVms(['b']);
    expect(suggested()).toEqual(['saved/mine']);
    ui.selectVms(['a', 'b']);
    expect(suggested()).toEqual([]);
    expect(store.suits(makeTemplate('ops/uptime'))).toBe(true);
    expect(store.suits(makeTemplate('saved/mine'))).toBe(false);
  });

  it('knows which templates ran last, each once, and none that is gone', () => {
    const { store, jobs } = make();
    expect(store.used).toEqual([]);
    for (const [n, id] of ['ops/uptime', 'gone/away', 'ops/journal', 'ops/uptime'].entries()) jobs.put(makeJob(`0${n}`, { template: { id, args: {} } }));
    jobs.put(makeJob('09'));
    expect(store.used.map((template) => template.id)).toEqual(['ops/uptime', 'ops/journal']);
  });

  it('makes a job ready to be changed: its template, arguments, machines that are still there, and how it went over them', () => {
    const { store, ui } = make();
    store.options.workdir = '/srv';
    store.take(
      makeJob('01', {
        template: { id: 'ops/journal', args: { unit: 'nginx.service' } },
        targets: ['a', 'gone'],
        mode: 'durable',
        parallelism: 3,
        canary: '5%',
        batch: { size: 2, pause_seconds: 30 },
        run_as: { user: 'root', secret: 'sudo' },
        filters: { with: [], without: ['redact'] }
      })
    );
    expect([...ui.selectedVmIds]).toEqual(['a']);
    expect(store.request()).toEqual({
      template: { id: 'ops/journal', args: { unit: 'nginx.service', lines: 10 } },
      targets: { vms: ['a'] },
      mode: 'durable',
      parallelism: 3,
      canary: '5%',
      batch: { size: 2, pause_seconds: 30 },
      run_as: { user: 'root', secret: 'sudo' },
      filters: { with: [], without: ['redact'] }
    });
  });

  it('makes the command of a template that is gone ready as it was typed, as usual', () => {
    const { store, ui } = make();
    ui.selectedJobId = '01';
    store.take(makeJob('01', { template: { id: 'gone/away', args: {} }, command: { argv: ['echo', 'a b'] }, targets: ['b'] }));
    expect(store.request()).toEqual({ command: { script: "echo 'a b'" }, targets: { vms: ['b'] } });
    expect(ui.selectedJobId).toBeNull();
  });

  it('hands the options of one command to no other, and forgets what may be secret once it ran', async () => {
    const { store, ui } = make();
    ui.selectVms(['a']);
    store.choose('ops/login');
    store.setValue('user', 'ruth');
    store.setValue('token', 'sesame');
    store.options.runAs = 'root';
    store.options.stdin = 'yes';
    store.choose('ops/uptime');
    expect(store.request()).toEqual({ template: { id: 'ops/uptime', args: {} }, targets: { vms: ['a'] } });
    store.choose('ops/login');
    const asked = { template: { id: 'ops/login', args: { user: 'ruth', token: 'sesame' } }, targets: { vms: ['a'] }, run_as: { user: 'root' }, stdin: 'yes' };
    expect(store.request()).toEqual(asked);
    await store.run();
    expect(store.tried).toBe(false);
    expect(store.request()).toEqual({ template: { id: 'ops/login', args: { user: 'ruth' } }, targets: { vms: ['a'] }, run_as: { user: 'root' } });
  });

  it('never runs without machines', async () => {
    const { store, ui, create } = make();
    ui.selectedTemplateId = AD_HOC;
    store.script = 'uptime';
    expect(await store.run()).toBeNull();
    expect(create).not.toHaveBeenCalled();
  });

  it('shows a refusal at the field that it names', async () => {
    const refusal = new ApiError(422, 'Invalid', 'unit: no such unit', { 'template.args.unit': 'no such unit' });
    const { store, ui } = make(vi.fn(() => Promise.reject(refusal)));
    ui.selectedTemplateId = 'ops/journal';
    ui.selectVms(['a']);
    store.setValue('unit', 'x');
    expect(await store.run()).toBeNull();
    expect(store.errors.unit).toBe('no such unit');
    expect(store.problem).toContain('no such unit');
    store.setValue('unit', 'y');
    expect(store.errors.unit).toBeUndefined();
  });

  it('sends the hash of what was shown, and only while that is what stands in the form', async () => {
    const { store, ui, create, preview } = make();
    ui.selectedTemplateId = AD_HOC;
    ui.selectVms(['a']);
    store.script = 'uptime';
    const { signal } = new AbortController();
    await store.look(signal);
    await store.look(signal);
    expect(preview).toHaveBeenCalledOnce();
    expect(store.preview?.command_hash).toBe('abc');
    await store.run();
    expect(create).toHaveBeenLastCalledWith({ command: { script: 'uptime' }, targets: { vms: ['a'] }, expect_hash: 'abc' });
    store.script = 'uptime -p';
    expect(store.preview).toBeNull();
    await store.run();
    expect(create).toHaveBeenLastCalledWith({ command: { script: 'uptime -p' }, targets: { vms: ['a'] } });
  });

  it('shows what the host says of an option at the option, already when it looks', async () => {
    const refusal = new ApiError(422, 'Invalid', 'there is no such secret', { 'run_as.secret': 'there is no such secret' });
    const { store, ui } = make(undefined, vi.fn(() => Promise.reject(refusal)));
    ui.selectedTemplateId = AD_HOC;
    ui.selectVms(['a']);
    store.script = 'uptime';
    Object.assign(store.options, { runAs: 'root', secret: 'gone' });
    await store.look(new AbortController().signal);
    expect(store.options.errors['run_as.secret']).toBe('there is no such secret');
    expect(store.previewProblem).toContain('no such secret');
  });

  it('does not look while something is missing', async () => {
    const { store, ui, preview } = make();
    ui.selectedTemplateId = AD_HOC;
    ui.selectVms(['a']);
    store.script = 'uptime';
    store.options.canary = '0%';
    expect(store.missing).toBe('Correct the options.');
    await store.look(new AbortController().signal);
    expect(preview).not.toHaveBeenCalled();
  });

  it('keeps what was typed into each command', () => {
    const { store, ui } = make();
    ui.selectedTemplateId = 'ops/journal';
    store.setValue('unit', 'x');
    ui.selectedTemplateId = AD_HOC;
    ui.selectedTemplateId = 'ops/journal';
    expect(store.values.unit).toBe('x');
  });
});
