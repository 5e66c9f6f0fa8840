// WCAG 2.2 AA by axe on every screen of a running host or of the made-up one, both themes, desktop and phone; no screen scrolls sideways.
// Colours that a command chose for its own output are left out: they are its words, not ours.
//
//   node dev/a11y.mjs [BASE_URL] [LOGIN_URL] [only=run,jobs]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { scrollsSideways } from './sideways.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [base = 'http://127.0.0.1:8477', login, only] = process.argv.slice(2);
const wanted = only?.replace('only=', '').split(',');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const browser = await chromium.launch({
  executablePath: process.env.CORRAL_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
});
let storageState;
if (login) {
  const context = await browser.newContext();
  await (await context.newPage()).goto(login);
  storageState = await context.storageState();
  await context.close();
}

/** How long something that a host may not have is waited for, in milliseconds. */
const THERE_MS = 3000;

/** Clicks what the made-up host has and another may not. */
async function ifThere(locator) {
  const there = await locator.waitFor({ timeout: THERE_MS }).then(() => true, () => false);
  if (there) await locator.click();
}

/** A job by its place in the list, with one of its machines chosen; the made-up host's first two stand in every state. */
async function openJob(page, job, task = 0) {
  await page.goto(`${base}/jobs`);
  const list = page.getByRole('list', { name: 'Jobs' });
  const told = list.getByRole('link', { name: /apt-get -q update/ });
  await list.waitFor();
  await ifThere((await told.count()) > job ? told.nth(job) : list.getByRole('link').nth(job));
  await ifThere(page.getByRole('region', { name: 'Tasks' }).locator('tbody tr').nth(task));
}

