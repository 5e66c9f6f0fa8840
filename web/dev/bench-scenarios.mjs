// What a person does with the dashboard where there is much of everything; dev/bench.mjs measures what it costs. Each has a name, what is measured,
// and what stands ready before.

export const VMS = 1000;
export const JOBS = 10_000;
export const LINES = 10_000_000;
const RATE = 100_000;
const HOSE_SECONDS = 20;
const STORM_SECONDS = 15;
/** Events of ten minutes in which a thousand tasks tell twice a second how far they are, and how many times as fast they are told. */
const LONG_EVENTS = 1_200_000;
const LONG_FASTER = 8;
const LONG_PARTS = 6;
/** As fast as people type. */
const TYPED = { delay: 60 };
/** What is done when nothing is: collecting what is no more needed to see how much is. */
export const MEASURING = 'measuring';
/** Widths and heights between which somebody drags a window. */
const SIZES = [[1440, 900], [1180, 820], [900, 700], [640, 900], [390, 844], [1024, 768], [1920, 1080], [1440, 900]];

const live = (page) => page.getByRole('button', { name: 'Connection: Live' }).waitFor();
const machines = (page) => page.getByRole('group', { name: 'Machines to run on' });
const command = (page) => page.getByRole('textbox', { name: 'Command', exact: true });
const search = (page) => page.getByRole('searchbox', { name: 'Search machines or write a selector' });
/** By the rail, whatever badge stands at a place. */
const to = (page, path) => page.getByRole('navigation', { name: 'Main' }).locator(`a[href="${path}"]`).last().click();
const tasksTable = (page) => page.getByRole('region', { name: 'Tasks' });

/** Leaves a mark in the trace, so that it can be said at what a picture was dear. */
const doing = (page, what) => page.evaluate((name) => void performance.mark(`doing ${name}`), what);

/** So many pictures later. */
const pictures = (page, count) => page.evaluate((most) => new Promise((done) => {
  let left = most;
  const next = () => (left-- > 0 ? requestAnimationFrame(next) : done());
  next();
}), count);

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

async function opened(page, path = '') {
  await page.goto(page.base + path);
  await live(page);
}

/** All machines chosen and a command typed. */
async function readyToRun(page, script) {
  await opened(page);
  await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
  await page.locator('[data-command="ad-hoc"]').click();
  await command(page).fill(script);
}

/** Begins a job and opens the output of its only machine. */
async function begin(page, script) {
  await opened(page);
  await machines(page).getByRole('checkbox').first().check();
  await page.locator('[data-command="ad-hoc"]').click();
  await command(page).fill(script);
  await page.getByRole('button', { name: /^Run on 1/ }).click();
  await page.getByRole('log').waitFor();
}

/** Begins a job of which a thousand machines are at work, and shows the page of the job. */
async function beginStorm(page, script) {
  await readyToRun(page, script);
  await page.getByRole('button', { name: /^Run on/ }).click();
  await page.getByRole('region', { name: 'Progress by machine' }).waitFor();
  const id = new URL(page.url()).searchParams.get('job');
  await to(page, '/jobs');
  await page.getByRole('list', { name: 'Jobs' }).locator(`a[href$="${id}"]`).click();
  await tasksTable(page).locator('tbody tr').first().waitFor();
}

/** A job has ended on all machines when it can be retried. */
const ended = (page) => page.getByRole('button', { name: 'Retry', exact: true }).waitFor();

async function history(page) {
  const more = page.getByRole('button', { name: 'Show older' });
  await page.getByRole('list', { name: 'Jobs' }).waitFor();
  // The button is gone once there is nothing older.
  for (let n = 0; n * 50 < JOBS && (await more.count()) > 0; n++) await more.click();
}

