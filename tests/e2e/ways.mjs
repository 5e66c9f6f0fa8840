// Ways to a thing without looking for it: an address that somebody sent leads to the filtered list, the line, the plugin, also for who has to
// sign in first; a job from ⌘K to its log needs no mouse; and what was arranged is so after a reload and elsewhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, openPage } from './chromium.mjs';
import { Dashboard } from './dashboard.mjs';
import { inPage } from './script.mjs';
import { say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const LINES = 400;
const LINE = 321;
/** More steps than these from one thing to the next are no way. */
const STEPS_MAX = 40;
const ROLL = { id: 'roll', title: 'Roll call', category: 'Tests', parameters: [{ name: 'caller' }], argv: ['echo', 'called by {{caller}} on {{vm.name}}'] };

const browser = await launch();
const { page, faults } = await openPage(browser);
page.setDefaultTimeout(30_000);
const dash = new Dashboard(page, told);

await inPage(browser, page, async () => {
	await dash.signIn();
	writeFileSync(join(told.templates, 'roll.yaml'), JSON.stringify(ROLL));
	const vms = [];
	for (const vm of told.vms) vms.push(await dash.api('POST', '/api/vms', vm));
	const jobs = await someJobs(vms.map(({ id }) => id));
	await toAFilteredList(jobs);
	await toALine(jobs.good, vms[1]);
	await toWhatThereIs(jobs.good, vms[0]);
	await throughTheDoor();
	await withoutAMouse();
	await arranged();
	assert.deepEqual(faults, [], 'nothing went wrong in the page');
});

async function someJobs(vms) {
	const run = async (script) => (await dash.api('POST', '/api/jobs', { command: { script }, targets: { vms } })).id;
	const jobs = { good: await run(`seq -f 'needle %g' ${LINES}`), bad: await run('echo no; exit 3') };
	await dash.open(`/jobs/${jobs.good}`);
	await dash.stands('Succeeded');
	await dash.open(`/jobs/${jobs.bad}`);
	await dash.stands('Failed');
	return jobs;
}

/** What is chosen by hand stands in the address; who opens that sees the same. */
async function toAFilteredList({ good, bad }) {
	const rows = page.getByRole('list', { name: 'Jobs' }).getByRole('link');
	await dash.open('/jobs?status=failed');
	await rows.filter({ hasText: 'exit 3' }).waitFor();
	assert.equal(await rows.count(), 1, 'only what failed');
	await page.getByRole('combobox', { name: 'Status' }).selectOption('succeeded');
	await rows.filter({ hasText: 'needle' }).waitFor();
	await page.getByRole('combobox', { name: 'Time' }).selectOption({ label: 'Last hour' });
	await page.getByRole('searchbox', { name: 'Search jobs' }).fill('seq');
	await page.waitForURL(/status=succeeded.*seq/);
	const other = await openPage(browser, { storageState: await page.context().storageState() });
	await other.page.goto(page.url());
	const shown = other.page.getByRole('list', { name: 'Jobs' }).getByRole('link');
	await shown.filter({ hasText: 'needle' }).waitFor();
	assert.equal(await shown.count(), 1);
	assert.equal(await other.page.getByRole('searchbox', { name: 'Search jobs' }).inputValue(), 'seq');
	assert.deepEqual(other.faults, []);
	await other.page.context().close();
	// Into a job and back: the list is as it was left.
	await rows.first().click();
	await page.waitForURL(`**/jobs/${good}`);
	await page.goBack();
	await rows.filter({ hasText: 'needle' }).waitFor();
	assert.equal(await rows.count(), 1, 'the filters are still there');
	await page.getByRole('button', { name: 'Clear', exact: true }).last().click();
	await rows.nth(1).waitFor();
	assert.equal(new URL(page.url()).search, '');
	await dash.open(`/jobs?q=${bad}`);
	await rows.filter({ hasText: 'exit 3' }).waitFor();
	assert.equal(await rows.count(), 1, 'found by its id');
	say('opened filtered lists of jobs by their addresses');
}

async function toALine(job, vm) {
	const output = page.getByRole('log', { name: `Output of ${vm.name}` });
	await dash.open(`/jobs/${job}?vm=${vm.id}&line=${LINE}`);
	const line = output.getByText(`needle ${LINE}`, { exact: true });
	await line.waitFor();
	await page.getByRole('toolbar', { name: 'Marked lines' }).getByText(`Line ${LINE}`).waitFor();
	const [box, view] = [await line.boundingBox(), await output.boundingBox()];
	assert.ok(box.y >= view.y && box.y + box.height <= view.y + view.height, 'the line is in view');
	await dash.open(`/jobs/${job}?vm=${vm.id}&line=12-14`);
	await page.getByRole('toolbar', { name: 'Marked lines' }).getByText('Lines 12 to 14').waitFor();
	await output.getByText('needle 12', { exact: true }).waitFor();
	// From a hit of the search.
	await dash.open(`/logs?q=${encodeURIComponent(`needle ${LINES}`)}`);
	await page.getByText(/^3 hits in /).waitFor();
	await page.getByRole('link', { name: `Line ${LINES} of ${vm.name}` }).click();
	await page.getByRole('toolbar', { name: 'Marked lines' }).getByText(`Line ${LINES}`).waitFor();
	assert.equal(new URL(page.url()).searchParams.get('line'), String(LINES));
	// What was marked is part of the way back, too.
	await page.getByRole('button', { name: `Line ${LINES - 1}`, exact: true }).click();
	await dash.go('Settings');
	await page.getByRole('button', { name: 'Sign out' }).waitFor();
	await page.goBack();
	await page.getByRole('toolbar', { name: 'Marked lines' }).getByText(`Line ${LINES - 1}`).waitFor();
	say('opened a line, several lines, and a hit of a search by address');
}

async function toWhatThereIs(job, vm) {
	for (const [path, ready] of [
		['/plugins/redact', page.getByRole('heading', { level: 1, name: 'Redact' })],
		[`/vms/${vm.id}`, page.getByRole('heading', { level: 1, name: vm.name })],
		['/vms?status=offline', page.getByText('No machine fits')],
		['/vms?add=1', page.getByRole('dialog', { name: 'Add a machine' })],
		[`/jobs/${job}?view=grouped`, page.getByRole('list', { name: 'Groups of identical output' })],
		[`/jobs/${job}?view=timeline`, page.getByRole('list', { name: 'When each machine was at work' })],
		[`/jobs/${job}?view=over-time`, page.getByRole('tab', { name: 'Over time', selected: true })],
		[`/jobs/${job}?view=together`, page.getByRole('tab', { name: 'Together', selected: true })],
		[`/?job=${job}`, page.getByRole('region', { name: 'Progress by machine' })]
	]) {
		await dash.open(path);
		await ready.first().waitFor();
	}
	say('opened plugins, machines, dialogs and views by address');
}

/** Who is not signed in is asked to, and is then where the address led. */
async function throughTheDoor() {
	const { page: stranger, faults: wrong } = await openPage(browser);
	await stranger.goto(new URL('/plugins/redact', told.url).href);
	await stranger.getByRole('heading', { name: 'Sign in to Corral' }).waitFor();
	const field = stranger.getByRole('textbox', { name: 'Login link or token' });
	await field.fill('nonsense');
	await field.press('Enter');
	await stranger.getByRole('alert').waitFor();
	await field.fill(execFileSync(told.corral, ['login-link', '--data', told.data], { encoding: 'utf8' }).match(/http\S+/)[0]);
	await field.press('Enter');
	await stranger.getByRole('heading', { level: 1, name: 'Redact' }).waitFor();
	assert.deepEqual(wrong.filter((fault) => !/status of 40[13]|WebSocket/.test(fault)), []);
	await stranger.context().close();
	say('was asked to sign in, and then was where the address led');
}

async function hasFocus(target) {
	await target.and(page.locator(':focus')).waitFor();
}

/** Presses a key until something has the focus. */
async function stepTo(key, target) {
	for (let step = 0; step < STEPS_MAX; step += 1) {
		if (await target.and(page.locator(':focus')).count()) return;
		await page.keyboard.press(key);
	}
	throw new Error(`${STEPS_MAX} × ${key} do not lead to ${target}`);
}

/** Opens ⌘K, types and takes the first that is offered. */
async function jump(text, offered) {
	await page.keyboard.press('Control+k');
	await page.getByRole('combobox', { name: /^Search/ }).waitFor();
	await page.keyboard.type(text);
	await page.getByRole('option', { name: offered, selected: true }).waitFor();
	await page.keyboard.press('Enter');
}

async function withoutAMouse() {
	const keys = page.keyboard;
	await dash.open('/overview');
	await jump('run', /^Run Choose machines/);
	await dash.command('Ad-hoc command').waitFor();
	await keys.press('/');
	await keys.type('vm-0');
	for (let machine = 0; machine < 2; machine += 1) {
		await keys.press('ArrowDown');
		await keys.press('Space');
	}
	await page.getByText('2 chosen').waitFor();
	await jump('roll call', /^Roll call/);
	await hasFocus(dash.form.getByRole('textbox', { name: 'Caller' }));
	await keys.type('Ada');
	await keys.press('Control+Enter');
	await dash.stands('Succeeded');
	await page.getByRole('log').getByText('called by Ada on vm-01').waitFor();
	await stepTo('Tab', page.getByRole('region', { name: 'Progress by machine' }).getByRole('button', { name: /^All machines/ }));
	await keys.press('ArrowDown');
	await keys.press('ArrowDown');
	await stepTo('Tab', page.getByRole('log', { name: 'Output of vm-02' }));
	await keys.press('Control+f');
	await hasFocus(page.getByRole('textbox', { name: 'Find', exact: true }));
	await keys.type('Ada');
	await keys.press('Enter');
	await page.getByRole('search', { name: 'Find in this output' }).getByText('1 of 1').waitFor();
	await keys.press('Escape');
	await hasFocus(page.getByRole('log', { name: 'Output of vm-02' }));
	say('ran a command and read its output from ⌘K on, without a mouse');
}

async function arranged() {
	await dash.go('Overview');
	await page.getByRole('button', { name: 'Arrange' }).click();
	const kept = page.waitForResponse((response) => response.url().includes('/api/settings/') && response.request().method() === 'PUT');
	await page.getByRole('button', { name: 'Hide Fleet' }).click();
	assert.equal((await kept).status(), 200);
	await page.getByRole('button', { name: 'Done' }).click();
	await page.reload();
	await page.getByRole('list', { name: 'Figures' }).waitFor();
	await dash.isLive();
	assert.equal(await page.getByRole('heading', { name: 'Fleet' }).count(), 0, 'hidden after a reload');
	const other = await openPage(browser, { storageState: { ...(await page.context().storageState()), origins: [] } });
	await other.page.goto(new URL('/overview', told.url).href);
	await other.page.getByRole('list', { name: 'Figures' }).waitFor();
	await other.page.getByRole('heading', { name: 'Recent jobs' }).waitFor();
	await other.page.getByRole('heading', { name: 'Fleet' }).waitFor({ state: 'detached' });
	await other.page.context().close();
	say('what was arranged is so after a reload, and in another browser');
}
