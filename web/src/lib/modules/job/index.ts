export { default as Job } from './components/Job.svelte';
export { default as JobActions } from './components/JobActions.svelte';
export { default as JobFacts } from './components/JobFacts.svelte';
export { default as JobHistory } from './components/JobHistory.svelte';
export { default as JobLogModal } from './components/JobLogModal.svelte';
export { default as JobStatusBadge } from './components/JobStatusBadge.svelte';
export { default as TaskNotice } from './components/TaskNotice.svelte';
export { default as TaskPane } from './components/TaskPane.svelte';
export { default as WaveStrip } from './components/WaveStrip.svelte';
/** Loaded when it is first looked at. */
export const loadGroupedOutput = () => import('./components/GroupedOutput.svelte');
export { JobService } from './services/JobService';
export { createJobActivity, SPAN_MS, type JobActivityStore } from './stores/jobActivity.svelte';
export { createJobHistory, type JobHistoryStore } from './stores/jobHistory.svelte';
export { createJobStore, type JobStore } from './stores/jobStore.svelte';
export { createOutputGroups } from './stores/outputGroups.svelte';
export { JOB_ACTIVITY, JOB_HISTORY, JOB_SERVICE, JOB_STORE, OPEN_GROUPS } from './tokens';
export * from './types';
