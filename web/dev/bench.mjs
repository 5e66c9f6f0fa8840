// How long the pictures of the dashboard take where there is much of everything, and what its memory does: 1,000 machines, 10,000 jobs, a log of
// ten million lines, lines that come faster than anybody reads. The made-up host answers at once, so that the time is the page's.
// Writes the table into docs/benchmarks.md.
//
//   node dev/bench.mjs [--print] [only=machines,jobs]
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { chromium } from 'playwright-core';

const PORT = 8495;
const BASE = `http://127.0.0.1:${PORT}`;
const VMS = 1000;
const JOBS = 10_000;
const LINES = 10_000_000;
const RATE = 100_000;
const HOSE_SECONDS = 20;
/** More than this a picture must not take. */
const FRAME_MS = 50;
/** Work that was done so long before a picture did not keep it waiting. */
const APART_MS = 100;
/** A scenario must end whatever happens. */
const LIMIT_MS = 180_000;

const print = process.argv.includes('--print');
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

/**
 * What each picture cost: processor time of the page's own thread, scripts, layout and drawing together, since the picture before. Others who
 * use the machine make a picture late by the clock; this they do not touch.
 */
function workOf(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const pictures = traceEvents.filter((event) => event.name === 'ProxyMain::BeginMainFrame' && event.ph === 'X').toSorted((a, b) => a.ts - b.ts);
  if (pictures.length === 0) return [];
  const { pid, tid } = pictures[0];
  const tasks = traceEvents.filter((event) => event.name === 'ThreadControllerImpl::RunTask' && event.ph === 'X' && event.pid === pid && event.tid === tid).toSorted((a, b) => a.ts - b.ts);
  const work = [];
  let next = 0;
  for (const picture of pictures) {
    let sum = 0;
    // The task that draws it began before it and is the last one that counts.
    for (; next < tasks.length && tasks[next].ts <= picture.ts; next++) if (picture.ts - tasks[next].ts < APART_MS * 1000) sum += tasks[next].tdur ?? 0;
    work.push(sum / 1000);
  }
  return work;
}

async function heap(page) {
  return page.evaluate(async () => {
    for (let i = 0; i < 3; i++) { window.gc?.(); await new Promise((later) => setTimeout(later, 50)); }
    return performance.memory.usedJSHeapSize / 1e6;
  });
}

/** Scrolls through all of an element, or the first so many of its screens, a part of a screen with every picture. */
function scrollThrough(element, screens = 120) {
  return element.evaluate((node, most) => new Promise((done) => {
    let left = most * 4;
    const step = () => {
      const before = node.scrollTop;
      node.scrollTop += node.clientHeight / 4;
      if (left-- > 0 && node.scrollTop > before) requestAnimationFrame(step);
      else done();
    };
    step();
  }), screens);
}

const rows = [];
async function measured(name, act, prepare) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  const given = await prepare(page);
  const before = await heap(page);
  await page.evaluate(watch);
  await browser.startTracing(page, { categories: ['toplevel', 'cc'] });
  const more = (await act(page, given)) ?? {};
  const { late, gaps } = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => { done(window.seen); window.seen = null; }))));
  const work = workOf(await browser.stopTracing()).toSorted((a, b) => a - b);
  const after = await heap(page);
  await context.close();
  if (faults.length > 0) throw new Error(`${name}: ${faults[0]}`);
  const worst = work.at(-1) ?? 0;
  rows.push({ name, pictures: work.length, p99: work[Math.floor(work.length * 0.99)] ?? 0, worst, above: work.filter((ms) => ms > FRAME_MS).length, late: late.length, clock: late.reduce((most, frame) => Math.max(most, frame.duration), 0), before, after, ...more });
  const shown = late.toSorted((a, b) => b.duration - a.duration).slice(0, 3).map((frame) => `${Math.round(frame.duration)} ms (${frame.by.join('; ') || 'no script'})`);
  console.log(`${name}: ${work.length} pictures, at most ${worst.toFixed(0)} ms of work, ${work.filter((ms) => ms > FRAME_MS).length} above ${FRAME_MS}; by the clock ${late.length} of ${gaps.length} late${shown.length ? `: ${shown.join(', ')}` : ''}, ${before.toFixed(1)} → ${after.toFixed(1)} MB`);
}

const live = (page) => page.getByRole('button', { name: 'Connection: Live' }).waitFor();
const machines = (page) => page.getByRole('group', { name: 'Machines to run on' });

/** Begins a job and opens the output of its only machine. */
async function begin(page, script) {
  await page.goto(BASE);
  await live(page);
  await machines(page).getByRole('checkbox').first().check();
  await page.locator('[data-command="ad-hoc"]').click();
  await page.getByRole('textbox', { name: 'Command' }).fill(script);
  await page.getByRole('button', { name: /^Run on 1/ }).click();
  await page.getByRole('log').waitFor();
}

