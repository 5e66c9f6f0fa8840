import { ApiError, type Job } from '$lib/core/clients';
import { messageOf, type UiState } from '$lib/core/state';
import { AD_HOC, type CommandStore, type Template } from '$lib/modules/command';
import type { JobRequest, JobService, JobStore, Preview } from '$lib/modules/job';
import type { Vm, VmStore } from '$lib/modules/vm';
import { checkValues, commandText, fieldsOf, initialValues, isSecret, parseSelector, type JsonSchema, type RawValues, type Selector } from '$lib/shared/utils';
import { RunOptions } from './runOptions.svelte';

export interface ExecutionStoreDeps {
  ui: UiState;
  vms: VmStore;
  commands: CommandStore;
  jobs: JobStore;
  jobService: JobService;
}

/** What is about to run: the chosen command, what was typed into its form, on the chosen machines. */
export class ExecutionStore {
  script = $state('');
  private readonly optionsByCommand = new Map<string, RunOptions>();
  /** How the chosen command goes over its machines. Each has its own: what was meant for one, root or an input, is not handed to another. */
  options = $derived.by<RunOptions>(() => {
    const command = this.deps.ui.selectedTemplateId ?? '';
    const held = this.optionsByCommand.get(command) ?? new RunOptions();
    this.optionsByCommand.set(command, held);
    return held;
  });
  /** Field errors are shown once somebody tried to run, or left the field. */
  tried = $state(false);
  busy = $state(false);
  problem = $state('');
  /** Somebody has just chosen what to run: the form takes the focus as soon as it is there. */
  chosen = $state(false);
  private refused = $state<Record<string, string>>({});
  private typed = $state<Record<string, RawValues>>({});

  isAdHoc = $derived.by(() => this.deps.ui.selectedTemplateId === AD_HOC);
  template = $derived.by<Template | undefined>(() => this.deps.commands.get(this.deps.ui.selectedTemplateId));
  fields = $derived(this.template ? fieldsOf(this.template.parameters as JsonSchema) : []);
  values = $derived<RawValues>({
    ...initialValues(this.fields),
    ...(this.template ? this.typed[this.template.id] : {})
  });
  checked = $derived(checkValues(this.fields, this.values));
  targets = $derived.by(() => this.deps.vms.selected);
  errors = $derived<Record<string, string>>({ ...(this.tried ? this.checked.errors : {}), ...this.refused });
  /** What templates say they are meant for, by their ids; those that say nothing suit all. */
  private meantFor = $derived.by(
    () => new Map(this.deps.commands.all.map((template) => [template.id, selectorOf(template)] as const).filter(([, selector]) => selector !== null))
  );
  /** Chosen machines that the template says it does not suit. */
  unsuited = $derived.by(() => {
    const admits = this.template ? this.meantFor.get(this.template.id) : null;
    return admits ? this.targets.filter((vm) => !admits(vm)) : [];
  });
  /** Templates that are meant for just such machines as are chosen, all of them; those that suit any machine are no suggestion. */
  suggested = $derived.by(() =>
    this.targets.length === 0 ? [] : this.deps.commands.all.filter((template) => this.meantFor.has(template.id) && this.suits(template))
  );
  /** Templates that ran last, each once, newest first. */
  used = $derived.by(() => {
    const ids = new Set(this.deps.jobs.recent.flatMap((job) => (job.template ? [job.template.id] : [])));
    return [...ids].map((id) => this.deps.commands.get(id)).filter((template) => template !== undefined);
  });
  /** Why it cannot run yet, as the next step; empty if it can. */
  missing = $derived.by(() => {
    if (!this.isAdHoc && !this.template) return 'Choose a command.';
    if (this.isAdHoc && this.script.trim() === '') return 'Type a command.';
    if (this.targets.length === 0) return 'Choose machines to run on.';
    if (Object.keys(this.checked.errors).length > 0) return 'Fill in what is marked.';
    if (!this.options.valid) return 'Correct the options.';
    return '';
  });

  /** What would be sent, as text; null while something is missing. It changes only as the text does, not with every word of a chosen machine. */
  requestKey = $derived.by(() => (this.missing === '' ? JSON.stringify(this.request()) : null));

  private previewed = $state.raw<{ key: string; preview: Preview } | null>(null);
  previewProblem = $state('');

  constructor(private readonly deps: ExecutionStoreDeps) {}

  /** What the host says it would run; null while that is not known for what stands in the form now. */
  get preview(): Preview | null {
    const held = this.previewed;
    return held !== null && held.key === this.requestKey ? held.preview : null;
  }

  /** Whether a template is meant for every machine that is chosen; of none nothing is known. */
  suits(template: Template): boolean {
    const admits = this.meantFor.get(template.id);
    return !admits || this.targets.every(admits);
  }

