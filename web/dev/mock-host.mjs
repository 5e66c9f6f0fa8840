// A host to develop the dashboard against: the routes and the socket of docs/protocol.md with made-up machines and
// lively output, no Rust needed; what it tells of jobs that survive is in mock-story.mjs. Serves web/build under the host's own content security policy.
//
//   node dev/mock-host.mjs [--port 8477] [--vms 24] [--lines 10000000] [--jobs 130]
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';
import { frame } from './mock-frame.mjs';
import { exported, kindAt, search } from './mock-output.mjs';
import { isHose, openHose } from './mock-hose.mjs';
import { pluginRoutes, plugins } from './mock-plugins.mjs';
import { moreRoutes } from './mock-routes.mjs';
import { isStorm, storm } from './mock-storm.mjs';
import { factsOf, hashOf, secrets as storedSecrets, tellStories } from './mock-story.mjs';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '8477' },
    vms: { type: 'string', default: '24' },
    lines: { type: 'string', default: '1200000' },
    jobs: { type: 'string', default: '130' }
  }
});
const BUILD = new URL('../build/', import.meta.url).pathname;
/** Another one is another stream: whoever comes back to it is told all anew. */
let epoch = 'mock-epoch';
const START = Date.now();

let counter = 0;
const uuid = (at = Date.now()) => {
  const time = at.toString(16).padStart(12, '0');
  const tail = (++counter).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7abc-8def-${tail}`;
};
const iso = (at = Date.now()) => new Date(at).toISOString();
const pick = (list, n) => list[n % list.length];

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl3dIeudNqd0DPMRD6OIh65tjk9Cx6nkTiGqgrYHVLk';
const OTHER_KEY = 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHoxsGWoWBsJ1k3m';
const vms = Array.from({ length: Number(flags.vms) }, (_, i) => {
  const role = pick(['web', 'web', 'web', 'db', 'cache', 'worker'], i);
  const env = i % 5 === 4 ? 'staging' : 'prod';
  const online = i % 11 !== 7 && i !== 4;
  return {
    id: uuid(START - 1e9 + i), name: `${role}-${env === 'prod' ? '' : 'stg-'}${Math.floor(i / 6) + 1}${i % 6 < 3 ? 'abc'[i % 3] : ''}`,
    address: `10.20.${Math.floor(i / 200)}.${(i % 200) + 11}`, port: i % 7 === 3 ? 2222 : 22, user: 'deploy', transport: 'ssh',
    labels: { env, role, region: pick(['fra', 'ams', 'iad'], i), ...(i === 2 ? { canary: '' } : {}) },
    status: online ? 'online' : 'offline', latency_ms: online ? 2 + ((i * 7) % 41) : null,
    message: i === 4 ? 'host key: it has changed; compare it and decide' : online ? '' : i === 7 ? 'host key: the key is not known; compare it and accept it' : 'connect: no answer within 5 s; is the machine up and the port open?',
    checked_at: iso(START - i * 900), offered_host_key: i === 7 ? KEY : i === 4 ? OTHER_KEY : null,
    auth: i % 3 ? { kind: 'agent' } : { kind: 'key', identity_file: '~/.ssh/fleet_ed25519', secret: 'fleet.passphrase' },
    jump: [], source: i < 8 ? { plugin: 'ssh-config', external_id: `h${i}` } : null,
    host_keys: i === 7 ? [] : [{ key: KEY, fingerprint: 'SHA256:5n1Lr6yVd2uPq0J3hYb8m4Tt0cZxkqW7eRz9sAfGvUo', pinned_at: iso(START - 864e5 * 12) }, ...(i === 0 ? [{ key: OTHER_KEY, fingerprint: 'SHA256:Yk2u0mR4vQe9sXb7Tt1LwPz3cJhGfNdA6oKiBqUlE5M', pinned_at: iso(START - 864e5 * 2) }] : [])],
    revoked_host_keys: i === 0 ? [{ key: KEY.replace('CGC', 'XYZ'), fingerprint: 'SHA256:b1Qm7XvE0pLr4sWt9yKcZ2hUaGdNfJoI8TzRlVxYqMe', revoked_at: iso(START - 864e5 * 3) }] : [],
    options: i === 0 ? { keepalive_seconds: 30, ciphers: ['aes256-gcm@openssh.com', 'aes256-ctr'] } : {}, facts: online && i !== 5 ? factsOf(i, START) : null,
    accept_new_host_key: false, version: 1, created_at: iso(START - 1e9), updated_at: iso(START - 1e8)
  };
});

// Two are reached through others, where there are so many.
if (vms.length > 5) {
  vms[1].jump = [vms[0].id];
  vms[5].jump = [vms[0].id, vms[3].id];
}

const object = (properties = {}, required = []) => ({ type: 'object', properties, required, additionalProperties: false });
const template = (id, title, description, category, parameters = object(), more = {}) => ({
  id: `templates/${id}`, origin: 'plugin', plugin: 'templates', title, description, category, parameters, mode: 'direct', dangerous: false, timeout_seconds: null, applies_to: '', ...more
});
const templates = [
  template('disk-usage', 'Disk usage', 'Free space of every mounted file system, fullest first', 'Inspect', object({ path: { type: 'string', default: '/', description: 'Where to look', pattern: '^/' }, depth: { type: 'integer', minimum: 1, maximum: 6, default: 2 } })),
  template('top', 'Busiest processes', 'What uses the most CPU and memory right now', 'Inspect', object({ count: { type: 'integer', default: 10, minimum: 1, maximum: 100, description: 'How many' }, by: { enum: ['cpu', 'memory'], default: 'cpu', title: 'Sort by' } })),
  template('journal', 'Read the journal', 'Recent entries of a unit, with the level as colour', 'Inspect', object({ unit: { type: 'string', description: 'A systemd unit', pattern: '^[A-Za-z0-9@._-]+$', examples: ['nginx.service'] }, since: { enum: ['10 min', '1 h', '24 h'], default: '1 h' }, kernel: { type: 'boolean', default: false, title: 'Kernel messages too' } }, ['unit'])),
  template('deploy', 'Deploy a release', 'Fetches a release, checks it, switches over and waits until it answers', 'Release', object({ version: { type: 'string', pattern: '^v[0-9]+\\.[0-9]+\\.[0-9]+$', description: 'A tag such as v2.14.0', examples: ['v2.14.0'] }, strategy: { enum: ['rolling', 'all at once'], default: 'rolling' }, health: { type: 'string', title: 'Health check', default: 'http://127.0.0.1:8080/healthz' } }, ['version']), { applies_to: 'role=web', timeout_seconds: 600 }),
  template('rollback', 'Roll back', 'Switches to the release before', 'Release', object(), { applies_to: 'role=web', dangerous: true }),
  template('restart', 'Restart a service', 'Restarts a unit and waits until it runs', 'Services', object({ unit: { type: 'string', examples: ['nginx.service'] } }, ['unit']), { dangerous: true }),
  template('packages', 'Pending updates', 'Packages that have a newer version', 'Maintain'),
  template('certs', 'Certificates that end soon', 'Looks into every certificate under a folder', 'Maintain', object({ days: { type: 'number', default: 30, exclusiveMinimum: 0 } })),
  { ...template('x', 'Rotate the logs', 'Forces a rotation and shows what was freed', 'Maintain'), id: 'saved/rotate-logs', origin: 'saved', plugin: undefined, slug: 'rotate-logs', script: 'logrotate --force /etc/logrotate.conf\ndu -sh /var/log' }
];
const settings = {};
const jobs = new Map();
const tasks = new Map();
const logs = new Map();
const zero = () => ({ queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, timed_out: 0, unreachable: 0, unknown: 0 });
const slot = (status) => (status === 'connecting' ? 'running' : status);
const FINAL = new Set(['succeeded', 'failed', 'cancelled', 'timed_out', 'unreachable', 'unknown']);

let seq = 4700;
/** Events that whoever comes back is told. */
const EVENTS_MAX = 4096;
const events = [];
const stateChannels = new Set();
function emit(body) {
  const told = [body].flat().map((each) => ({ seq: ++seq, epoch, at: iso(), actor: 'host', ...each }));
  events.push(...told);
  if (events.length > EVENTS_MAX) events.splice(0, events.length - EVENTS_MAX);
  for (const channel of stateChannels) channel.send({ t: 'events', ch: channel.ch, epoch, events: told });
}

const E = '\u001b[';
const OUTPUT = [
  (n) => `${E}2m==>${E}0m step ${E}1m${n}${E}0m of the release`,
  (n) => `${E}32m✓${E}0m fetched ${E}36mreleases/v2.14.0.tar.zst${E}0m  ${(n * 13) % 97}.${n % 10} MiB in ${n % 9}.${n % 7} s`,
  (n) => `GET /healthz ${E}32m200${E}0m ${(n * 3) % 17} ms   upstream=app-${n % 4} request_id=${(n * 7919).toString(16)}`,
  (n) => `GET /api/orders/${n * 31} ${n % 9 === 3 ? `${E}33m404` : `${E}32m200`}${E}0m ${(n * 11) % 230} ms`,
  () => `${E}38;5;208mcache${E}0m warm ${E}48;5;236m ██████████ ${E}0m ${E}38;2;120;200;255m100 %${E}0m`,
  (n) => `level=info msg="worker ready" pid=${4000 + n} queue=default token=${E}7m[redacted]${E}0m`
];
function lineAt(n, at) {
  const warn = n % 23 === 19;
  const error = n % 57 === 41;
  const text = error ? `${E}1;31merror${E}0m connection to db-1 reset by peer, trying again (${n % 4})` : warn ? `${E}33mwarning${E}0m pool is at ${70 + (n % 29)} %` : pick(OUTPUT, n)(n);
  return { n, at, stderr: error || warn, partial: false, text, ...(error ? { annotations: { level: 'error' } } : warn ? { annotations: { level: 'warn' } } : {}), ...(text.includes('redacted') ? { changedBy: ['redact'] } : {}) };
}

function newJob(body, at = Date.now(), targets = body.targets.vms) {
  const known = body.template && templates.find((each) => each.id === body.template.id);
  const job = {
    id: uuid(at), status: 'queued', mode: body.mode ?? 'durable', command: body.command ?? (known?.script ? { script: known.script } : { argv: ['/usr/local/bin/' + (known?.id.split('/')[1] ?? 'x'), ...Object.entries(body.template.args ?? {}).flatMap(([k, v]) => [`--${k}`, String(v)])] }),
    template: body.template ?? null, targets, counts: { ...zero(), queued: targets.length }, parallelism: body.parallelism ?? 64, timeout_seconds: body.timeout_seconds ?? null, command_hash: hashOf([body.command, body.template, targets]),
    ...Object.fromEntries(['canary', 'batch', 'max_failures', 'job_timeout_seconds', 'run_as'].filter((key) => body[key]).map((key) => [key, body[key]])),
    created_by: 'user:admin', plugins: { templates: '0.1.0' }, created_at: iso(at), started_at: null, finished_at: null, cancel_requested_at: null
  };
  jobs.set(job.id, job);
  tasks.set(job.id, targets.map((vm, position) => ({ job_id: job.id, vm_id: vm, vm_name: vms.find((each) => each.id === vm)?.name ?? vm, position, status: 'queued', exit_code: null, signal: null, lines: 0, bytes: 0, started_at: null, finished_at: null, message: '', contact_lost_at: null, cancel_requested_at: null, receipt: null })));
  return job;
}
function changeTask(job, task, changes) {
  if (changes.status && changes.status !== task.status) {
    job.counts = { ...job.counts, [slot(task.status)]: job.counts[slot(task.status)] - 1 };
    job.counts[slot(changes.status)]++;
  }
  Object.assign(task, changes);
  emit({ type: 'task-updated', job_id: job.id, vm_id: task.vm_id, changes });
  const open = job.counts.queued + job.counts.running;
  const bad = job.counts.failed + job.counts.timed_out + job.counts.unreachable;
  const status = open ? 'running' : bad ? 'failed' : job.counts.unknown ? 'unknown' : job.counts.cancelled ? 'cancelled' : 'succeeded';
  const more = { status, counts: job.counts, ...(job.started_at ? {} : { started_at: iso() }), ...(open ? {} : { finished_at: iso() }) };
  Object.assign(job, more);
  emit({ type: 'job-updated', job_id: job.id, changes: more });
}
function play(job) {
  if (isHose(job)) return hose(job);
  if (isStorm(job)) return storm(job, tasks.get(job.id), { emit, iso });
  tasks.get(job.id).forEach((task, i) => {
    const vm = vms.find((each) => each.id === task.vm_id);
    const log = { lines: [], complete: false, watchers: new Set() };
    logs.set(`${job.id}/${task.vm_id}`, log);
    const end = (status, changes) => {
      log.complete = true;
      changeTask(job, task, { status, lines: log.lines.length, bytes: log.lines.length * 64, finished_at: iso(), ...changes });
      for (const watcher of log.watchers) watcher();
    };
    setTimeout(() => {
      if (FINAL.has(task.status)) return;
      changeTask(job, task, { status: 'connecting', started_at: iso() });
      setTimeout(() => {
        if (FINAL.has(task.status)) return;
        if (vm?.status === 'offline') return end('unreachable', { message: vm.message });
        changeTask(job, task, { status: 'running' });
        const until = 40 + ((i * 53) % 160);
        const timer = setInterval(() => {
          for (let k = 0; k < 3; k++) log.lines.push(lineAt(log.lines.length, Date.now()));
          for (const watcher of log.watchers) watcher();
          if (FINAL.has(task.status)) {
            clearInterval(timer);
            log.complete = true;
          } else if (log.lines.length >= until) {
            clearInterval(timer);
            end(i % 6 === 4 ? 'failed' : 'succeeded', { exit_code: i % 6 === 4 ? 2 : 0 });
          } else if (log.lines.length % 15 === 0) changeTask(job, task, { lines: log.lines.length, bytes: log.lines.length * 64 });
        }, 90 + (i % 5) * 20);
      }, 150 + i * 30);
    }, i * 40);
  });
}
for (let i = 0; i < Number(flags.jobs); i++) {
  const at = START - i * 2_700_000 - 60_000;
  const known = pick(templates, i * 5 + 1);
  const job = newJob(i % 4 === 3 ? { command: { script: pick(['uptime', 'df -h /\nfree -m', 'systemctl --failed --no-legend'], i) }, targets: { vms: [] } } : { template: { id: known.id, args: i % 3 ? {} : { version: 'v2.13.1' } }, targets: { vms: [] } }, at, vms.slice((i * 3) % 8, ((i * 3) % 8) + 1 + ((i * 7) % 14)).map((vm) => vm.id));
  const failed = i % 7 === 2 ? 1 + (i % 2) : 0;
  tasks.get(job.id).forEach((task, k) => Object.assign(task, { status: k < failed ? 'failed' : 'succeeded', exit_code: k < failed ? 1 : 0, lines: i === 0 && k === 0 ? Number(flags.lines) : 180 + k * 31, bytes: 18_000 + k * 900, started_at: iso(at), finished_at: iso(at + 4000 + k * 700) }));
  const bad = Math.min(failed, job.targets.length);
  Object.assign(job, { status: bad ? 'failed' : i % 17 === 9 ? 'cancelled' : 'succeeded', counts: { ...zero(), succeeded: job.targets.length - bad, failed: bad }, started_at: iso(at), finished_at: iso(at + 9000) });
}
const countsOf = (list) => list.reduce((counts, task) => ({ ...counts, [slot(task.status)]: counts[slot(task.status)] + 1 }), zero());
tellStories({ vms, newJob, tasksOf: (id) => tasks.get(id), countsOf, at: START, command: { script: 'apt-get -q update\napt-get -qy upgrade nginx\nnginx -t && systemctl reload nginx' } });
const secrets = storedSecrets(START);

/** A job of which every machine writes without end, far faster than anybody reads. */
function hose(job) {
  for (const task of tasks.get(job.id)) {
    const log = openHose(job);
    logs.set(`${job.id}/${task.vm_id}`, log);
    changeTask(job, task, { status: 'running', started_at: iso() });
    const timer = setInterval(() => {
      for (const watcher of log.watchers) watcher();
      if (FINAL.has(task.status)) { clearInterval(timer); log.end(); }
    }, 10);
  }
}

function logOf(jobId, vmId) {
  const live = logs.get(`${jobId}/${vmId}`);
  if (live?.frames) return { ...live, watch: live.watchers, total: live.total, line: live.line };
  if (live) return { total: () => live.lines.length, complete: () => live.complete, line: (n) => live.lines[n], watch: live.watchers };
  const task = tasks.get(jobId)?.find((each) => each.vm_id === vmId);
  if (!task) return null;
  const base = Date.parse(task.started_at ?? iso());
  const at = (n) => base + n * 21 + (n % 7) * task.position;
  // The second machine of every job has all kinds of lines; the sixth of the mixed one has a stretch that is damaged; of the oldest job nothing is kept.
  const kinds = task.position === 1;
  const damaged = task.position === 5 && task.lines > 60 && task.lines < 90 ? { first: 20, count: 12 } : null;
  return { total: () => task.lines, complete: () => true, line: (n) => (kinds && kindAt(n, at(n))) || lineAt(n, at(n)), watch: new Set(), damaged, removed: jobId === [...jobs.keys()][129] };
}
setInterval(() => {
  const vm = vms[Math.floor(Math.random() * vms.length)];
  if (vm.status !== 'online') return;
  vm.latency_ms = Math.max(1, vm.latency_ms + Math.round((Math.random() - 0.5) * 6));
  vm.checked_at = iso();
  emit({ type: 'vm-status-changed', id: vm.id, status: vm.status, latency_ms: vm.latency_ms, message: '', checked_at: vm.checked_at, offered_host_key: vm.offered_host_key });
}, 700);

const snapshot = () => ({
  epoch, seq, vms, jobs: [...jobs.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, 50), tasks: [...jobs.values()].filter((job) => !FINAL.has(job.status)).flatMap((job) => tasks.get(job.id)),
  templates, template_problems: [{ plugin: 'templates', problems: ['backup.yaml: line 7: `paramters` is not a field; did you mean `parameters`?'] }], plugins, settings, sources: ['ssh-config']
});

class Problem extends Error {
  constructor(status, title, detail, errors = []) {
    super(detail);
    this.body = { type: 'about:blank', title, status, detail, errors };
  }
}
const found = () => [0, 1, 2, 3, 4].map((i) => ({ external_id: `host-${i}`, name: ['bastion', 'web-1a', 'build-1', 'build-2', 'old-db'][i], address: `10.9.0.${i + 4}`, port: 22, user: 'deploy', transport: 'ssh', labels: { group: 'ssh' }, auth: { kind: 'agent' }, jump_ids: i > 1 ? ['bastion'] : [], running: null, existing: i === 1 || i === 4 ? vms[i].id : null, difference: ['new', 'changed', 'new', 'new', 'same'][i], changed_fields: i === 1 ? ['address'] : [] }));

const isFinal = (status) => FINAL.has(status);
const routes = [
  ...pluginRoutes({ Problem, emit, iso, start: START }),
  ...moreRoutes({ Problem, vms, jobs, tasks, secrets, emit, iso, newJob, play, changeTask, isFinal }),
  ['PUT', /^\/api\/settings\/([^/]+)$/, ([key], { value }) => { settings[decodeURIComponent(key)] = value; emit({ type: 'setting-changed', key: decodeURIComponent(key), value }); return { key, value }; }],
  // What a night's sleep or a new host is for the page: its socket is gone, and what it knew is of yesterday.
  ['POST', /^\/api\/mock\/sleep$/, () => { epoch = uuid(); events.length = 0; for (const socket of sockets.clients) socket.terminate(); return { epoch }; }],
  ['GET', /^\/api\/auth\/me$/, () => ({ name: 'user:admin', role: 'admin', via: 'cookie', expires_at: iso(START + 6e8) })],
  ['POST', /^\/api\/vms$/, (_, body) => {
    if (vms.some((vm) => vm.name === body.name)) throw new Problem(409, 'Conflict', `There is a VM named ${body.name} already; choose another name.`, [{ field: 'name', message: 'Is taken.' }]);
    const vm = { ...vms[0], ...body, id: uuid(), status: 'unknown', latency_ms: null, offered_host_key: null, host_keys: [], source: null, version: 1 };
    vms.push(vm);
    emit({ type: 'vm-added', vm });
    return vm;
  }],
  ['PUT', /^\/api\/vms\/([^/]+)$/, ([id], body) => { const vm = vms.find((each) => each.id === id); Object.assign(vm, body, { version: vm.version + 1 }); emit({ type: 'vm-updated', vm }); return vm; }],
  ['DELETE', /^\/api\/vms\/([^/]+)$/, ([id]) => { vms.splice(vms.findIndex((vm) => vm.id === id), 1); emit({ type: 'vm-removed', id }); return undefined; }],
  ['POST', /^\/api\/discovery\/([^/]+)$/, ([source]) => ({ source, at: iso(), items: found() })],
  ['POST', /^\/api\/discovery\/([^/]+)\/import$/, (_, body) => ({ added: body.external_ids, updated: [], unchanged: 0, problems: [] })],
  ['POST', /^\/api\/commands$/, (_, body) => { const saved = { ...templates[0], ...body, parameters: object(), id: `saved/${body.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`, origin: 'saved', plugin: undefined }; templates.push(saved); emit({ type: 'template-saved', template: saved }); return saved; }],
  ['DELETE', /^\/api\/commands\/(.+)$/, ([id]) => { emit({ type: 'template-removed', id: decodeURIComponent(id) }); return undefined; }],
  ['GET', /^\/api\/jobs$/, (_, __, query) => { let all = [...jobs.values()].sort((a, b) => (a.id < b.id ? 1 : -1)); for (const key of ['status']) if (query.get(key)) all = all.filter((job) => job[key] === query.get(key)); if (query.get('vm')) all = all.filter((job) => job.targets.includes(query.get('vm'))); if (query.get('template')) all = all.filter((job) => job.template?.id === query.get('template')); if (query.get('cursor')) all = all.filter((job) => job.id < query.get('cursor')); const limit = Number(query.get('limit') ?? 50); return { items: all.slice(0, limit), next_cursor: all.length > limit ? all[limit - 1].id : null }; }],
  ['GET', /^\/api\/jobs\/([^/]+)$/, ([id]) => { if (!jobs.has(id)) throw new Problem(404, 'Not found', `There is no job ${id}.`); return { ...jobs.get(id), tasks: tasks.get(id) }; }],
  ['GET', /^\/api\/jobs\/([^/]+)\/tasks\/([^/]+)\/log$/, ([job, vm], _, query) => { const log = logOf(job, vm); if (log.removed) throw new Problem(410, 'The output is not kept any more', REMOVED); const total = log.total(); const asked = Number(query.get('from') ?? 0); const from = asked < 0 ? Math.max(0, total + asked) : asked; const to = Math.min(total, from + Math.min(4096, Number(query.get('count') ?? 1000))); const lines = []; const bad = log.damaged; if (bad && from >= bad.first && from < bad.first + bad.count) return { task: { job_id: job, vm_id: vm }, from, total, complete: log.complete(), next: bad.first + bad.count, lines, damaged: [bad] }; for (let n = from, size = 0; n < (bad && from < bad.first ? Math.min(to, bad.first) : to) && size < 1_048_576; n++) { const line = log.line(n); size += line.text.length; lines.push({ n, at: iso(line.at), stream: line.stderr ? 'stderr' : 'stdout', text: line.text, partial: line.partial, annotations: line.annotations ?? {}, changed_by: line.changedBy ?? [] }); } return { task: { job_id: job, vm_id: vm }, from, total, complete: log.complete(), next: to < total ? to : null, lines, damaged: [] }; }]
];

const REMOVED = 'The output of this task is not kept any more: it was removed as the settings for output say.';
const index = () => readFileSync(join(BUILD, 'index.html'), 'utf8');
const policy = () => {
  const hashes = [...index().matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  return `default-src 'self'; script-src 'self' ${hashes.join(' ')}; style-src 'self'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://127.0.0.1:${flags.port}; object-src 'none'; base-uri 'none'`;
};
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  const answer = (status, body, type = 'application/json') => { response.writeHead(status, { 'content-type': type, 'content-security-policy': policy() }); response.end(body); };
  if (!url.pathname.startsWith('/api')) {
    const file = join(BUILD, normalize(url.pathname));
    const exists = extname(file) && existsSync(file);
    return answer(200, exists ? readFileSync(file) : index(), TYPES[exists ? extname(file) : '.html'] ?? 'application/octet-stream');
  }
  const file = /^\/api\/jobs\/([^/]+)\/tasks\/([^/]+)\/log\/export$/.exec(url.pathname);
  if (file) return exported(logOf(file[1], file[2]), url.searchParams, file[1], response);
  let text = '';
  for await (const chunk of request) text += chunk;
  try {
    if (url.pathname === '/api/search/logs') return await search(url.searchParams, response, { jobs, tasks, logOf, Problem });
    for (const [method, path, run] of routes) {
      const match = method === request.method && path.exec(url.pathname);
      if (!match) continue;
      const body = run(match.slice(1), text ? JSON.parse(text) : {}, url.searchParams);
      return body === undefined ? (response.writeHead(204), response.end()) : answer(200, JSON.stringify(body));
    }
    throw new Problem(404, 'Not found', `${request.method} ${url.pathname} is not mocked.`);
  } catch (cause) {
    const problem = cause instanceof Problem ? cause.body : { title: 'Fault', status: 500, detail: String(cause) };
    answer(problem.status, JSON.stringify(problem), 'application/problem+json');
  }
});

