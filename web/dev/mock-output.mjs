// What the made-up host tells of output: lines of every kind, search over them, files to take away.
import { gzipSync } from 'node:zlib';

const E = '\u001b[';
const iso = (at) => new Date(at).toISOString();

/** Lines as no command should write them, and as some do; and what long logs are made of. */
const KINDS = [
  { text: `${E}1mThe sixteen${E}0m ${[...Array(8).keys()].map((n) => `${E}3${n}m■${E}9${n}m■`).join('')}${E}0m  ${[...Array(36).keys()].map((n) => `${E}48;5;${16 + n * 6}m ${E}0m`).join('')} ${[...Array(24).keys()].map((n) => `${E}38;2;${n * 10};120;${255 - n * 10}m█`).join('')}${E}0m` },
  { text: `${E}1mbold${E}0m ${E}2mfaint${E}0m ${E}3mitalic${E}0m ${E}4munderline${E}0m ${E}4:3mcurly${E}0m ${E}9mstrike${E}0m ${E}7minverse${E}0m ${E}8mconcealed${E}0m` },
  { text: 'trace: socket opened', annotations: { level: 'trace' } },
  { text: 'debug: 3 workers, queue empty', annotations: { level: 'debug' } },
  { text: 'info: listening on http://10.20.0.11:8080/healthz, docs at https://docs.example.org/run(ning).', annotations: { level: 'info' } },
  { text: 'warning: pool is at 91 %', annotations: { level: 'warn' }, stderr: true },
  { text: `${E}31merror${E}0m: connection refused by db-1:5432, trying again`, annotations: { level: 'error', upstream: 'db-1' }, stderr: true },
  { text: 'fatal: gave up after 5 attempts', annotations: { level: 'fatal' }, stderr: true },
  { text: 'token=[redacted] user=deploy', changedBy: ['redact'] },
  { text: `${Array.from({ length: 100 }, (_, n) => `\rdownloading ${n} %`).join('')}\r${E}32mdownloaded${E}0m 100 %` },
  { text: 'a NUL \u0000 here, a bell \u0007, a name that lies: invoice\u202efdp.exe, pay\u200bpal' },
  { text: `a title ${E.replace('[', ']')}0;owned\u0007and a clipboard ${E.replace('[', ']')}52;c;cm0gLXJmIC8=\u0007 that nobody gets` },
  ...Array.from({ length: 14 }, () => ({ text: 'waiting for the lock …' })),
  { text: 'got the lock' },
  { text: 'x'.repeat(131_072), partial: true },
  { text: 'the last part of a line of 128 KiB and some' },
  { text: 'Output beyond 64 MiB is not kept; the command goes on', annotations: { corral: 'quota', level: 'warn' } }
];

/** The line of a log that shows all kinds, and around them an ordinary command. */
export function kindAt(n, at) {
  const kind = KINDS[n % 50];
  return kind && { n, at, stderr: false, partial: false, ...kind };
}

const stripped = (line) => ({ n: line.n, at: iso(line.at), stream: line.stderr ? 'stderr' : 'stdout', text: line.text.slice(0, 4096), annotations: line.annotations ?? {}, changed_by: line.changedBy ?? [], ...(line.partial ? { partial: true } : {}), ...(line.text.length > 4096 ? { cut: { from: 0, bytes: line.text.length } } : {}) });
const LEVELS = ['trace', 'debug', 'info', 'notice', 'warn', 'error', 'fatal'];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Searches as the host does: newest job first, hits as they are found, a report in between, an end. */
export async function search(query, response, { jobs, tasks, logOf, Problem }) {
  const text = query.get('q') ?? '';
  let pattern = null;
  try {
    if (text) pattern = new RegExp(query.get('regex') ? text : text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), `g${query.get('ignore_case') ? 'i' : ''}`);
  } catch {
    throw new Problem(422, 'Invalid', `q: is no regular expression: unclosed group at character ${text.length}`, [{ field: 'q', message: `is no regular expression: unclosed group at character ${text.length}` }]);
  }
  const level = /level>=(\w+)/.exec(query.get('annotations') ?? '')?.[1];
  const meant = (line) => (!query.get('stream') || (query.get('stream') === 'stderr') === line.stderr) && (!level || LEVELS.indexOf(line.annotations?.level) >= LEVELS.indexOf(level)) && (!pattern || line.text.search(pattern) >= 0);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const send = (message) => response.write(`${JSON.stringify(message)}\n`);
  const limit = Number(query.get('limit') ?? 1000);
  const context = Number(query.get('context') ?? 0);
  const told = { tasks: 0, lines: 0, bytes: 0, hits: 0 };
  const end = (limited) => { send({ type: 'end', lines: told.lines, bytes: told.bytes, hits: told.hits, removed: 0, limited, error: null }); response.end(); };
  for (const job of [...jobs.values()].sort((a, b) => (a.id < b.id ? 1 : -1))) {
    if ((query.get('job') && job.id !== query.get('job')) || (query.get('template') && job.template?.id !== query.get('template'))) continue;
    for (const task of tasks.get(job.id)) {
      if (query.get('vm') && task.vm_id !== query.get('vm')) continue;
      const log = logOf(job.id, task.vm_id);
      const total = Math.min(log?.total() ?? 0, 200_000);
      for (let n = 0; n < total; n++) {
        if (response.destroyed) return;
        const line = log.line(n);
        told.lines++;
        told.bytes += line.text.length;
        if (n % 20_000 === 19_999) { send({ type: 'progress', ...told }); await pause(60); }
        if (!meant(line)) continue;
        const ranges = pattern ? [...line.text.matchAll(pattern)].slice(0, 32).map((match) => [match.index, match.index + match[0].length].map((at) => Buffer.byteLength(line.text.slice(0, at)))) : [];
        const around = (from, to) => Array.from({ length: Math.max(0, Math.min(total, to) - Math.max(0, from)) }, (_, i) => stripped(log.line(Math.max(0, from) + i)));
        send({ type: 'hit', job_id: job.id, vm_id: task.vm_id, vm_name: task.vm_name, job_created_at: job.created_at, line: stripped(line), ranges, before: around(n - context, n), after: around(n + 1, n + 1 + context) });
        if (++told.hits >= limit) return end(true);
      }
      told.tasks++;
    }
    await pause(5);
  }
  end(false);
}

/** A task's output as a file. */
export function exported(log, query, name, response) {
  const lines = Array.from({ length: Math.min(log.total(), 100_000) }, (_, n) => log.line(n));
  const text = lines.map((line) => (query.get('format') === 'ndjson' ? JSON.stringify(line) : line.text)).join('\n');
  const packed = query.get('compress') === 'gzip' ? gzipSync(text) : text;
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${name}.log"` });
  response.end(packed);
}