const SCREENS = {
  run: (page) => page.goto(base),
  form: async (page) => {
    await page.goto(`${base}/commands`);
    await page.getByRole('button', { name: /^Run / }).nth(1).click();
  },
  overview: (page) => page.goto(`${base}/overview`),
  arrange: async (page) => {
    await page.goto(`${base}/overview`);
    await page.getByRole('button', { name: 'Arrange' }).click();
  },
  vms: (page) => page.goto(`${base}/vms`),
  vm: async (page) => {
    await page.goto(`${base}/vms`);
    await page.locator('table a').first().click();
  },
  add: (page) => page.goto(`${base}/vms?add=1`),
  import: (page) => page.goto(`${base}/vms?import=1`),
  commands: (page) => page.goto(`${base}/commands`),
  jobs: (page) => page.goto(`${base}/jobs`),
  job: async (page) => {
    await page.goto(`${base}/jobs`);
    const job = page.getByRole('list', { name: 'Jobs' }).getByRole('link').first();
    if (await job.count()) await job.click();
  },
  options: async (page) => {
    await page.goto(`${base}/commands`);
    await page.getByRole('button', { name: /^Run / }).nth(1).click();
    if (page.viewportSize().width < 640) await page.getByRole('button', { name: /Choose a command/ }).click();
    await page.getByText('Options', { exact: true }).click();
    await page.getByRole('textbox', { name: 'Canary first' }).fill('0%');
    await page.getByRole('button', { name: 'Add a variable' }).click();
  },
  changed: async (page) => {
    await page.goto(`${base}/vms`);
    await page.locator('table a').first().waitFor();
    await ifThere(page.locator('table a', { hasText: 'cache-stg-1' }).first());
    await ifThere(page.getByRole('button', { name: 'Test connection' }));
  },
  edit: async (page) => {
    await page.goto(`${base}/vms`);
    await page.locator('table a').first().click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await ifThere(page.getByRole('dialog').getByText('SSH options'));
  },
  trust: async (page) => {
    await SCREENS.changed(page);
    await ifThere(page.getByRole('button', { name: /Trust the new key/ }));
  },
  facts: async (page) => {
    await page.goto(`${base}/vms`);
    await page.locator('table a').first().waitFor();
    await ifThere(page.locator('table a', { hasText: 'web-1a' }).first());
    await ifThere(page.getByRole('button', { name: 'Test connection' }));
  },
  revoke: async (page) => {
    await SCREENS.facts(page);
    await ifThere(page.getByRole('button', { name: /^Revoke (?!all)/ }).first());
  },
  remove: async (page) => {
    await SCREENS.vm(page);
    await page.getByRole('button', { name: /^Remove/ }).click();
  },
  save: async (page) => {
    await page.goto(`${base}/commands`);
    await page.getByRole('button', { name: 'Save a command' }).first().click();
  },
  preview: async (page) => {
    await page.goto(base);
    await page.getByRole('checkbox', { name: 'Choose all machines' }).click();
    if (page.viewportSize().width < 640) await page.getByRole('button', { name: /Choose a command/ }).click();
    // The command that was chosen last is still there.
    await ifThere(page.getByRole('button', { name: '← Commands' }));
    await page.locator('[data-command="ad-hoc"]').click();
    await page.getByRole('textbox', { name: 'Command' }).fill('uptime');
    await ifThere(page.getByRole('region', { name: 'Preview' }));
  },
  enlarged: async (page) => {
    await openJob(page, 1);
    await ifThere(page.getByRole('button', { name: 'Enlarge the output' }));
  },
  missing: (page) => page.goto(`${base}/nowhere`),
  grouped: async (page) => {
    await openJob(page, 1);
    await ifThere(page.getByRole('tab', { name: 'Grouped' }));
    await ifThere(page.getByRole('list', { name: 'Groups of identical output' }).locator('[aria-expanded=false]').first());
  },
  timeline: async (page) => {
    await openJob(page, 0);
    await ifThere(page.getByRole('tab', { name: 'Timeline' }));
    await page.getByRole('list', { name: 'When each machine was at work' }).waitFor();
  },
  'over-time': async (page) => {
    await openJob(page, 1);
    await ifThere(page.getByRole('tab', { name: 'Over time' }));
    await page.getByRole('grid', { name: 'Each machine in the last runs' }).or(page.getByText('It ran only once')).waitFor();
  },
  find: async (page) => {
    await openJob(page, 1, 1);
    await ifThere(page.getByRole('button', { name: 'Find in this output' }));
    await page.getByRole('textbox', { name: 'Find', exact: true }).fill('e');
    await page.keyboard.press('Enter');
  },
  look: async (page) => {
    await openJob(page, 1, 1);
    await ifThere(page.getByRole('button', { name: 'How lines are shown' }));
  },
  export: async (page) => {
    await openJob(page, 1, 1);
    await ifThere(page.getByRole('button', { name: 'Download output' }));
  },
  line: async (page) => {
    await openJob(page, 1, 1);
    await ifThere(page.getByRole('button', { name: 'Line 7', exact: true }));
    await ifThere(page.getByRole('button', { name: 'Details' }));
  },
  together: async (page) => {
    await openJob(page, 1);
    await ifThere(page.getByRole('tab', { name: 'Together' }));
    await ifThere(page.getByRole('button', { name: /Choose machines/ }));
  },
  logs: (page) => page.goto(`${base}/logs`),
  hits: (page) => page.goto(`${base}/logs?q=e`),
  misspelt: (page) => page.goto(`${base}/logs?q=(&regex=true&range=custom&job=00000000-0000-7000-8000-000000000000`),
  retry: async (page) => {
    await openJob(page, 1);
    await ifThere(page.getByRole('button', { name: 'Retry', exact: true }));
  },
  rolling: (page) => openJob(page, 0, 6),
  receipt: (page) => openJob(page, 1, 2),
  unknown: (page) => openJob(page, 1, 0),
  secret: async (page) => {
    await page.goto(`${base}/settings`);
    await ifThere(page.getByRole('button', { name: 'Set a secret' }).first());
  },
  plugins: (page) => page.goto(`${base}/plugins`),
  plugin: async (page) => {
    await page.goto(`${base}/plugins`);
    await page.getByRole('list', { name: 'Plugins' }).getByRole('link').first().click();
    await page.getByRole('region', { name: 'Rights' }).waitFor();
  },
  grant: async (page) => {
    await SCREENS.plugin(page);
    await ifThere(page.getByRole('button', { name: /^Grant / }).first());
  },
  settings: (page) => page.goto(`${base}/settings`),
  palette: async (page) => {
    await page.goto(base);
    await page.keyboard.press('Control+k');
  }
};

let faults = 0;
for (const colorScheme of ['dark', 'light']) {
  for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 844 }]) {
    const context = await browser.newContext({ viewport, colorScheme, storageState, bypassCSP: true, reducedMotion: 'reduce' });
    const page = await context.newPage();
    for (const [name, open] of Object.entries(SCREENS)) {
      if (wanted && !wanted.includes(name)) continue;
      await open(page);
      await page.getByRole('button', { name: 'Connection: Live', includeHidden: true }).waitFor();
      await page.waitForTimeout(600);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(
        (tags) => window.axe.run({ exclude: [['[role=log] span[style]'], ['[role=log] [class*=ansi]'], ['[data-output] span[style]'], ['[data-output] [class*=ansi]']] }, { runOnly: tags }),
        TAGS
      );
      const sideways = await page.evaluate(scrollsSideways);
      if (sideways) {
        faults++;
        console.log(`${name}, ${colorScheme}, ${viewport.width} px: wider than the screen: ${sideways}`);
      }
      for (const { id, nodes } of violations) {
        faults++;
        console.log(`${name}, ${colorScheme}, ${viewport.width} px: ${id} (${nodes.length}) ${nodes[0].html.slice(0, 140)} | ${nodes[0].failureSummary.replaceAll('\n', ' ').slice(0, 200)}`);
      }
    }
    await context.close();
  }
}
await browser.close();
console.log(faults === 0 ? 'no violation' : `${faults} violations`);
process.exit(faults === 0 ? 0 : 1);