async function choose(page) {
  await doing(page, 'scroll');
  await scrollThrough(machines(page));
  await doing(page, 'search');
  await search(page).pressSequentially('role=web,env=prod', TYPED);
  await search(page).fill('');
  await doing(page, 'group by a label');
  await page.getByRole('combobox', { name: 'Group by label' }).selectOption('region');
  await scrollThrough(machines(page), 30);
  await doing(page, 'choose all');
  await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
  await doing(page, 'choose a command');
  await page.locator('[data-command="ad-hoc"]').click();
  await doing(page, 'type it');
  await command(page).pressSequentially('uptime', TYPED);
  await page.getByRole('region', { name: 'Preview' }).getByText('uptime').first().waitFor();
  await doing(page, 'choose others');
  await page.locator('[data-command="templates/deploy"]').click();
  await page.getByRole('textbox', { name: /version/i }).pressSequentially('v2.14.0', TYPED);
  await page.getByRole('region', { name: 'Preview' }).getByText('v2.14.0').first().waitFor();
  await doing(page, 'clear');
  await page.getByRole('button', { name: 'Clear', exact: true }).click();
}

async function screens(page) {
  for (const round of ['first', 'again']) {
    for (const path of ['/overview', '/vms', '/commands', '/jobs', '/logs', '/plugins', '/settings', '/']) {
      await doing(page, `${path}, ${round}`);
      await to(page, path);
      await page.waitForURL(page.base + path);
      await pictures(page, 10);
    }
    await to(page, '/vms');
    await doing(page, `a machine, ${round}`);
    await page.locator('tbody tr a').first().click();
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await pictures(page, 20);
    await to(page, '/jobs');
    await doing(page, `a job, ${round}`);
    await page.getByRole('list', { name: 'Jobs' }).getByRole('link').nth(3).click();
    await page.getByRole('log').waitFor();
    await pictures(page, 20);
  }
}

async function palette(page) {
  for (const round of ['first', 'again']) {
    await doing(page, `open, ${round}`);
    await page.keyboard.press('Control+k');
    const field = page.getByRole('combobox', { name: 'Search machines, commands, jobs' });
    await field.waitFor();
    await doing(page, `type, ${round}`);
    await field.pressSequentially('web 12', TYPED);
    await field.pressSequentially('zzz', TYPED);
    for (let n = 0; n < 9; n++) await page.keyboard.press('Backspace');
    await field.pressSequentially('succeeded deploy', TYPED);
    for (let n = 0; n < 6; n++) await page.keyboard.press('ArrowDown');
    await doing(page, `close, ${round}`);
    await page.keyboard.press('Escape');
    await field.waitFor({ state: 'detached' });
  }
}

async function tableOfMachines(page) {
  await doing(page, 'open');
  await to(page, '/vms');
  await page.locator('tbody tr').first().waitFor();
  await doing(page, 'scroll');
  await scrollThrough(page.locator('main > div'));
  await doing(page, 'search');
  await search(page).pressSequentially('cache', TYPED);
  await doing(page, 'search no more');
  await search(page).fill('');
  await doing(page, 'menu of a row');
  await page.getByRole('button', { name: /^Actions for/ }).nth(2).click();
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('Escape');
  await doing(page, 'only those unreachable');
  await page.getByText('Unreachable', { exact: true }).first().click();
  await pictures(page, 10);
}

async function run(page) {
  await doing(page, 'start');
  await page.getByRole('button', { name: /^Run on/ }).click();
  await page.getByRole('region', { name: 'Progress by machine' }).waitFor();
  await doing(page, 'watch');
  await page.waitForTimeout(8000);
  await doing(page, 'scroll');
  await scrollThrough(page.getByRole('region', { name: 'Progress by machine' }));
}

async function atWork(page) {
  await doing(page, 'watch');
  await page.waitForTimeout(STORM_SECONDS * 200);
  await doing(page, 'scroll');
  await scrollThrough(tasksTable(page), 40);
  await doing(page, 'together');
  await page.getByText('Together', { exact: true }).click();
  await page.waitForTimeout(STORM_SECONDS * 100);
  await doing(page, 'grouped');
  await page.getByText('Grouped', { exact: true }).click();
  await page.waitForTimeout(STORM_SECONDS * 100);
  await doing(page, 'cancel');
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('list', { name: 'Groups of identical output' }).getByRole('listitem').first().waitFor();
  await page.waitForTimeout(STORM_SECONDS * 200);
}

