// Pictures of every screen, dark and light, desktop and phone, of a running host. Also fails on any console error, so that
// a violation of the content security policy does not go unseen, and on any screen that scrolls sideways.
//
//   node dev/screenshots.mjs BASE_URL OUT_DIR [LOGIN_URL] [only=run,jobs]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { scrollsSideways } from './sideways.mjs';

const [base = 'http://127.0.0.1:8477', out = 'dev/shots', login, only] = process.argv.slice(2);
const wanted = only?.replace('only=', '').split(',');
mkdirSync(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CORRAL_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
});
const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
let faults = 0;

async function chooseMachines(page, size) {
  await page.getByRole('checkbox', { name: 'Choose all machines' }).click();
  if (size === 'phone') await page.getByRole('button', { name: /Choose a command/ }).click();
}

/** The page of one of the made-up host's own jobs, newest first, with one of its machines chosen; what was started here stands above them. */
async function story(page, job, task) {
  await page.goto(`${base}/jobs`);
  await page.getByRole('list', { name: 'Jobs' }).getByRole('link', { name: /apt-get -q update/ }).nth(job).click();
  await page.getByRole('region', { name: 'Tasks' }).locator('tbody tr').nth(task).click();
  await page.waitForTimeout(700);
}

/** The output that has lines of every kind; gives its address. */
async function kinds(page) {
  await story(page, 1, 1);
  return page.url();
}

/** On a phone the output stands below the machines. */
async function below(page, size) {
  if (size === 'phone') await page.getByRole('region', { name: 'Output' }).evaluate((output) => output.scrollIntoView({ block: 'start' }));
  await page.waitForTimeout(600);
}

/** Chooses how lines are shown. */
async function look(page, toggle, time) {
  await page.getByRole('button', { name: 'How lines are shown' }).click();
  await page.getByRole('menuitemcheckbox', { name: toggle }).click();
  await page.getByRole('menuitemradio', { name: time }).click();
  await page.keyboard.press('Escape');
}

async function machine(page, name) {
  await page.goto(`${base}/vms`);
  await page.locator('table a', { hasText: name }).first().click();
  if (await page.getByRole('button', { name: 'Test connection' }).count()) await page.getByRole('button', { name: 'Test connection' }).click();
  await page.waitForTimeout(700);
}

async function plugin(page, name) {
  await page.goto(`${base}/plugins`);
  await page.getByRole('list', { name: 'Plugins' }).getByRole('link', { name }).click();
  await page.getByRole('list', { name: 'What became of it' }).waitFor();
}