const SCENARIOS = {
  choosing: [`choose among ${VMS} machines: scroll, search, choose all, see what runs`, async (page) => {
    await scrollThrough(machines(page));
    const search = page.getByRole('searchbox', { name: 'Search machines or write a selector' });
    await search.pressSequentially('role=web,env=prod');
    await search.fill('');
    await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
    await page.locator('[data-command="ad-hoc"]').click();
    await page.getByRole('textbox', { name: 'Command' }).pressSequentially('uptime');
    await page.getByRole('region', { name: 'Preview' }).getByText('uptime').first().waitFor();
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
  }, async (page) => { await page.goto(BASE); await live(page); }],
  machines: [`the table of ${VMS} machines: open, scroll, search`, async (page) => {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'VMs' }).click();
    await page.locator('tbody tr').first().waitFor();
    await scrollThrough(page.locator('main > div'));
    await page.getByRole('searchbox', { name: 'Search machines or write a selector' }).pressSequentially('cache');
  }, async (page) => { await page.goto(`${BASE}/settings`); await live(page); }],
  run: [`a run on ${VMS} machines as it goes`, async (page) => {
    await page.getByRole('button', { name: /^Run on/ }).click();
    await page.getByRole('region', { name: 'Progress by machine' }).waitFor();
    await page.waitForTimeout(8000);
    await scrollThrough(page.getByRole('region', { name: 'Progress by machine' }));
  }, async (page) => {
    await page.goto(BASE);
    await live(page);
    await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
    await page.locator('[data-command="ad-hoc"]').click();
    await page.getByRole('textbox', { name: 'Command' }).fill('uptime');
  }],
  jobs: [`${JOBS} jobs: all pages of the history, then scroll`, async (page) => {
    const more = page.getByRole('button', { name: 'Show older' });
    await page.getByRole('list', { name: 'Jobs' }).waitFor();
    // The button is gone once there is nothing older.
    for (let n = 0; n * 50 < JOBS && (await more.count()) > 0; n++) await more.click();
    await scrollThrough(page.locator('main > div'), 300);
  }, async (page) => { await page.goto(`${BASE}/jobs`); await live(page); }],
  log: [`a log of ${LINES} lines: end, beginning, all through, wrapped`, async (page) => {
    const log = page.getByRole('log');
    await log.press('Home');
    await log.getByText('of the release').first().waitFor();
    await log.evaluate((node) => new Promise((done) => {
      let n = 0;
      const step = () => { node.scrollTop = (node.scrollHeight * ++n) / 300; if (n < 300) requestAnimationFrame(step); else done(); };
      step();
    }));
    await page.getByRole('button', { name: 'How lines are shown' }).click();
    await page.getByRole('menuitemcheckbox', { name: /Wrap/ }).click();
    await page.keyboard.press('Escape');
    await scrollThrough(log, 30);
    await log.press('End');
  }, async (page) => {
    await page.goto(`${BASE}/jobs`);
    await live(page);
    await page.getByRole('list', { name: 'Jobs' }).getByRole('link', { name: /Busiest processes/ }).first().click();
    await page.getByRole('region', { name: 'Tasks' }).locator('tbody tr').first().click();
    await page.getByRole('log').waitFor();
  }],
  hose: [`${RATE} lines/s arrive for ${HOSE_SECONDS} s, followed`, async (page) => {
    const before = await page.evaluate(() => performance.now());
    await page.waitForTimeout(HOSE_SECONDS * 1000);
    const text = await page.getByRole('log').innerText();
    const newest = Math.max(...[...text.matchAll(/(?:^|\n)(\d+)\s+GET|(\d{4,}) GET/g)].map(([, a, b]) => Number(a ?? b)));
    return { note: `line ${newest} drawn after ${Math.round(((await page.evaluate(() => performance.now())) - before) / 1000)} s` };
  }, (page) => begin(page, `hose ${RATE}`)],
  scrolled: [`${RATE} lines/s arrive for ${HOSE_SECONDS} s while one scrolls back and forth`, async (page) => {
    const log = page.getByRole('log');
    const until = Date.now() + HOSE_SECONDS * 1000;
    for (let n = 0; Date.now() < until; n++) {
      await log.evaluate((node, up) => { node.scrollTop += (up ? -1 : 1) * node.clientHeight * 3; }, n % 3 !== 2);
      await page.waitForTimeout(120);
    }
  }, (page) => begin(page, `hose ${RATE}`)]
};

try {
  for (const [key, [name, act, prepare]] of Object.entries(SCENARIOS)) {
    if (!only || only.includes(key)) await measured(name, act, prepare);
  }
} finally {
  await browser.close();
  host.kill();
}

const grouped = (text) => text.replace(/\b(\d{4,})\b/g, (digits) => Number(digits).toLocaleString('en-US'));
const table = [
  `${cpus().length} cores (${(cpus()[0]?.model ?? '').trim().split(/\s+/).slice(0, 2).join(' ')}), Chromium without a graphics card, 1440 × 900. *Work* is the processor time of the page’s own thread for a picture: scripts, layout and drawing. *Late by the clock* are`,
  `pictures that took longer than ${FRAME_MS} ms for whatever reason (\`long-animation-frame\`): on a machine that others use, for theirs. Memory is the script’s after collecting, before and after.`,
  '',
  '| | pictures | work, p99 | work, most | to reach | | late by the clock | memory, MB |',
  '|---|---|---|---|---|---|---|---|',
  ...rows.map((row) => `| ${grouped(row.name)} | ${row.pictures} | ${row.p99.toFixed(0)} ms | ${row.worst.toFixed(0)} ms | < ${FRAME_MS} ms | ${row.above === 0 ? '✓' : '✗'} | ${row.late}${row.late ? `, at most ${row.clock.toFixed(0)} ms` : ''} | ${row.before.toFixed(1)} → ${row.after.toFixed(1)} |`)
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
