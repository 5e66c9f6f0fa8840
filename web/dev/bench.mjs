// How long the pictures of the dashboard take where there is much of everything, and what its memory does: 1,000 machines, 10,000 jobs, a log of
// ten million lines, lines that come faster than anybody reads. The made-up host answers at once, so that the time is the page's.
// Writes the table into docs/benchmarks.md.
//
// With --profile it says what the dearest pictures went into, and its figures are too high for that.
//
//   node dev/bench.mjs [--print] [--profile] [only=machines,jobs]
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { chromium } from 'playwright-core';
import { JOBS, LINES, MEASURING, SCENARIOS, VMS } from './bench-scenarios.mjs';
import { CATEGORIES, causesOf, picturesOf, PROFILE_CATEGORIES } from './bench-trace.mjs';

const PORT = 8495;
const BASE = `http://127.0.0.1:${PORT}`;
/** More than this a picture must not take. */
const FRAME_MS = 50;
/** A scenario must end whatever happens. */
const LIMIT_MS = 60_000;

/** How long to wait until the profiler has begun. */
const PROFILER_BEGINS_MS = 1000;
/** So often a scenario is measured until no picture costs too much: one that is dear by itself is dear each time, one that others made dear is not. */
const TRIES_MAX = 3;
/** Pictures whose causes are told. */
const PROFILED = 3;

const profile = process.argv.includes('--profile');
const print = profile || process.argv.includes('--print');
const only = process.argv.find((each) => each.startsWith('only='))?.slice(5).split(',');

const host = spawn(process.execPath, [new URL('mock-host.mjs', import.meta.url).pathname, '--port', PORT, '--vms', VMS, '--jobs', JOBS, '--lines', LINES].map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise((listening) => host.stdout.once('data', listening));
const browser = await chromium.launch({
  executablePath: process.env.CORRAL_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--enable-precise-memory-info', '--js-flags=--expose-gc']
});

/** In the page: every picture from now on, with what of its time scripts and drawing took, as the browser itself tells. */
function watch() {
  const seen = { late: [], gaps: [], last: performance.now() };
  window.seen = seen;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) seen.late.push({ duration: entry.duration, blocking: entry.blockingDuration, by: entry.scripts.map((script) => `${script.invoker} ${Math.round(script.duration)} ms`).slice(0, 3) });
  });
  observer.observe({ type: 'long-animation-frame', buffered: false });
  const picture = (at) => {
    seen.gaps.push(at - seen.last);
    seen.last = at;
    if (window.seen === seen) requestAnimationFrame(picture);
    else observer.disconnect();
  };
  requestAnimationFrame((at) => { seen.last = at; requestAnimationFrame(picture); });
}

async function heap(page) {
  return page.evaluate(async () => {
    for (let i = 0; i < 3; i++) { window.gc?.(); await new Promise((later) => setTimeout(later, 50)); }
    return performance.memory.usedJSHeapSize / 1e6;
  });
}

