// What the made-up host tells of jobs that survive: two jobs that stand in every state that there is, outputs in groups,
// facts, secrets, previews. The routes that change them are in mock-routes.mjs.
import { createHash } from 'node:crypto';

const GIB = 1024 ** 3;
const iso = (at) => new Date(at).toISOString();
export const hashOf = (value) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

export function factsOf(i, at) {
  const disk = [40, 80, 500, 120][i % 4] * GIB;
  return {
    os: ['Debian GNU/Linux 13 (trixie)', 'Ubuntu 24.04.3 LTS', 'Alpine Linux v3.22'][i % 3], kernel: ['Linux 6.12.41', 'Linux 6.8.0-79-generic', 'Linux 6.12.38-0-virt'][i % 3],
    arch: i % 5 === 4 ? 'aarch64' : 'x86_64', cpus: [4, 8, 2, 16][i % 4], memory_bytes: [8, 32, 4, 64][i % 4] * GIB, disk_bytes: disk, disk_free_bytes: Math.round(disk * [0.41, 0.06, 0.19, 0.63][i % 4]),
    uptime_seconds: 3_551_000 - i * 86_000, load_1: [0.42, 9.7, 0.03, 2.5][i % 4], gathered_at: iso(at - 180_000 - i * 60_000)
  };
}

export const secrets = (at) => [
  { name: 'db.replica', created_at: iso(at - 9e9), updated_at: iso(at - 9e8), vms: ['db-1', 'db-2', 'db-3'] },
  { name: 'fleet.passphrase', created_at: iso(at - 8e9), updated_at: iso(at - 8e9), vms: ['web-1a'] },
  { name: 'web.sudo', created_at: iso(at - 4e8), updated_at: iso(at - 36e5), vms: [] }
];

const receipt = (at, more) => ({ at: iso(at), signalled: 3, killed: 0, gone: 3, survivors: [], unknown: '', message: '3 processes ended when told to', ...more });
const ENDS = [
  { status: 'unknown', message: 'its folder on the machine is gone, so nobody can tell how it ended; look at the machine, or check again' },
  { status: 'failed', exit_code: 2 },
  { status: 'timed_out', signal: 'KILL', message: 'took longer than 600 s', receipt: (at) => receipt(at, { signalled: 5, killed: 4, gone: 3, survivors: [4711, 4718], message: '1 process ended when told to, 2 were killed, 2 are still there' }) },
  { status: 'cancelled', signal: 'TERM', message: '', receipt: (at) => receipt(at) },
  { status: 'cancelled', signal: 'TERM', receipt: (at) => receipt(at, { signalled: 0, gone: 0, unknown: 'the machine did not answer within 30 s', message: 'whether its processes ended is not known: the machine did not answer within 30 s' }) },
  { status: 'unreachable', message: 'connect: no answer within 5 s; is the machine up and the port open?' },
  { status: 'cancelled', message: '3 of 12 have failed, so no more began', started_at: null },
  { status: 'failed', exit_code: 1, message: '' }
];

