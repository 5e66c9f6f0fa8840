// A job of which all machines are at work at once and each tells how far it is, twice a second as the host does it, until as many events were
// told as the job's command says: `storm 20000`. A number after that shortens the time: `storm 600000 25` tells them 25 times as fast.

/** How often a task tells how far it is, in milliseconds. */
const TELLS_EVERY_MS = 500;
/** The host puts what happens in so many milliseconds into one message, of at most so many events. */
const TOGETHER_MS = 50;
const MESSAGE_EVENTS_MAX = 256;

const wishOf = (job) => /^storm (\d+)(?: (\d+))?/.exec(job.command.script ?? '');
export const isStorm = (job) => wishOf(job) !== null;

/** `emit` tells several events in one message. */
export function storm(job, tasks, { emit, iso }) {
  const [, most, faster = 1] = wishOf(job).map(Number);
  const perTick = Math.max(1, Math.round((tasks.length * TOGETHER_MS * (faster || 1)) / TELLS_EVERY_MS));
  const update = (task, changes) => { Object.assign(task, changes); return { type: 'task-updated', job_id: job.id, vm_id: task.vm_id, changes }; };
  const updateJob = (changes) => { Object.assign(job, changes); return { type: 'job-updated', job_id: job.id, changes }; };
  const tell = (bodies) => { for (let at = 0; at < bodies.length; at += MESSAGE_EVENTS_MAX) emit(bodies.slice(at, at + MESSAGE_EVENTS_MAX)); };
  tell([...tasks.map((task) => update(task, { status: 'running', started_at: iso() })), updateJob({ status: 'running', started_at: iso(), counts: { ...job.counts, queued: 0, running: tasks.length } })]);
  let told = 0;
  const timer = setInterval(() => {
    if (told < most && job.cancel_requested_at === null) {
      tell(Array.from({ length: perTick }, () => { const task = tasks[told++ % tasks.length]; return update(task, { lines: task.lines + 3, bytes: task.bytes + 190 }); }));
      return;
    }
    // They end a few at a time.
    const ending = tasks.filter((task) => task.status === 'running').slice(0, perTick);
    const left = job.counts.running - ending.length;
    const failed = ending.filter((task) => task.position % 25 === 24).length;
    const counts = { ...job.counts, running: left, failed: job.counts.failed + failed, succeeded: job.counts.succeeded + ending.length - failed };
    tell([...ending.map((task) => update(task, { status: task.position % 25 === 24 ? 'failed' : 'succeeded', exit_code: task.position % 25 === 24 ? 1 : 0, finished_at: iso() })), updateJob({ counts, ...(left === 0 ? { status: counts.failed ? 'failed' : 'succeeded', finished_at: iso() } : {}) })]);
    if (left === 0) clearInterval(timer);
  }, TOGETHER_MS);
}