const SHOTS = {
  run: async () => undefined,
  form: async (page, size) => {
    await chooseMachines(page, size);
    await page.locator('[data-command]').nth(3).click();
    await page.waitForTimeout(700);
  },
  live: async (page, size) => {
    await chooseMachines(page, size);
    await page.locator('[data-command="ad-hoc"]').click();
    await page.getByRole('textbox', { name: 'Command' }).fill('for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf "\\033[32m✓\\033[0m step \\033[1m%s\\033[0m on %s\\n" $i "$(hostname)"; ls /nowhere-$i; sleep 0.4; done');
    await page.getByRole('button', { name: /^Run on/ }).click();
    await page.waitForTimeout(3200);
  },
  done: async (page, size) => {
    await SHOTS.live(page, size);
    await page.waitForTimeout(7000);
    await page.getByRole('region', { name: 'Progress by machine' }).getByRole('button').nth(1).click();
    await page.waitForTimeout(600);
  },
  overview: async (page) => page.goto(`${base}/overview`),
  arrange: async (page) => {
    await page.goto(`${base}/overview`);
    await page.getByRole('button', { name: 'Arrange' }).click();
  },
  vms: async (page) => page.goto(`${base}/vms`),
  vm: async (page, size) => {
    await page.goto(`${base}/vms`);
    await page.locator('table a').nth(size === 'phone' ? 1 : 2).click();
    await page.getByRole('button', { name: 'Test connection' }).click();
    await page.waitForTimeout(700);
  },
  add: async (page) => {
    await page.goto(`${base}/vms`);
    await page.getByRole('button', { name: 'Add machine' }).click();
  },
  import: async (page) => {
    await page.goto(`${base}/vms`);
    await page.getByRole('button', { name: 'Import' }).first().click();
  },
  commands: async (page) => page.goto(`${base}/commands`),
  jobs: async (page) => page.goto(`${base}/jobs`),
  job: async (page) => {
    await page.goto(`${base}/jobs`);
    await page.getByRole('list', { name: 'Jobs' }).getByRole('link').first().click();
    await page.waitForTimeout(800);
  },
  options: async (page, size) => {
    await SHOTS.form(page, size);
    await page.getByText('Options', { exact: true }).click();
    await page.getByRole('textbox', { name: 'Canary first' }).fill('1');
    await page.getByRole('textbox', { name: 'Batches of' }).fill('25%');
    await page.getByRole('textbox', { name: 'Run as' }).fill('root');
    await page.getByRole('button', { name: 'Add a variable' }).click();
    await page.waitForTimeout(700);
  },
  wrong: async (page, size) => {
    await SHOTS.options(page, size);
    await page.getByRole('textbox', { name: 'Stop after' }).fill('some');
    await page.getByRole('textbox', { name: 'Batches of' }).fill('120%');
    await page.getByRole('textbox', { name: 'Folder' }).fill('srv');
  },
  preview: async (page, size) => {
    await SHOTS.options(page, size);
    await page.getByRole('textbox', { name: /unit/i }).first().fill('nginx.service');
    await page.waitForTimeout(900);
    await page.getByRole('region', { name: 'Preview' }).scrollIntoViewIfNeeded();
  },
  rolling: async (page) => story(page, 0, 1),
  receipt: async (page) => story(page, 1, 2),
  unclear: async (page) => story(page, 1, 4),
  unknown: async (page) => story(page, 1, 0),
  retry: async (page) => {
    await story(page, 1, 0);
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
  },
  close: async (page) => {
    await story(page, 0, 6);
    await page.getByRole('button', { name: 'More for this job' }).click();
    await page.getByRole('menuitem', { name: /Force-close/ }).click();
  },
  lost: async (page) => story(page, 0, 6),
  grouped: async (page) => {
    await story(page, 1, 0);
    await page.getByRole('tab', { name: 'Grouped' }).click();
    await page.waitForTimeout(500);
    await page.getByRole('list', { name: 'Groups of identical output' }).locator('[aria-expanded=false]').first().click();
  },
  timeline: async (page, size) => {
    await story(page, 0, 0);
    await page.getByRole('tab', { name: 'Timeline' }).click();
    await below(page, size);
  },
  'over-time': async (page, size) => {
    await story(page, 1, 0);
    await page.getByRole('tab', { name: 'Over time' }).click();
    await below(page, size);
  },
  kinds: async (page) => kinds(page),
  folded: async (page) => {
    await kinds(page);
    await look(page, /Fold/, /line before/);
  },
  look: async (page) => {
    await kinds(page);
    await page.getByRole('button', { name: 'How lines are shown' }).click();
  },
  export: async (page) => {
    await kinds(page);
    await page.getByRole('button', { name: 'Download output' }).click();
  },
  find: async (page) => {
    await kinds(page);
    await page.getByRole('button', { name: 'Find in this output' }).click();
    await page.getByRole('textbox', { name: 'Find', exact: true }).fill('lock');
    await page.keyboard.press('Enter');
    await page.waitForTimeout(600);
  },
  marked: async (page) => {
    await page.goto(`${await kinds(page)}&line=5-9`);
    await page.waitForTimeout(600);
  },
  line: async (page) => {
    await page.goto(`${await kinds(page)}&line=10`);
    await page.getByRole('button', { name: 'Details' }).click();
    await page.waitForTimeout(600);
  },
  damaged: async (page) => {
    await story(page, 1, 5);
    await page.getByRole('log').press('Home');
  },
  together: async (page) => {
    await story(page, 2, 0);
    await page.getByRole('tab', { name: 'Together' }).click();
    await page.waitForTimeout(600);
    await page.getByRole('button', { name: /Choose machines/ }).click();
  },
  logs: async (page) => page.goto(`${base}/logs`),
  hits: async (page) => {
    await page.goto(`${base}/logs?q=connection`);
    await page.waitForTimeout(2500);
  },
  misspelt: async (page) => page.goto(`${base}/logs?q=timeout+after+(%5Cd%2B&regex=true`),
  nothing: async (page) => {
    await page.goto(`${base}/logs?q=nowhere&stream=stderr&level=error&range=24h`);
    await page.getByText('Nothing found').waitFor({ timeout: 20_000 });
  },
  facts: async (page) => machine(page, 'web-1b'),
  keys: async (page) => machine(page, 'web-1a'),
  changed: async (page) => machine(page, 'cache-stg-1'),
  edit: async (page) => {
    await machine(page, 'web-1a');
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('dialog').getByText('SSH options').scrollIntoViewIfNeeded();
  },
  trust: async (page) => {
    await machine(page, 'cache-stg-1');
    await page.getByRole('button', { name: /Trust the new key/ }).click();
  },
  revoke: async (page) => {
    await machine(page, 'web-1a');
    await page.getByRole('button', { name: /^Revoke (?!all)/ }).first().click();
  },
  settled: async (page) => {
    await machine(page, 'web-1a');
    await page.getByRole('region', { name: 'Settings' }).scrollIntoViewIfNeeded();
  },
  danger: async (page, size) => {
    await chooseMachines(page, size);
    await page.locator('[data-command]', { hasText: 'Roll back' }).click();
    for (const field of await page.getByRole('form', { name: 'Run a command' }).getByRole('textbox').all()) await field.fill('web');
    await page.getByRole('button', { name: /^Run on/ }).click();
    await page.waitForTimeout(700);
  },
  save: async (page) => {
    await page.goto(`${base}/commands`);
    await page.getByRole('button', { name: 'Save a command' }).first().click();
  },
  enlarged: async (page) => {
    await story(page, 1, 1);
    await page.getByRole('button', { name: 'Enlarge the output' }).click();
    await page.waitForTimeout(500);
  },
  secrets: async (page) => {
    await page.goto(`${base}/settings`);
    await page.getByRole('list', { name: 'Secrets' }).scrollIntoViewIfNeeded();
  },
  secret: async (page) => {
    await page.goto(`${base}/settings`);
    await page.getByRole('button', { name: 'Set a secret' }).first().click();
  },
  plugins: async (page) => page.goto(`${base}/plugins`),
  plugin: async (page) => plugin(page, /^Redact/),
  blocked: async (page) => {
    await plugin(page, /^HTTP inventory/);
    await page.getByRole('button', { name: 'Grant http' }).click();
    await page.getByRole('button', { name: 'Grant', exact: true }).click();
  },
  hostile: async (page) => plugin(page, /^Odd/),
  settings: async (page) => page.goto(`${base}/settings`),
  palette: async (page) => {
    await page.keyboard.press('Control+k');
    await page.waitForTimeout(400);
  }
};

