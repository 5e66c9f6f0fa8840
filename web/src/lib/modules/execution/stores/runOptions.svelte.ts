import type { Job } from '$lib/core/clients';
import type { JobRequest, RunMode, Share } from '$lib/modules/job';

/** Bounds that the host has too, so that a slip is told while one types. */
const PARALLELISM_MAX = 1024;
const SECONDS_MAX = 604_800;
const PAUSE_SECONDS_MAX = 86_400;

/** Tasks at once where nothing else is said, as the host has it. */
const PARALLELISM_USUAL = 64;

/** A filter is asked for, or left out. */
export type FilterChoice = 'with' | 'without';

/** How a run goes over its machines, as typed; what is empty is as usual. */
export class RunOptions {
  /** Empty: as the command says, or durable. */
  mode = $state<RunMode | ''>('');
  parallelism = $state('');
  canary = $state('');
  batchSize = $state('');
  batchPause = $state('');
  maxFailures = $state('');
  timeout = $state('');
  jobTimeout = $state('');
  runAs = $state('');
  secret = $state('');
  workdir = $state('');
  env = $state<{ key: string; value: string }[]>([]);
  /** What the command is given to read; empty: nothing. */
  stdin = $state('');
  /** Filters that are asked for or left out, by their plugins; those that are not named are as the host has them. */
  filters = $state<Record<string, FilterChoice>>({});
  /** What the host said of a field, by the host's name for it. */
  private refused = $state.raw<Record<string, string>>({});

  /** What is wrong, by the names that the host has for the fields. */
  problems = $derived<Record<string, string>>(
    Object.fromEntries(
      Object.entries({
        parallelism: numberProblem(this.parallelism, 1, PARALLELISM_MAX),
        canary: shareProblem(this.canary),
        'batch.size': shareProblem(this.batchSize) || (this.batchPause.trim() !== '' && this.batchSize.trim() === '' ? 'Needed for a pause between batches.' : ''),
        'batch.pause_seconds': numberProblem(this.batchPause, 0, PAUSE_SECONDS_MAX),
        max_failures: shareProblem(this.maxFailures),
        timeout_seconds: numberProblem(this.timeout, 1, SECONDS_MAX),
        job_timeout_seconds: numberProblem(this.jobTimeout, 1, SECONDS_MAX),
        'run_as.user': this.secret !== '' && this.runAs.trim() === '' ? 'Needed: whose password is it for?' : '',
        workdir: this.workdir.trim() === '' || /^[/~]/.test(this.workdir.trim()) ? '' : 'Begins with “/”.',
        env: envProblem(this.env)
      }).filter(([, problem]) => problem !== '')
    )
  );
  errors = $derived<Record<string, string>>({ ...this.refused, ...this.problems });
  valid = $derived(Object.keys(this.problems).length === 0);

  /** What differs from the usual, in words, for where the fields are folded away. */
  summary = $derived(
    [
      this.mode,
      this.parallelism.trim() && `${this.parallelism.trim()} at once`,
      this.canary.trim() && `canary ${this.canary.trim()}`,
      this.batchSize.trim() && `batches of ${this.batchSize.trim()}`,
      this.maxFailures.trim() && `stops after ${this.maxFailures.trim()} failed`,
      (this.timeout.trim() || this.jobTimeout.trim()) && 'time limit',
      this.runAs.trim() && `as ${this.runAs.trim()}`,
      this.workdir.trim() && `in ${this.workdir.trim()}`,
      this.env.some(({ key }) => key.trim() !== '') && 'environment',
      this.stdin !== '' && 'standard input',
      Object.keys(this.filters).length > 0 && 'filters'
    ].filter((text): text is string => typeof text === 'string' && text !== '')
  );