  setValue(name: string, value: string | boolean): void {
    if (!this.template) return;
    this.typed = { ...this.typed, [this.template.id]: { ...this.typed[this.template.id], [name]: value } };
    this.refused = {};
  }

  /** A command was chosen: what was said of the last one no longer matters, and one goes on in the form. */
  reset(): void {
    this.chosen = true;
    this.tried = false;
    this.problem = '';
    this.refused = {};
    this.options.refuse({});
  }

  /** Chooses what to run; one goes on in its form. */
  choose(command: string): void {
    this.deps.ui.selectedJobId = null;
    this.deps.ui.selectedTemplateId = command;
    this.reset();
  }

  /** Makes ready what a job ran, on the same machines, to be changed and run again. What it was given as a secret is not told. */
  take(job: Job): void {
    const { ui, vms, commands } = this.deps;
    ui.selectedJobId = null;
    ui.selectVms(job.targets.filter((id) => vms.get(id)));
    const template = job.template && commands.get(job.template.id);
    if (job.template && template) {
      const fields = fieldsOf(template.parameters as JsonSchema);
      this.typed = { ...this.typed, [template.id]: initialValues(fields, job.template.args) };
    } else {
      this.script = commandText(job.command);
    }
    ui.selectedTemplateId = template?.id ?? AD_HOC;
    this.reset();
    this.options.take(job, template?.mode ?? 'durable');
  }

  request(): JobRequest {
    const what = this.template
      ? { template: { id: this.template.id, args: this.checked.args } }
      : { command: { script: this.script } };
    return {
      ...what,
      targets: { vms: this.targets.map((vm) => vm.id) },
      ...this.options.request()
    };
  }

  /** Asks the host what it would run. Nothing is started. */
  async look(signal: AbortSignal): Promise<void> {
    const key = this.requestKey;
    if (key === null || key === this.previewed?.key) return;
    try {
      const preview = await this.deps.jobService.preview(JSON.parse(key) as JobRequest, signal);
      this.previewed = { key, preview };
      this.previewProblem = '';
      this.options.refuse({});
    } catch (cause) {
      if (signal.aborted) return;
      this.previewProblem = messageOf(cause);
      if (cause instanceof ApiError) this.options.refuse(cause.fields);
    }
  }

  /** Starts the job and shows it. Null if something stands in the way; then `problem` or field errors say what. */
  async run(): Promise<Job | null> {
    this.tried = true;
    this.problem = '';
    this.refused = {};
    if (this.missing !== '' || this.busy) return null;
    this.options.refuse({});
    this.busy = true;
    // What was shown is what may run: the host refuses if a template has changed since.
    const hash = this.preview?.command_hash;
    try {
      const job = await this.deps.jobService.create({ ...this.request(), ...(hash ? { expect_hash: hash } : {}) });
      // The answer may come before or after the event that tells of the job; the store takes whichever is first.
      if (!this.deps.jobs.tasksOf(job.id)) this.deps.jobs.put(job);
      this.deps.ui.selectedJobId = job.id;
      this.forgetSecrets();
      // Whoever comes back begins anew: what is missing now is no mistake.
      this.tried = false;
      return job;
    } catch (cause) {
      this.refused = cause instanceof ApiError ? argumentErrors(cause.fields) : {};
      if (cause instanceof ApiError) this.options.refuse(cause.fields);
      this.problem = messageOf(cause);
      this.previewed = null;
      return null;
    } finally {
      this.busy = false;
    }
  }

  /** What may be secret is typed again for the next run: the values of such fields, and standard input. */
  private forgetSecrets(): void {
    this.options.stdin = '';
    if (!this.template) return;
    const secret = new Set(this.fields.filter(isSecret).map((field) => field.name));
    const typed = Object.entries(this.typed[this.template.id] ?? {}).filter(([name]) => !secret.has(name));
    this.typed = { ...this.typed, [this.template.id]: Object.fromEntries(typed) };
  }
}

/** Which machines a template is meant for: those that its selector chooses, or the one that it was saved for; null where it does not say. */
function selectorOf(template: Template): ((vm: Vm) => boolean) | null {
  const { vm: only, applies_to } = template;
  if (only) return (vm) => vm.id === only;
  if (!applies_to) return null;
  try {
    const admits: Selector = parseSelector(applies_to);
    return admits;
  } catch {
    return null;
  }
}

/** `template.args.service` and `args.service` belong to the field `service`. */
function argumentErrors(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([field, message]) => [field.replace(/^(template\.)?args\./, ''), message])
  );
}

export function createExecutionStore(deps: ExecutionStoreDeps): ExecutionStore {
  return new ExecutionStore(deps);
}
