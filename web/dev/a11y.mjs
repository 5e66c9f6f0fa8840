// WCAG 2.2 AA by axe on every screen of a running host or of the made-up one, both themes, desktop and phone.
// Colours that a command chose for its own output are left out: they are its words, not ours.
//
//   node dev/a11y.mjs [BASE_URL] [LOGIN_URL]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [base = 'http://127.0.0.1:8477', login] = process.argv.slice(2);
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

const SCREENS = {
  run: (page) => page.goto(base),
  form: async (page) => {
    await page.goto(`${base}/commands`);
    await page.getByRole('button', { name: /^Run / }).nth(1).click();
  },
  overview: (page) => page.goto(`${base}/overview`),
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
  plugins: (page) => page.goto(`${base}/plugins`),
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
      await open(page);
      await page.getByRole('button', { name: 'Connection: Live', includeHidden: true }).waitFor();
      await page.waitForTimeout(600);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(
        (tags) => window.axe.run({ exclude: [['[role=log] span[style]'], ['[role=log] [class*=ansi]']] }, { runOnly: tags }),
        TAGS
      );
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
