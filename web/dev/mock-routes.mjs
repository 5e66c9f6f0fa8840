// Routes of the made-up host for what can be done to jobs, machines and secrets beyond the main job.
import { factsOf, groupsOf, previewOf } from './mock-story.mjs';

const NAMED = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function moreRoutes(mock) {
  const { Problem, vms, jobs, tasks, secrets, emit, iso, newJob, play, changeTask, isFinal } = mock;
  const jobOf = (id) => jobs.get(id) ?? (() => { throw new Problem(404, 'Not found', `There is no job ${id}.`); })();
  const vmOf = (id) => vms.find((vm) => vm.id === id);
  const changed = (vm, changes) => { Object.assign(vm, changes, { version: vm.version + 1 }); emit({ type: 'vm-updated', vm }); return vm; };
  const receipt = () => ({ at: iso(), signalled: 2, killed: 0, gone: 2, survivors: [], unknown: '', message: '2 processes ended when told to' });

  function create(_, body) {
    if (body.run_as?.secret && !secrets.some((secret) => secret.name === body.run_as.secret)) {
      throw new Problem(422, 'Invalid', `There is no secret named ${body.run_as.secret}.`, [{ field: 'run_as.secret', message: `there is no secret named ${body.run_as.secret}` }]);
    }
    const job = newJob(body);
    if (body.dry_run) { jobs.delete(job.id); tasks.delete(job.id); return previewOf(body, job, vms); }
    emit({ type: 'job-created', job: { ...job, tasks: tasks.get(job.id) } });
    play(job);
    return { ...job, tasks: tasks.get(job.id) };
  }

  function cancel([id], body) {
    const job = jobOf(id);
    const open = tasks.get(id).filter((task) => !isFinal(task.status) && (!body.vms || body.vms.includes(task.vm_id)));
    if (!body.vms) { job.cancel_requested_at = iso(); emit({ type: 'job-updated', job_id: id, changes: { cancel_requested_at: job.cancel_requested_at } }); }
    setTimeout(() => open.forEach((task) => changeTask(job, task, { status: 'cancelled', finished_at: iso(), ...(task.started_at ? { signal: 'TERM', receipt: receipt() } : {}) })), 700);
    return job;
  }

  function retry([id], { which }) {
    const job = jobOf(id);
    const admits = { all: () => true, failed: (task) => task.status === 'failed' || task.status === 'timed_out', not_started: (task) => task.status === 'cancelled' && !task.started_at, unreachable: (task) => task.status === 'unreachable', unknown: (task) => task.status === 'unknown' }[which];
    const again = newJob({ ...job, targets: { vms: tasks.get(id).filter(admits).map((task) => task.vm_id) } });
    again.retry_of = id;
    emit({ type: 'job-created', job: { ...again, tasks: tasks.get(again.id) } });
    play(again);
    return { ...again, tasks: tasks.get(again.id) };
  }

  function close([id]) {
    const job = jobOf(id);
    for (const task of tasks.get(id)) if (!isFinal(task.status)) changeTask(job, task, { status: task.status === 'queued' ? 'cancelled' : 'unknown', message: 'closed by user:admin without waiting', finished_at: iso() });
    return job;
  }

  function check([id], body) {
    const job = jobOf(id);
    const lost = tasks.get(id).filter((task) => task.status === 'unknown' && (!body.vms || body.vms.includes(task.vm_id)));
    for (const task of lost) Object.assign(task, { status: 'running', finished_at: null, contact_lost_at: iso(), message: '' });
    job.counts = { ...job.counts, unknown: job.counts.unknown - lost.length, running: job.counts.running + lost.length };
    Object.assign(job, { status: 'running', finished_at: null });
    emit({ type: 'job-reopened', job: { ...job, tasks: tasks.get(id) } });
    setTimeout(() => lost.forEach((task) => changeTask(job, task, { status: 'succeeded', exit_code: 0, finished_at: iso() })), 2500);
    return job;
  }

  function hostKey([id], { action, key }) {
    const vm = vmOf(id);
    const pin = { key: key ?? vm.offered_host_key, fingerprint: 'SHA256:Yk2u0mR4vQe9sXb7Tt1LwPz3cJhGfNdA6oKiBqUlE5M', pinned_at: iso() };
    if (action === 'revoke') {
      const gone = vm.host_keys.filter((each) => !key || each.key === key);
      return changed(vm, { host_keys: vm.host_keys.filter((each) => !gone.includes(each)), revoked_host_keys: [...vm.revoked_host_keys, ...gone.map((each) => ({ key: each.key, fingerprint: each.fingerprint, revoked_at: iso() }))] });
    }
    return changed(vm, { host_keys: action === 'replace' ? [pin] : [...vm.host_keys, pin], offered_host_key: null, status: 'online', latency_ms: 9, message: '' });
  }

  function test([id]) {
    const vm = vmOf(id);
    const ok = vm.status === 'online';
    const steps = (name, upTo) => [['resolve', '10.20.0.11'], ['connect', 'port 22 answers, OpenSSH_9.6'], ['host key', 'ED25519 SHA256:5n1Lr6yVd2uPq0J3hYb8m4Tt0cZxkqW7eRz9sAfGvUo is trusted'], ['authenticate', 'key ~/.ssh/fleet_ed25519'], ['exec', 'sh answers as deploy']]
      .slice(0, upTo).map(([step, detail], i) => ({ vm: name, name: step, ok: true, detail, took_ms: 3 + i * 9 }));
    const way = vm.jump.flatMap((hop) => steps(vmOf(hop)?.name ?? hop, 4));
    const own = ok ? steps(vm.name, 5) : [...steps(vm.name, 1), { vm: vm.name, name: 'connect', ok: false, detail: 'no answer within 5 s', took_ms: 5003 }];
    return { ok, steps: [...way, ...own], latency_ms: ok ? 7 : null, failure: ok ? null : { step: 'connect', message: 'No answer within 5 s', remedy: 'Is the machine up, and port 22 open from here? Try `nc -vz 10.20.0.18 22`.', offered_host_key: null }, new_host_key: null };
  }

  function activity(_, __, query) {
    const since = Date.parse(query.get('since'));
    const ms = Number(query.get('step_seconds')) * 1000;
    const items = Array.from({ length: Math.floor((Date.now() - since) / ms) + 1 }, (___, n) => ({ at: iso(since + n * ms), queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, unknown: 0 }));
    for (const job of jobs.values()) { const step = items[Math.floor((Date.parse(job.created_at) - since) / ms)]; if (step) step[job.status]++; }
    return { since: iso(since), step_seconds: ms / 1000, items };
  }

  function setSecret([name], { value }) {
    if (!NAMED.test(name) || !value) throw new Problem(422, 'Invalid', 'The secret was not set.', [{ field: 'name', message: 'is made of letters, digits, `.`, `_` and `-`' }]);
    const known = secrets.find((secret) => secret.name === name);
    if (known) known.updated_at = iso();
    else secrets.push({ name, created_at: iso(), updated_at: iso(), vms: [] });
    return undefined;
  }

  return [
    ['POST', /^\/api\/jobs$/, create],
    ['POST', /^\/api\/jobs\/([^/]+)\/cancel$/, cancel],
    ['POST', /^\/api\/jobs\/([^/]+)\/retry$/, retry],
    ['POST', /^\/api\/jobs\/([^/]+)\/close$/, close],
    ['POST', /^\/api\/jobs\/([^/]+)\/check$/, check],
    ['GET', /^\/api\/jobs\/activity$/, activity],
    ['GET', /^\/api\/jobs\/([^/]+)\/groups$/, ([id]) => groupsOf(tasks.get(jobOf(id).id), isFinal, jobOf(id).command.script?.includes('uptime'))],
    ['POST', /^\/api\/vms\/([^/]+)\/test$/, test],
    ['POST', /^\/api\/vms\/([^/]+)\/host-key$/, hostKey],
    ['POST', /^\/api\/vms\/([^/]+)\/facts$/, ([id]) => { const facts = { ...factsOf(vms.indexOf(vmOf(id)), Date.now()), gathered_at: iso() }; vmOf(id).facts = facts; emit({ type: 'vm-facts-changed', id, facts }); return vmOf(id); }],
    ['GET', /^\/api\/vms\/([^/]+)\/jobs$/, ([id], _, query) => ({ items: [...jobs.values()].filter((job) => job.targets.includes(id)).sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, Number(query.get('limit') ?? 50)), next_cursor: null })],
    ['GET', /^\/api\/secrets$/, () => ({ items: secrets, next_cursor: null })],
    ['PUT', /^\/api\/secrets\/([^/]+)$/, setSecret],
    ['DELETE', /^\/api\/secrets\/([^/]+)$/, ([name]) => { secrets.splice(secrets.findIndex((secret) => secret.name === name), 1); return undefined; }]
  ];
}
