// The main job as a person does it: log in by the link, import machines, run a template that a plugin offers, watch the
// lines arrive, cancel another run, and find the first one again after the host was restarted. Elements are found as a
// person finds them, by role and name.
import assert from 'node:assert/strict';
import { launch, openPage } from './chromium.mjs';
import { inPage } from './script.mjs';
import { ask, say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const FIRST_LOAD_BYTES = 250 * 1024;

const browser = await launch();
const { page, faults } = await openPage(browser);
page.setDefaultTimeout(20_000);

await inPage(browser, page, async () => {
	await logIn();
	await importMachines();
	await seeSavedTemplate();
	await runAndWatch();
	await cancelAnother();
	await findAgainAfterRestart();
	assert.deepEqual(faults.filter(unexpected), [], 'nothing went wrong in the page');
});

async function logIn() {
	const loaded = measureScripts();
	await page.goto(told.setup_url);
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	assert.ok(!page.url().includes('token'), 'the token is gone from the address');
	const bytes = await loaded();
	assert.ok(bytes > 0 && bytes < FIRST_LOAD_BYTES, `the first page loads ${bytes} bytes of script`);
	say(`logged in by the link; the first page loaded ${Math.round(bytes / 1024)} KiB of script`);
}

/** Counts what scripts weigh on the wire until it is called. */
function measureScripts() {
	const sizes = [];
	page.on('response', (response) => {
		if (/\.js$/.test(new URL(response.url()).pathname)) {
			sizes.push(response.request().sizes().then((size) => size.responseBodySize, () => 0));
		}
	});
	return async () => {
		await page.waitForLoadState('networkidle').catch(() => {});
		return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
	};
}

async function importMachines() {
	await page.getByRole('button', { name: 'Import' }).click();
	const dialog = page.getByRole('dialog', { name: 'Import machines' });
	await dialog.getByRole('checkbox', { name: 'web-1' }).waitFor();
	await dialog.getByRole('button', { name: `Import ${told.machines} machines` }).click();
	await dialog.waitFor({ state: 'hidden' });
	const machines = page.getByRole('group', { name: 'Machines to run on' });
	for (let number = 1; number <= told.machines; number += 1) {
		await machines.getByRole('checkbox', { name: `web-${number}, online` }).waitFor();
	}
	say(`imported ${told.machines} machines from ssh_config; all are online`);
}

async function seeSavedTemplate() {
	await command('Roll call').waitFor();
	const begun = Date.now();
	await ask('save-template');
	await command('Second call').waitFor();
	say(`a saved template file was on the page after ${Date.now() - begun} ms`);
}

async function runAndWatch() {
	await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
	await command('Roll call').click();
	const form = page.getByRole('form', { name: 'Run a command' });
	await form.getByRole('textbox', { name: 'Caller' }).fill('Ada $(id) <b>');
	await form.getByRole('button', { name: `Run on ${told.machines} machines` }).click();

	const output = page.getByRole('log');
	await output.getByText('count').first().waitFor();
	assert.equal(await page.getByText('Succeeded').count(), 0, 'lines are there while it runs');
	await page.getByRole('progressbar', { name: `${told.machines} of ${told.machines} machines done` }).waitFor();
	// Lines that arrive scroll others away, so colours are compared when all have arrived.
	const colour = (text) => output.getByText(text).first().evaluate((element) => getComputedStyle(element).color);
	const green = await colour('all counted for Ada $(id) <b>');
	assert.notEqual(green, await colour('count 40'), 'ANSI colours are shown');
	const text = await output.innerText();
	assert.ok(!text.includes('hunter2'), 'the filter saw the lines first');
	await page.getByText('Succeeded').first().waitFor();
	say('ran a template on all machines and watched its lines, filtered, in colour');
}

async function cancelAnother() {
	await page.getByRole('button', { name: 'New run' }).click();
	await command('Second call').click();
	const form = page.getByRole('form', { name: 'Run a command' });
	await form.getByRole('textbox', { name: 'Caller' }).fill('nobody');
	await form.getByRole('button', { name: /^Run on/ }).click();
	await page.getByRole('log').getByText('count').first().waitFor();
	await page.getByRole('button', { name: 'Cancel' }).first().click();
	// A page that asks first is as right as one that does not.
	const dialog = page.getByRole('alertdialog').or(page.getByRole('dialog'));
	const asked = await dialog.waitFor({ timeout: 1000 }).then(() => true, () => false);
	if (asked) await dialog.getByRole('button', { name: /cancel the|cancel job|cancel run|stop/i }).click();
	await page.getByText('Cancelled').first().waitFor();
	say('cancelled another run');
}

async function findAgainAfterRestart() {
	await ask('restart');
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor({ timeout: 60_000 });
	say('the host was restarted; the open page found it again by itself');
	await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Jobs' }).click();
	const job = page.getByRole('list', { name: 'Jobs' }).getByRole('link', { name: /Succeeded.*Roll call/ });
	await job.click();
	await page.getByRole('heading', { level: 1, name: /Roll call/ }).waitFor();
	const output = page.getByRole('log');
	await output.getByText('called by Ada $(id) <b>').waitFor();
	await page.getByRole('toolbar', { name: 'Output' }).getByRole('button', { name: 'Follow' }).click();
	await output.getByText('all counted').waitFor();
	say('found the run again in the history, with its log');
}

function command(title) {
	return page.getByRole('region', { name: 'Commands' }).getByRole('button', { name: new RegExp(`^${title}`) });
}

/** While the host is restarted the page tries in vain to reach it, which the browser counts as errors. */
function unexpected(fault) {
	return !/WebSocket connection to|ERR_CONNECTION_REFUSED|Failed to load resource/.test(fault);
}