const sockets = new WebSocketServer({ server, path: '/api/ws', handleProtocols: () => 'corral.v1' });
sockets.on('connection', (socket) => {
  const send = (message) => socket.send(JSON.stringify(message));
  const channels = new Map();
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.t === 'ping') send({ t: 'pong', id: message.id });
    else if (message.t === 'unsubscribe') { channels.get(message.ch)?.close(); channels.delete(message.ch); send({ t: 'unsubscribed', ch: message.ch }); }
    else if (message.t === 'credit') channels.get(message.ch)?.credit?.(message.lines);
    else if (message.topic === 'state') {
      const channel = { ch: message.ch, send, close: () => stateChannels.delete(channel) };
      channels.set(message.ch, channel);
      if (message.epoch === epoch && events.length > 0 && message.seq >= events[0].seq - 1) { send({ t: 'events', ch: message.ch, epoch, events: events.filter((event) => event.seq > message.seq) }); send({ t: 'bookmark', ch: message.ch, epoch, seq }); }
      else send({ t: 'snapshot', ch: message.ch, epoch, seq, state: snapshot() });
      stateChannels.add(channel);
    } else if (message.topic === 'log') {
      const log = logOf(message.job, message.vm);
      if (!log) return send({ t: 'error', ch: message.ch, code: 'unknown_log', message: 'There is no such log.' });
      if (log.removed) return send({ t: 'error', ch: message.ch, code: 'removed', message: REMOVED });
      let next = message.from < 0 ? Math.max(0, log.total() + message.from) : (message.from ?? 0);
      let credit = 0;
      const pump = () => {
        if (log.frames) { const sent = log.frames(message.ch, next, credit, (data) => socket.send(data)); if (sent.skipped) send({ t: 'lag', ch: message.ch, skipped: sent.skipped }); next = sent.next; credit -= sent.lines; }
        else while (credit > 0 && next < log.total()) {
          if (log.damaged && next >= log.damaged.first && next < log.damaged.first + log.damaged.count) { send({ t: 'damaged', ch: message.ch, ...log.damaged }); next = log.damaged.first + log.damaged.count; continue; }
          const count = Math.min(credit, 500, (log.damaged && next < log.damaged.first ? log.damaged.first : log.total()) - next);
          socket.send(frame(message.ch, Array.from({ length: count }, (_, i) => log.line(next + i))));
          next += count;
          credit -= count;
        }
        if (log.complete() && next >= log.total()) { log.watch.delete(pump); send({ t: 'end', ch: message.ch, total: log.total() }); channels.delete(message.ch); }
      };
      channels.set(message.ch, { close: () => log.watch.delete(pump), credit: (lines) => { credit += lines; pump(); } });
      log.watch.add(pump);
    }
  });
  socket.on('close', () => { for (const channel of channels.values()) channel.close(); });
});
server.listen(Number(flags.port), '127.0.0.1', () => console.log(`http://127.0.0.1:${flags.port}/`));