async function grouped(page) {
  await doing(page, 'group');
  await page.getByText('Grouped', { exact: true }).click();
  const groups = page.getByRole('list', { name: 'Groups of identical output' });
  await groups.waitFor();
  await doing(page, 'open the machines of a group');
  await groups.getByRole('button', { expanded: false }).first().click();
  await page.getByRole('list', { name: 'Machines of this group' }).first().waitFor();
  await pictures(page, 10);
  await doing(page, 'scroll');
  await scrollThrough(groups.locator('..'), 10);
  await doing(page, 'together');
  await page.getByText('Together', { exact: true }).click();
  await page.getByRole('log').waitFor();
  await scrollThrough(page.getByRole('log'), 10);
  await doing(page, 'choose whose output');
  await page.getByRole('button', { name: /^Choose machines/ }).click();
  await pictures(page, 20);
}

async function different(page) {
  await doing(page, 'group');
  await page.getByText('Grouped', { exact: true }).click();
  const groups = page.getByRole('list', { name: 'Groups of identical output' });
  await groups.getByRole('listitem').first().waitFor();
  await pictures(page, 10);
  await doing(page, 'scroll');
  await scrollThrough(groups.locator('..'), 40);
}

async function jobs(page) {
  await doing(page, 'all pages');
  await history(page);
  await doing(page, 'scroll');
  await scrollThrough(page.locator('main > div'), 300);
  await doing(page, 'search');
  const field = page.getByRole('searchbox', { name: 'Search jobs' });
  await field.pressSequentially('systemctl failed', TYPED);
  await doing(page, 'search no more');
  await field.fill('');
  await pictures(page, 10);
  await doing(page, 'only those that failed');
  await page.getByRole('combobox', { name: 'Status' }).selectOption('failed');
  await pictures(page, 20);
}

async function log(page) {
  const view = page.getByRole('log');
  await doing(page, 'to the beginning');
  await view.press('Home');
  await view.getByText('of the release').first().waitFor();
  await doing(page, 'all through');
  await view.evaluate((node) => new Promise((done) => {
    let n = 0;
    const step = () => { node.scrollTop = (node.scrollHeight * ++n) / 300; if (n < 300) requestAnimationFrame(step); else done(); };
    step();
  }));
  await doing(page, 'menu');
  await page.getByRole('button', { name: 'How lines are shown' }).click();
  await doing(page, 'wrap');
  await page.getByRole('menuitemcheckbox', { name: /Wrap/ }).click();
  await doing(page, 'close the menu');
  await page.keyboard.press('Escape');
  await doing(page, 'scroll wrapped');
  await scrollThrough(view, 30);
  await doing(page, 'to the end');
  await view.press('End');
  await doing(page, 'find');
  await page.getByRole('button', { name: 'Find in this output' }).click();
  await page.getByRole('searchbox').or(page.getByRole('textbox')).first().pressSequentially('reset by peer', TYPED);
  await pictures(page, 60);
}

async function looks(page) {
  const theme = page.getByRole('banner').getByRole('button', { name: /theme/i });
  for (let n = 0; n < 4; n++) {
    await doing(page, 'theme');
    await theme.click();
    await pictures(page, 15);
  }
  for (const [width, height] of SIZES) {
    await doing(page, `${width} × ${height}`);
    await page.setViewportSize({ width, height });
    await pictures(page, 8);
  }
}

async function sleep(page) {
  for (const path of ['/', '/vms', '/jobs', '/overview']) {
    await to(page, path);
    await pictures(page, 10);
    await doing(page, `wake, ${path}`);
    const renewed = page.waitForEvent('websocket').then((socket) => socket.waitForEvent('framereceived', ({ payload }) => String(payload).includes('"snapshot"')));
    await page.evaluate(() => fetch('/api/mock/sleep', { method: 'POST', body: '{}' }));
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await renewed;
    await pictures(page, 20);
  }
}