// A login link works once; all contexts share the session that it gave.
let storageState;
if (login) {
  const context = await browser.newContext();
  await (await context.newPage()).goto(login);
  storageState = await context.storageState();
  await context.close();
}

for (const theme of ['dark', 'light']) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const context = await browser.newContext({ viewport, deviceScaleFactor: 1, colorScheme: theme, storageState });
    for (const [name, act] of Object.entries(SHOTS)) {
      if (wanted && !wanted.includes(name)) continue;
      const page = await context.newPage();
      page.on('console', (message) => {
        // What the host refuses is an error in the console too; this one is asked for.
        if (message.type() !== 'error' || (name === 'misspelt' && message.text().includes('422'))) return;
        faults++;
        console.log(`${name} ${size} ${theme}: ${message.text()}`);
      });
      page.on('pageerror', (error) => {
        faults++;
        console.log(`${name} ${size} ${theme}: ${error.stack}`);
      });
      try {
        await page.goto(base);
        await page.getByRole('button', { name: 'Connection: Live' }).waitFor({ timeout: 8000 });
        page.setDefaultTimeout(5000);
        await act(page, size);
        await page.waitForTimeout(400);
      } catch (error) {
        faults++;
        console.log(`${name} ${size} ${theme}: ${error.message.split('\n').slice(0, 6).join(' | ')}`);
      }
      const sideways = await page.evaluate(scrollsSideways);
      if (sideways) {
        faults++;
        console.log(`${name} ${size} ${theme}: wider than the screen: ${sideways}`);
      }
      await page.screenshot({ path: join(out, `${name}-${size}-${theme}.png`) });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
console.log(faults === 0 ? `pictures in ${out}` : `${faults} faults; pictures in ${out}`);
process.exit(faults === 0 ? 0 : 1);