/** A job that has ended in every way, and one that is at work in batches with a machine out of sight. */
export function tellStories({ vms, newJob, tasksOf, countsOf, command, at }) {
  const ids = vms.slice(0, 12).map((vm) => vm.id);
  tellEarlier({ vms, newJob, tasksOf, countsOf, command, at });
  const before = newJob({ command, targets: { vms: ids } }, at - 1_900_000);
  Object.assign(before, { status: 'succeeded', started_at: iso(at - 1_900_000), finished_at: iso(at - 1_880_000) });
  tasksOf(before.id).forEach((task) => Object.assign(task, { status: 'succeeded', exit_code: 0, lines: 24, bytes: 900, started_at: before.started_at, finished_at: before.finished_at }));
  before.counts = countsOf(tasksOf(before.id));

  const mixed = newJob({ command, targets: { vms: ids }, run_as: { user: 'root', secret: 'web.sudo' }, timeout_seconds: 600, max_failures: 3 }, at - 40_000);
  tasksOf(mixed.id).forEach((task, i) => {
    const end = ENDS[i] ?? { status: 'succeeded', exit_code: 0 };
    Object.assign(task, { lines: 40 + i * 7, bytes: 2100 + i * 80, started_at: iso(at - 39_000), finished_at: iso(at - 30_000 + i * 900), ...end, ...(end.receipt ? { receipt: end.receipt(at - 29_000) } : {}), ...(end.started_at === null ? { lines: 0, bytes: 0 } : {}) });
  });
  Object.assign(mixed, { status: 'failed', retry_of: before.id, counts: countsOf(tasksOf(mixed.id)), started_at: iso(at - 39_000), finished_at: iso(at - 20_000) });

  const rolling = newJob({ command, targets: { vms: vms.slice(0, 16).map((vm) => vm.id) }, canary: 1, batch: { size: '25%', pause_seconds: 30 }, max_failures: '10%', job_timeout_seconds: 3600 }, at - 25_000);
  const NOW = ['succeeded', 'succeeded', 'succeeded', 'failed', 'succeeded', 'running', 'running', 'running', 'connecting'];
  tasksOf(rolling.id).forEach((task, i) => {
    const status = NOW[i] ?? 'queued';
    const begun = status !== 'queued';
    Object.assign(task, { status, lines: begun ? 60 + i * 9 : 0, bytes: begun ? 3000 : 0, started_at: begun ? iso(at - 24_000 + i * 1000) : null });
    if (status === 'succeeded' || status === 'failed') Object.assign(task, { exit_code: status === 'failed' ? 1 : 0, finished_at: iso(at - 12_000) });
    if (i === 6) Object.assign(task, { contact_lost_at: iso(at - 12_000) });
  });
  Object.assign(rolling, { status: 'running', started_at: iso(at - 24_000), counts: countsOf(tasksOf(rolling.id)) });
}

/** How long ago the command of the stories ran before, in hours, and which of its machines did not do well then. */
const EARLIER = [
  { hours: 5, failed: [1], unknown: [9] },
  { hours: 11, failed: [1, 6] },
  { hours: 26, failed: [] },
  { hours: 49, failed: [1], unreachable: [4] },
  { hours: 74, failed: [1, 2], timed_out: [8], without: [10, 11] },
  { hours: 98, failed: [], without: [10, 11] },
  { hours: 170, failed: [1], without: [10, 11] },
  { hours: 340, failed: [6], without: [10, 11] }
];

/** Runs of the same command on the same machines, of which one fails again and again; six go at once, the others wait. */
function tellEarlier({ vms, newJob, tasksOf, countsOf, command, at }) {
  const AT_ONCE = 6;
  for (const [n, { hours, failed, unknown = [], unreachable = [], timed_out = [], without = [] }] of EARLIER.entries()) {
    const begin = at - hours * 3_600_000;
    const targets = vms.slice(0, 12).map((vm) => vm.id).filter((_, i) => !without.includes(i));
    const job = newJob({ command, targets: { vms: targets }, parallelism: AT_ONCE }, begin);
    const free = Array(AT_ONCE).fill(0);
    tasksOf(job.id).forEach((task, i) => {
      const status = failed.includes(i) ? 'failed' : unknown.includes(i) ? 'unknown' : unreachable.includes(i) ? 'unreachable' : timed_out.includes(i) ? 'timed_out' : 'succeeded';
      const lane = free.indexOf(Math.min(...free));
      const from = free[lane] + 40 * i;
      const took = timed_out.includes(i) ? 30_000 : 2400 + ((i * 7919 + n * 1543) % 5200);
      free[lane] = from + took;
      Object.assign(task, { status, exit_code: status === 'succeeded' ? 0 : status === 'failed' ? 3 : null, lines: 24 + i, bytes: 900 + 40 * i, started_at: iso(begin + from), finished_at: iso(begin + from + took) });
    });
    const counts = countsOf(tasksOf(job.id));
    const status = counts.failed + counts.unreachable + counts.timed_out > 0 ? 'failed' : counts.unknown > 0 ? 'unknown' : 'succeeded';
    Object.assign(job, { status, counts, started_at: iso(begin), finished_at: iso(begin + Math.max(...free)) });
  }
}

const SAME = ['Linux web 6.12.41 x86_64', 'nginx/1.26.3', 'openssl 3.5.1', 'root    ok', 'swap    off', 'upgrade 0 pending'];
const OTHERS = [
  { lines: ['Linux web 6.12.41 x86_64', 'nginx/1.24.0', 'openssl 3.5.1', 'root    ok', 'swap    off', '\u001b[33mupgrade 14 pending\u001b[0m'], diff: '@@ -1,6 +1,6 @@\n Linux web 6.12.41 x86_64\n-nginx/1.26.3\n+nginx/1.24.0\n openssl 3.5.1\n root    ok\n swap    off\n-upgrade 0 pending\n+upgrade 14 pending\n' },
  { lines: [...SAME.slice(0, 3), '\u001b[1;31mroot    97 % full\u001b[0m', ...SAME.slice(4)], diff: '@@ -1,6 +1,6 @@\n Linux web 6.12.41 x86_64\n nginx/1.26.3\n openssl 3.5.1\n-root    ok\n+root    97 % full\n swap    off\n upgrade 0 pending\n' }
];

