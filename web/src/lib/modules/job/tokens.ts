import { token } from '$lib/core/container';
import type { JobService } from './services/JobService';
import type { JobActivityStore } from './stores/jobActivity.svelte';
import type { JobHistoryStore } from './stores/jobHistory.svelte';
import type { JobRuns } from './stores/jobRuns.svelte';
import type { JobStore } from './stores/jobStore.svelte';
import type { OutputGroups } from './stores/outputGroups.svelte';
import type { Job } from './types';

export const JOB_STORE = token<JobStore>('jobStore');
export const JOB_SERVICE = token<JobService>('jobService');
export const JOB_HISTORY = token<JobHistoryStore>('jobHistory');
export const JOB_ACTIVITY = token<JobActivityStore>('jobActivity');
/** Opens a job's grouped output; whoever opens it closes it. */
export const OPEN_GROUPS = token<(job: string) => OutputGroups>('openGroups');
/** Opens the runs of the same thing as a job; whoever opens them closes them. */
export const OPEN_RUNS = token<(job: Job) => JobRuns>('openRuns');