async function followed(page) {
  const before = await page.evaluate(() => performance.now());
  await doing(page, 'follow');
  await page.waitForTimeout(HOSE_SECONDS * 1000);
  const text = await page.getByRole('log').innerText();
  const newest = Math.max(...[...text.matchAll(/(?:^|\n)(\d+)\s+GET|(\d{4,}) GET/g)].map(([, a, b]) => Number(a ?? b)));
  return { note: `line ${newest} drawn after ${Math.round(((await page.evaluate(() => performance.now())) - before) / 1000)} s` };
}

async function scrolled(page) {
  const view = page.getByRole('log');
  const until = Date.now() + HOSE_SECONDS * 1000;
  await doing(page, 'scroll');
  for (let n = 0; Date.now() < until; n++) {
    await view.evaluate((node, up) => { node.scrollTop += (up ? -1 : 1) * node.clientHeight * 3; }, n % 3 !== 2);
    await page.waitForTimeout(120);
  }
}

/** Ten minutes' worth of events and as many lines as the page takes, with the memory in between. */
async function long(page, heap) {
  const parts = [];
  for (let n = 0; n < LONG_PARTS; n++) {
    await doing(page, `part ${n + 1}`);
    await page.waitForTimeout(((LONG_EVENTS / (2 * VMS)) * 1000) / LONG_FASTER / LONG_PARTS);
    await doing(page, MEASURING);
    parts.push(await heap(page));
  }
  return { parts };
}

const many = VMS.toLocaleString('en-US');
export const SCENARIOS = {
  choosing: [`choose among ${many} machines: scroll, search, group, choose all, preview of two commands`, choose, (page) => opened(page)],
  screens: ['each screen, opened for the first time and again', screens, (page) => opened(page)],
  palette: ['the palette: open, type, arrows', palette, async (page) => { await opened(page, '/jobs'); await history(page); }],
  machines: [`the table of ${many} machines: open, scroll, search, menu, filter`, tableOfMachines, (page) => opened(page, '/settings')],
  run: [`a run on ${many} machines as it goes`, run, (page) => readyToRun(page, 'uptime')],
  atwork: [`${many} tasks at work, each telling twice a second: table, together, grouped, cancelled`, atWork, (page) => beginStorm(page, 'storm 1000000')],
  grouped: [`grouped output of ${many} machines, then together`, grouped, async (page) => { await beginStorm(page, 'storm 4000 4'); await ended(page); }],
  jobs: [`${JOBS.toLocaleString('en-US')} jobs: all pages of the history, scroll, search, filter`, jobs, (page) => opened(page, '/jobs')],
  log: [`a log of ${LINES.toLocaleString('en-US')} lines: end, beginning, all through, wrapped, find`, log, async (page) => {
    await opened(page, '/jobs');
    await page.getByRole('list', { name: 'Jobs' }).getByRole('link', { name: /Busiest processes/ }).first().click();
    await tasksTable(page).locator('tbody tr').first().click();
    await page.getByRole('log').waitFor();
  }],
  looks: [`theme and size of the window, ${many} machines chosen and a preview`, looks, (page) => readyToRun(page, 'uptime')],
  different: [`${many} machines of which each wrote something else, grouped`, different, async (page) => { await beginStorm(page, 'storm 4000 4 uptime'); await ended(page); }],
  sleep: [`back after sleep: all of ${many} machines and the jobs told anew, on four screens`, sleep, (page) => opened(page)],
  hose: [`${RATE.toLocaleString('en-US')} lines/s arrive for ${HOSE_SECONDS} s, followed`, followed, (page) => begin(page, `hose ${RATE}`)],
  scrolled: [`${RATE.toLocaleString('en-US')} lines/s arrive for ${HOSE_SECONDS} s while one scrolls back and forth`, scrolled, (page) => begin(page, `hose ${RATE}`)],
  long: [`ten minutes of ${many} tasks at work, ${LONG_FASTER} times as fast`, long, (page) => beginStorm(page, `storm ${LONG_EVENTS} ${LONG_FASTER}`)]
};
