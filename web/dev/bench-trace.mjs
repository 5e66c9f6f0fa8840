// What pictures cost, by the browser's own trace: processor time of the page's own thread, scripts, layout and drawing together. Others who use
// the machine make a picture late by the clock; this they do not touch.

/** Work that ended so long before a picture did not keep it waiting. */
const APART_MS = 100;
/** Functions and kinds of work that are told of a picture. */
const TOLD = 14;

export const CATEGORIES = ['toplevel', 'cc', 'blink.user_timing'];
/** These cost time themselves: for looking at one picture, not for figures. */
export const PROFILE_CATEGORIES = ['devtools.timeline', 'disabled-by-default-v8.cpu_profiler', 'v8'];

/** Every picture with its work in milliseconds, when it began and ended in the trace's time, and what the person was doing. */
export function picturesOf(traceEvents) {
  const drawn = traceEvents.filter((event) => event.name === 'ProxyMain::BeginMainFrame' && event.ph === 'X').toSorted((a, b) => a.ts - b.ts);
  if (drawn.length === 0) return [];
  const { pid, tid } = drawn[0];
  const tasks = traceEvents.filter((event) => event.name === 'ThreadControllerImpl::RunTask' && event.ph === 'X' && event.pid === pid && event.tid === tid).toSorted((a, b) => a.ts - b.ts);
  const doings = traceEvents.filter((event) => event.cat?.includes('blink.user_timing') && event.name.startsWith('doing ')).toSorted((a, b) => a.ts - b.ts);
  const pictures = [];
  let next = 0;
  let doing = '';
  for (const picture of drawn) {
    let work = 0;
    let from = picture.ts;
    let to = picture.ts + picture.dur;
    // The task that draws it began before it and is the last one that counts.
    for (; next < tasks.length && tasks[next].ts <= picture.ts; next++) {
      const task = tasks[next];
      if (picture.ts - (task.ts + task.dur) > APART_MS * 1000) continue;
      work += task.tdur ?? 0;
      from = Math.min(from, task.ts);
      to = Math.max(to, task.ts + task.dur);
    }
    while (doings.length > 0 && doings[0].ts <= to) doing = doings.shift().name.slice('doing '.length);
    pictures.push({ work: work / 1000, from, to, doing, pid, tid });
  }
  return pictures;
}

/** What the time of a picture went into, by the kinds of work that the browser tells and by functions of scripts, each without what it called. */
export function causesOf(traceEvents, { from, to, pid, tid }) {
  const within = (event) => event.ts >= from && event.ts < to;
  const kinds = new Map();
  const open = [];
  for (const event of traceEvents.filter((each) => each.ph === 'X' && each.pid === pid && each.tid === tid && within(each)).toSorted((a, b) => a.ts - b.ts || b.dur - a.dur)) {
    while (open.length > 0 && open.at(-1).ts + open.at(-1).dur <= event.ts) open.pop();
    const outer = open.at(-1);
    kinds.set(event.name, (kinds.get(event.name) ?? 0) + event.dur);
    if (outer) kinds.set(outer.name, kinds.get(outer.name) - event.dur);
    open.push(event);
  }
  return { kinds: dearest(kinds), functions: dearest(functionsOf(traceEvents, within, pid)) };
}

function functionsOf(traceEvents, within, pid) {
  const nodes = new Map();
  const times = new Map();
  const begun = new Map(traceEvents.filter((event) => event.name === 'Profile' && event.pid === pid).map((event) => [event.id, event.args.data.startTime]));
  for (const event of traceEvents.filter((each) => each.name === 'ProfileChunk' && each.pid === pid).toSorted((a, b) => a.ts - b.ts)) {
    const { cpuProfile = {}, timeDeltas = [] } = event.args.data;
    for (const node of cpuProfile.nodes ?? []) nodes.set(`${event.id}/${node.id}`, node.callFrame);
    let at = begun.get(event.id) ?? event.ts;
    for (const [i, sample] of (cpuProfile.samples ?? []).entries()) {
      at += timeDeltas[i] ?? 0;
      const frame = nodes.get(`${event.id}/${sample}`);
      if (!frame || !within({ ts: at })) continue;
      const name = `${frame.functionName || '(anonymous)'} ${frame.url?.split('/').at(-1) ?? ''}:${(frame.lineNumber ?? 0) + 1}`;
      times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0));
    }
    begun.set(event.id, at);
  }
  return times;
}

function dearest(times) {
  return [...times].toSorted((a, b) => b[1] - a[1]).slice(0, TOLD).map(([name, us]) => `${(us / 1000).toFixed(1).padStart(7)} ms  ${name}`);
}