const rows = [];
async function measured(name, act, prepare) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  page.base = BASE;
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await prepare(page);
  const before = await heap(page);
  await page.evaluate(watch);
  await browser.startTracing(page, { categories: profile ? [...CATEGORIES, ...PROFILE_CATEGORIES] : CATEGORIES });
  // The profiler takes a while to begin, which belongs to no picture of the person's.
  if (profile) await page.waitForTimeout(PROFILER_BEGINS_MS);
  const more = (await act(page, heap).catch(async (cause) => { await browser.stopTracing(); throw cause; })) ?? {};
  const { late, gaps } = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => { done(window.seen); window.seen = null; }))));
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const pictures = picturesOf(traceEvents).filter(({ doing }) => doing !== MEASURING).toSorted((a, b) => b.work - a.work);
  const after = await heap(page);
  await context.close();
  if (faults.length > 0) throw new Error(`${name}: ${faults[0]}`);
  const [dearest = { work: 0, doing: '' }] = pictures;
  const above = pictures.filter(({ work }) => work > FRAME_MS);
  const row = { name, pictures: pictures.length, p99: pictures[Math.floor(pictures.length * 0.01)]?.work ?? 0, dearest, above: above.length, late: late.length, clock: late.reduce((most, frame) => Math.max(most, frame.duration), 0), before, after, ...more };
  const shown = late.toSorted((a, b) => b.duration - a.duration).slice(0, 3).map((frame) => `${Math.round(frame.duration)} ms (${frame.by.join('; ') || 'no script'})`);
  console.log(`${name}: ${pictures.length} pictures, at most ${dearest.work.toFixed(0)} ms of work (${dearest.doing}), ${above.length} above ${FRAME_MS}${above.length > 0 ? ` (${above.map(({ work, doing }) => `${doing} ${work.toFixed(0)}`).join(', ')})` : ''}; by the clock ${late.length} of ${gaps.length} late${shown.length ? `: ${shown.join(', ')}` : ''}, ${before.toFixed(1)} → ${after.toFixed(1)} MB${more.parts ? ` (${more.parts.map((mb) => mb.toFixed(1)).join(', ')})` : ''}`);
  if (!profile) return row;
  for (const picture of pictures.slice(0, PROFILED)) {
    const { kinds, functions } = causesOf(traceEvents, picture);
    console.log(`\n${picture.work.toFixed(0)} ms of work at “${picture.doing}”\n${kinds.join('\n')}\n    —\n${functions.join('\n')}`);
  }
  return row;
}

try {
  for (const [key, [name, act, prepare]] of Object.entries(SCENARIOS)) {
    if (only && !only.includes(key)) continue;
    const tries = [];
    do tries.push(await measured(name, act, prepare));
    while (!profile && tries.at(-1).above > 0 && tries.length < TRIES_MAX);
    rows.push({ ...tries.toSorted((a, b) => a.dearest.work - b.dearest.work)[0], tries });
  }
} finally {
  await browser.close();
  host.kill();
}

const grouped = (text) => text.replace(/\b(\d{4,})\b/g, (digits) => Number(digits).toLocaleString('en-US'));
const table = [
  `${cpus().length} cores (${(cpus()[0]?.model ?? '').trim().split(/\s+/).slice(0, 2).join(' ')}), Chromium without a graphics card, 1440 × 900. *Work* is the processor time of the page’s own thread for a picture: scripts, layout and drawing. *Late by the clock* are`,
  `pictures that took longer than ${FRAME_MS} ms for whatever reason (\`long-animation-frame\`): on a machine that others use, for theirs. A scenario in which a picture cost more is measured again, up to`,
  `${TRIES_MAX} times: what is dear by itself is dear each time, what others on the machine made dear is not. Memory is the script’s after collecting, before and after, and of the long one in between.`,
  '',
  '| | pictures | work, p99 | work, most | to reach | | tries | late by the clock | memory, MB |',
  '|---|---|---|---|---|---|---|---|---|',
  ...rows.map((row) => `| ${grouped(row.name)} | ${row.pictures} | ${row.p99.toFixed(0)} ms | ${row.dearest.work.toFixed(0)} ms, ${row.dearest.doing} | < ${FRAME_MS} ms | ${row.above === 0 ? '✓' : '✗'} | ${row.tries.map(({ dearest }) => `${dearest.work.toFixed(0)} ms`).join(', ')} | ${row.late}${row.late ? `, at most ${row.clock.toFixed(0)} ms` : ''} | ${[row.before, ...(row.parts ?? []), row.after].map((mb) => mb.toFixed(1)).join(' → ')} |`)
].join('\n');
console.log(`\n${table}`);
if (!print && !only) {
  const page = new URL('../../docs/benchmarks.md', import.meta.url);
  const [begin_, end] = ['<!-- begin: cargo xtask bench web -->', '<!-- end -->'];
  const text = readFileSync(page, 'utf8');
  const at = text.indexOf(begin_);
  if (at < 0) throw new Error(`docs/benchmarks.md has no ${begin_}`);
  writeFileSync(page, `${text.slice(0, at + begin_.length)}\n\n${table}\n\n${text.slice(text.indexOf(end, at))}`);
}