  /** The fields of a request that these options make; only what differs from the usual. */
  request(): Partial<JobRequest> {
    const [asked, left] = (['with', 'without'] as const).map((choice) => Object.keys(this.filters).filter((plugin) => this.filters[plugin] === choice));
    const env = Object.fromEntries(this.env.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value]));
    return {
      ...(this.mode ? { mode: this.mode } : {}),
      ...(this.parallelism.trim() ? { parallelism: Number(this.parallelism) } : {}),
      ...(this.canary.trim() ? { canary: shareOfText(this.canary) } : {}),
      ...(this.batchSize.trim()
        ? { batch: { size: shareOfText(this.batchSize), ...(this.batchPause.trim() ? { pause_seconds: Number(this.batchPause) } : {}) } }
        : {}),
      ...(this.maxFailures.trim() ? { max_failures: shareOfText(this.maxFailures) } : {}),
      ...(this.timeout.trim() ? { timeout_seconds: Number(this.timeout) } : {}),
      ...(this.jobTimeout.trim() ? { job_timeout_seconds: Number(this.jobTimeout) } : {}),
      ...(this.runAs.trim() ? { run_as: { user: this.runAs.trim(), ...(this.secret ? { secret: this.secret } : {}) } } : {}),
      ...(Object.keys(env).length > 0 ? { env } : {}),
      ...(this.workdir.trim() ? { workdir: this.workdir.trim() } : {}),
      ...(this.stdin !== '' ? { stdin: this.stdin } : {}),
      ...(asked!.length + left!.length > 0 ? { filters: { with: asked, without: left } } : {})
    };
  }

  /**
   * Goes over machines as a job did. Its environment, folder and standard input the host does not tell; they are as usual.
   * `usual` is how its command runs if nothing else is said.
   */
  take(job: Job, usual: Job['mode']): void {
    const text = (value: Share | null | undefined) => (value === null || value === undefined ? '' : String(value));
    const { with: asked = [], without = [] } = job.filters ?? {};
    this.mode = job.mode === usual || job.mode === 'terminal' ? '' : job.mode;
    this.parallelism = job.parallelism === PARALLELISM_USUAL ? '' : text(job.parallelism);
    this.canary = text(job.canary);
    this.batchSize = text(job.batch?.size);
    this.batchPause = text(job.batch?.pause_seconds || null);
    this.maxFailures = text(job.max_failures);
    this.timeout = text(job.timeout_seconds);
    this.jobTimeout = text(job.job_timeout_seconds);
    this.runAs = job.run_as?.user ?? '';
    this.secret = job.run_as?.secret ?? '';
    this.filters = Object.fromEntries([...asked.map((id) => [id, 'with']), ...without.map((id) => [id, 'without'])]) as Record<string, FilterChoice>;
    this.workdir = '';
    this.env = [];
    this.stdin = '';
    this.refused = {};
  }

  /** Whether a filter sees the lines of this run; `usual` leaves it to the host. */
  chooseFilter(plugin: string, choice: FilterChoice | 'usual'): void {
    const others = Object.entries(this.filters).filter(([id]) => id !== plugin);
    this.filters = Object.fromEntries(choice === 'usual' ? others : [...others, [plugin, choice]]);
  }

  /** Takes what the host said of the fields that are its own; the first name that fits is where it is shown. */
  refuse(fields: Readonly<Record<string, string>>): void {
    const own: Record<string, string> = {};
    for (const [field, message] of Object.entries(fields)) {
      const known = FIELDS.find((name) => field === name || field.startsWith(`${name}.`));
      if (known) own[known] ??= message;
    }
    this.refused = own;
  }
}

/** The host's names; longer ones first, where one is the beginning of another. */
const FIELDS = [
  'batch.pause_seconds',
  'batch.size',
  'batch',
  'run_as.secret',
  'run_as.user',
  'run_as',
  'mode',
  'parallelism',
  'canary',
  'max_failures',
  'timeout_seconds',
  'job_timeout_seconds',
  'workdir',
  'env',
  'stdin',
  'filters'
];

/** `5` is a number of machines, `20%` a part of them. */
function shareOfText(text: string): Share {
  const share = text.replaceAll(/\s/g, '');
  return share.endsWith('%') ? share : Number(share);
}

function shareProblem(text: string): string {
  const share = text.replaceAll(/\s/g, '');
  if (share === '') return '';
  const parts = /^(\d{1,9})(%?)$/.exec(share);
  if (!parts) return 'A number of machines, as 5, or a part of them, as 20%.';
  const count = Number(parts[1]);
  if (parts[2] && (count < 1 || count > 100)) return 'Between 1% and 100%.';
  return count < 1 ? 'At least 1.' : '';
}

function numberProblem(text: string, min: number, max: number): string {
  if (text.trim() === '') return '';
  const value = Number(text);
  return Number.isInteger(value) && value >= min && value <= max ? '' : `A whole number from ${min} to ${max}.`;
}

function envProblem(env: readonly { key: string; value: string }[]): string {
  const keys = env.map(({ key }) => key.trim()).filter(Boolean);
  const odd = keys.find((key) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key));
  if (odd !== undefined) return `“${odd}” is no name of a variable: letters, digits and “_”, not a digit first.`;
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) return `${twice} is there twice.`;
  return env.some(({ key, value }) => key.trim() === '' && value !== '') ? 'A value has no name.' : '';
}
