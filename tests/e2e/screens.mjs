// Every screen as a person meets it who has enemies: names, commands and output are full of markup and escape sequences, and the host's own
// content policy holds. Nothing of it may run, become an element or leave the text that it is; and axe finds no fault with any screen,
// dark and light, on a desktop and on a phone.
import assert from 'node:assert/strict';
import { violations } from './axe.mjs';
import { launch, openPage } from './chromium.mjs';
import { inPage } from './script.mjs';
import { say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const HOSTILE = '<img src=x onerror="window.hacked=1">"\'><script>window.hacked=1</script><svg onload="window.hacked=1">';
/** The same, and what a terminal would obey. */
const OUTPUT = `${HOSTILE}\u001b]0;title\u0007\u001b[2J\u001b[1;31mred\u001b[0m\u001b]8;;javascript:window.hacked=1\u0007click\u001b]8;;\u0007 http://127.0.0.1:1/"><img>`;

const browser = await launch();
const { page, faults } = await openPage(browser, { colorScheme: 'dark' });
page.setDefaultTimeout(30_000);

await inPage(browser, page, async () => {
	await page.goto(told.setup_url);
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	const header = (await page.reload()).headers()['content-security-policy'];
	assert.ok(!/unsafe|\*|data:(?!;| |$)/.test(header.replace(/(img|font)-src [^;]*/g, '')), `the policy has no exception: ${header}`);
	const job = await runHostile();
	await saveHostile();
	await arrange();
	for (const look of [{ colorScheme: 'dark' }, { colorScheme: 'light', viewport: { width: 390, height: 844 } }]) await lookAtAll(job, look);
	assert.deepEqual(faults, [], 'nothing went wrong in the page');
});

/** A command whose text and output are hostile, on every machine. */
async function runHostile() {
	await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
	await page.getByRole('region', { name: 'Commands' }).getByRole('button', { name: /^Ad-hoc command/ }).click();
	const form = page.getByRole('form', { name: 'Run a command' });
	const words = Buffer.from(OUTPUT).toString('base64');
	await form.getByRole('textbox', { name: 'Command' }).fill(`: ${HOSTILE.replaceAll("'", '').replaceAll(/[<>"&;()]/g, (sign) => `\\${sign}`)}\nfor i in 1 2 3; do echo ${words} | base64 -d; echo; done`);
	await form.getByRole('region', { name: 'Preview' }).getByText('base64 -d').first().waitFor();
	await form.getByRole('button', { name: /^Run on/ }).click();
	await page.getByRole('status', { name: 'Job status' }).getByText('Succeeded', { exact: true }).waitFor();
	await page.getByRole('link', { name: 'Details' }).click();
	await page.getByRole('log').getByText('onerror').first().waitFor();
	await unharmed('the output');
	say('ran a command whose text and output mean no good');
	return new URL(page.url()).pathname;
}

async function saveHostile() {
	await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Commands' }).click();
	await page.getByRole('button', { name: 'Save a command' }).first().click();
	const dialog = page.getByRole('dialog', { name: 'Save a command' });
	await dialog.getByRole('textbox', { name: 'Title' }).fill(HOSTILE.slice(0, 60));
	await dialog.getByRole('combobox', { name: 'Category' }).or(dialog.getByRole('textbox', { name: 'Category' })).fill('<b>odd');
	await dialog.getByRole('textbox', { name: 'Shell text' }).fill(`echo '${HOSTILE.replaceAll("'", '')}'`);
	await dialog.getByRole('textbox', { name: 'What it does' }).fill(HOSTILE);
	await dialog.getByRole('button', { name: 'Save command' }).click();
	await dialog.waitFor({ state: 'hidden' });
	await page.getByRole('heading', { level: 2, name: /<b>odd/ }).waitFor();
	await unharmed('the commands');
	say('saved a command whose title means no good');
}

/** What somebody arranges is there in another browser too: the host keeps it. */
async function arrange() {
	await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Overview' }).click();
	await page.getByRole('button', { name: 'Arrange' }).click();
	await page.getByRole('button', { name: 'Show Plugins' }).click();
	const kept = page.waitForResponse((response) => response.url().includes('/api/settings/') && response.request().method() === 'PUT');
	await page.getByRole('button', { name: 'Move Plugins up' }).click();
	assert.equal((await kept).status(), 200, 'the host keeps how the overview is arranged');
	await page.getByRole('button', { name: 'Done' }).click();
	const state = await page.context().storageState();
	const other = await openPage(browser, { storageState: { ...state, origins: [] } });
	await other.page.goto(new URL('overview', told.url).href);
	await other.page.getByRole('list', { name: 'Plugins' }).getByRole('link', { name: /Redact/ }).waitFor();
	await other.page.context().close();
	say('arranged the overview, and found it so in another browser');
}

/** Nothing hostile became an element or ran. */
async function unharmed(where) {
	const harm = await page.evaluate(() => [
		...[...document.querySelectorAll('body img, body iframe, body object, [onerror], [onload], main script')].map((element) => element.outerHTML.slice(0, 200)),
		...[...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href')).filter((href) => !/^(\/|#|https?:)/i.test(href)),
		...('hacked' in window ? ['it ran'] : [])
	]);
	assert.deepEqual(harm, [], where);
}

async function lookAtAll(job, look) {
	const state = await page.context().storageState();
	const seen = await openPage(browser, { ...look, storageState: state, reducedMotion: 'reduce' });
	seen.page.setDefaultTimeout(30_000);
	const wrong = [];
	for (const [path, ready] of [
		['/', (shown) => shown.getByRole('group', { name: 'Machines to run on' }).getByRole('checkbox').first()],
		['/overview', (shown) => shown.getByRole('list', { name: 'Figures' })],
		['/vms', (shown) => shown.locator('tbody tr').first()],
		['/commands', (shown) => shown.getByRole('button', { name: /^Run / }).first()],
		['/jobs', (shown) => shown.getByRole('list', { name: 'Jobs' })],
		[job, (shown) => shown.getByRole('log').getByText('onerror').first()],
		[`${job}?view=grouped`, (shown) => shown.getByRole('list', { name: 'Groups of identical output' })],
		[`${job}?view=timeline`, (shown) => shown.getByRole('list', { name: 'When each machine was at work' })],
		[`${job}?view=over-time`, (shown) => shown.getByText('It ran only once').or(shown.getByRole('grid', { name: 'Each machine in the last runs' })).first()],
		[`${job}?view=together`, (shown) => shown.getByRole('log').getByText('onerror').first()],
		['/logs?q=onerror', (shown) => shown.getByText(/hits? in /).first()],
		['/plugins', (shown) => shown.getByRole('list', { name: 'Plugins' })],
		['/plugins/redact', (shown) => shown.getByRole('heading', { name: 'README' })],
		['/settings', (shown) => shown.getByRole('button', { name: 'Sign out' })],
		['/nowhere', (shown) => shown.getByRole('link').first()]
	]) {
		await seen.page.goto(new URL(path, told.url).href);
		await seen.page.getByRole('button', { name: 'Connection: Live', includeHidden: true }).waitFor();
		await ready(seen.page).waitFor();
		wrong.push(...(await violations(seen.page)).map((violation) => `${path}: ${violation}`));
		wrong.push(...(await seen.page.evaluate(() => ('hacked' in window || document.querySelector('main img, [onerror]') ? ['hostile text ran or became an element'] : []))).map((harm) => `${path}: ${harm}`));
	}
	await seen.page.keyboard.press('Control+k');
	const palette = seen.page.getByRole('dialog');
	await palette.getByRole('combobox').fill('onerror');
	await palette.getByRole('option').first().waitFor();
	wrong.push(...(await violations(seen.page)).map((violation) => `the palette: ${violation}`));
	assert.deepEqual([...wrong, ...seen.faults.filter((fault) => !/Not found: \/nowhere/.test(fault))], [], JSON.stringify(look));
	await seen.page.context().close();
	say(`looked at every screen, ${look.colorScheme}, ${look.viewport?.width ?? 1440} px: axe finds nothing`);
}