/** The tasks that have ended, by what they are made to have written: two kinds and those that failed, or of each machine something else. */
export function groupsOf(tasks, isFinal, different = false) {
  if (different) return differentOf(tasks, isFinal);
  const ended = tasks.filter((task) => isFinal(task.status) && task.started_at !== null);
  const kindOf = (task) => (task.status === 'failed' ? 2 : task.position % 5 === 4 ? 1 : 0);
  const groups = [0, 1, 2]
    .map((kind) => {
      const members = ended.filter((task) => kindOf(task) === kind);
      const { lines, diff } = kind === 0 ? { lines: SAME, diff: null } : OTHERS[kind - 1];
      const text = `${lines.join('\n')}\n`;
      return {
        digest: hashOf(text), lines: lines.length, bytes: text.length, exit_code: kind === 2 ? 1 : 0, text, truncated: false, diff: diff && `--- ${members[0]?.vm_name}\n+++ web\n${diff}`,
        vms: members.map(({ vm_id, vm_name, status }) => ({ vm_id, vm_name, status }))
      };
    })
    .filter((group) => group.vms.length > 0)
    .sort((a, b) => b.vms.length - a.vms.length)
    .map((group, i) => (i === 0 ? { ...group, diff: null } : { ...group, diff: group.diff ?? '' }));
  return { total: tasks.length, pending: tasks.filter((task) => !isFinal(task.status)).length, groups };
}

function differentOf(tasks, isFinal) {
  const ended = tasks.filter((task) => isFinal(task.status) && task.started_at !== null);
  const groups = ended.map(({ vm_id, vm_name, status, position, exit_code }, i) => {
    const line = (n) => ` 06:12:${String(n % 60).padStart(2, '0')} up ${n} days,  3:07,  1 user,  load average: 0.${n % 97}, 0.${n % 89}, 0.${n % 83}`;
    const text = `${line(position)}\n`;
    return {
      digest: hashOf(text + vm_name), lines: 1, bytes: text.length, exit_code, text, truncated: false, vms: [{ vm_id, vm_name, status }],
      diff: i === 0 ? null : `--- ${ended[0].vm_name}\n+++ ${vm_name}\n@@ -1 +1 @@\n-${line(ended[0].position)}\n+${line(position)}\n`
    };
  });
  return { total: tasks.length, pending: tasks.length - ended.length, groups };
}

/** Machines of which a preview tells what they would run. */
const PREVIEWED_MAX = 1000;

export function previewOf(body, job, vms) {
  const targets = body.targets.vms;
  const share = (value) => Math.max(1, String(value).endsWith('%') ? Math.ceil((targets.length * Number.parseInt(value, 10)) / 100) : Number(value));
  const waves = [];
  let rest = targets;
  const take = (name, count) => { waves.push({ name, vms: rest.slice(0, count) }); rest = rest.slice(count); };
  if (body.canary) take('canary', Math.min(rest.length, share(body.canary)));
  const size = body.batch ? share(body.batch.size) : rest.length;
  for (let n = 1; rest.length > 0; n++) take(body.batch ? `batch ${n}` : body.canary ? 'rest' : 'all', size);
  const words = job.command.argv ? job.command.argv.join(' ') : job.command.script;
  const whole = `${body.workdir ? `cd ${body.workdir} && ` : ''}${Object.entries(body.env ?? {}).map(([key, value]) => `${key}=${value} `).join('')}${words}`;
  const shell = body.run_as ? `sudo ${body.run_as.secret ? '-S' : '-n'} -u ${body.run_as.user} -- /bin/sh -c '${whole}'` : whole;
  const items = targets.slice(0, PREVIEWED_MAX).map((id) => ({ vm_id: id, vm_name: vms.find((vm) => vm.id === id)?.name ?? id, command: job.command, env: body.env ?? {}, workdir: body.workdir ?? null, shell }));
  return { dry_run: true, command_hash: hashOf(items.map((item) => item.shell)), total: targets.length, waves, items };
}
