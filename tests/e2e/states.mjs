// What stands behind a click, as everybody can use it: menus, dialogs, forms with errors, a run that goes on, what came of it, nothing there
// and nothing reached. axe looks at each state as a whole, then at its colours once more in the other scheme; and nothing is wider than the
// screen. The test says how wide that is, and whether something has run.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scrollsSideways } from '../../web/dev/sideways.mjs';
import { violations } from './axe.mjs';
import { launch, openPage } from './chromium.mjs';
import { Dashboard } from './dashboard.mjs';
import { inPage } from './script.mjs';
import { say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const VIEWPORT = told.phone ? { width: 390, height: 844 } : { width: 1440, height: 900 };
const SCHEMES = told.phone ? ['light', 'dark'] : ['dark', 'light'];
const TEMPLATE = {
	id: 'odd',
	title: 'Odd one',
	category: 'Tests',
	dangerous: true,
	applies_to: 'role=web',
	parameters: [{ name: 'whom', pattern: '^[a-z]+$', description: 'Who is greeted' }, { name: 'times', type: 'integer', maximum: 3, default: 2 }, { name: 'tone', type: 'enum', values: ['kind', 'curt'] }, { name: 'loud', type: 'boolean', default: true }, { name: 'password', secret: true }],
	argv: ['echo', '{{whom}} {{times}} {{tone}} {{loud}} {{vm.name}} {{password}}']
};
/** Colours that take more frames than these are no change but a fault. */
const FRAMES_MAX = 120;
const NOBODY = '01a00000-0000-7000-8000-000000000000';

const browser = await launch();
const { page, faults } = await openPage(browser, { viewport: VIEWPORT, colorScheme: SCHEMES[0], reducedMotion: 'reduce' });
page.setDefaultTimeout(60_000);
const dash = new Dashboard(page, told);
const wrong = [];
let looked = 0;
let cut = () => {};
await page.routeWebSocket(/\/api\/ws/, (socket) => {
	if (cut === null) return void socket.close();
	socket.connectToServer();
	cut = () => {
		cut = null;
		return socket.close();
	};
});

await inPage(browser, page, async () => {
	await dash.signIn();
	if (told.ran) await afterARun(await fill());
	else await beforeARun();
	assert.deepEqual(wrong, [], `of ${looked} states`);
	say(`axe finds nothing in ${looked} states, ${VIEWPORT.width} px, dark and light`);
	assert.deepEqual(faults.filter((fault) => !/status of 4\d\d|Not found: |WebSocket/.test(fault)), [], 'nothing went wrong in the page');
});

async function beforeARun() {
	await nothingThere();
	const { vms } = await fill();
	await machines(vms);
	await commands();
	await plugins();
	await settings();
	await errors();
}

async function afterARun({ vms, jobs }) {
	await aRun(jobs);
	await whatCameOfIt(jobs, vms);
	await output(jobs, vms);
	await searches();
}

/** Looks at the page as it is now. */
async function look(state) {
	looked += 1;
	say(state);
	await inColours(SCHEMES[0]);
	const found = (await violations(page)).map((violation) => `${SCHEMES[0]}: ${violation}`);
	const sideways = await page.evaluate(scrollsSideways);
	if (sideways) found.push(`wider than the screen: ${sideways}`);
	await inColours(SCHEMES[1]);
	found.push(...(await violations(page, ['color-contrast'])).map((violation) => `${SCHEMES[1]}: ${violation}`));
	await inColours(SCHEMES[0]);
	wrong.push(...found.map((each) => `${state}: ${each}`));
}

/** In which colours the page is shown, when all of them have changed. */
async function inColours(scheme) {
	await page.emulateMedia({ colorScheme: scheme });
	await page.locator(scheme === 'dark' ? 'html.dark' : 'html:not(.dark)').waitFor();
	await page.evaluate(async (most) => {
		const frame = () => new Promise((done) => requestAnimationFrame(done));
		const changing = () => document.getAnimations().some((each) => each instanceof CSSTransition && each.playState === 'running');
		await frame();
		for (let frames = 0; frames < most && changing(); frames += 1) await frame();
		await frame();
	}, FRAMES_MAX);
}

/** Opens an address, waits for something and looks. */
async function at(path, ready, state = path) {
	await dash.open(path);
	await ready.first().waitFor();
	await look(state);
}

/** Clicks, waits for what that opens and looks. */
async function behind(button, opened, state) {
	await button.first().click();
	await opened.first().waitFor();
	await look(state);
}

function named(role, name) {
	return page.getByRole(role, { name });
}

function item(name) {
	return page.getByRole('menuitem', { name });
}

async function nothingThere() {
	await at('/', page.getByText('No machines yet'), 'no machines to run on');
	await at('/vms', page.getByText('No machines yet'), 'no machines');
	await at('/jobs', page.getByText('Nothing has run yet'), 'no jobs');
	await at('/overview', named('list', 'Figures'), 'an overview of nothing');
	await at('/logs', page.getByText('Search all output').last(), 'no search');
	await at(`/logs?q=nothing`, page.getByText('Nothing found'), 'no hits');
	await at('/settings', page.getByText('No secrets yet'), 'no secrets');
	await dash.open('/commands');
	await named('searchbox', 'Search commands').fill('no such command');
	await page.getByText('No command matches').waitFor();
	await look('no commands that match');
	await dash.open('/plugins');
	await behind(named('tab', /^Want attention/), page.getByText('All is well'), 'no plugin in trouble');
}

/** Machines in every state, a template with a parameter of each kind, and jobs that ran, failed, were cancelled and run. */
async function fill() {
	writeFileSync(join(told.templates, 'odd.yaml'), JSON.stringify(TEMPLATE));
	writeFileSync(join(told.templates, 'broken.yaml'), 'id: broken\n');
	const [web, db, unknown] = told.vms;
	const vms = {};
	for (const vm of [
		{ ...web, name: 'web-1', labels: { role: 'web' } },
		{ ...db, name: 'db-1', labels: { role: 'db', rack: 'r1' } },
		{ ...unknown, name: 'new-1', host_keys: [] },
		{ ...web, name: 'gone-1', port: 1 }
	]) vms[vm.name] = (await dash.api('POST', '/api/vms', vm)).id;
	await dash.api('POST', '/api/commands', { title: 'Saved one', script: 'uptime', vm: vms['db-1'] });
	const two = [vms['web-1'], vms['db-1']];
	const run = async (script, targets = two) => (await dash.api('POST', '/api/jobs', { command: { script }, targets: { vms: targets } })).id;
	const jobs = {
		mixed: await run('i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "line $i of $SSH_CONNECTION"; done; echo warning >&2; printf "\\033[31mred\\033[0m\\n"; [ -n "${SSH_CONNECTION##*127.1.0.2*}" ]', [...two, vms['gone-1'], vms['new-1']]),
		cancelled: await run('echo begun; sleep 600 & sleep 600'),
		running: await run('i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 1; done')
	};
	await dash.open(`/jobs/${jobs.cancelled}`);
	await page.getByRole('log').getByText('begun').first().waitFor();
	await dash.api('POST', `/api/jobs/${jobs.cancelled}/cancel`, {});
	await dash.stands('Cancelled');
	await dash.open(`/jobs/${jobs.mixed}`);
	await dash.stands('Failed');
	return { vms, jobs };
}

async function machines(vms) {
	await dash.open('/');
	await named('checkbox', 'Choose all machines').check();
	await look('machines that are chosen');
	const search = page.getByRole('complementary', { name: 'Machines' }).getByRole('searchbox');
	await search.fill('=x');
	await page.getByRole('complementary', { name: 'Machines' }).getByRole('alert').waitFor();
	await look('a selector that is wrong');
	await dash.open('/vms?add=1');
	await behind(dash.dialog.getByRole('button', { name: 'Add machine' }), dash.dialog.getByText('Needed').or(dash.dialog.getByRole('alert')), 'a machine that cannot be added');
	await dash.open('/vms?import=1');
	await dash.dialog.getByRole('tab', { name: 'ssh-config' }).click();
	await dash.dialog.getByText('Nothing can be imported').waitFor();
	await look('machines that cannot be imported');
	await dash.open('/vms');
	await behind(named('button', 'Actions for web-1'), item('Edit'), 'the menu of a machine');
	await behind(item('Edit'), dash.dialog, 'the form of a machine');
	await dash.dialog.getByText('SSH options').click();
	await dash.dialog.getByRole('combobox', { name: 'Authentication' }).selectOption('password');
	await look('the form of a machine with all that it has');
	await at(`/vms/${vms['new-1']}`, named('button', 'Trust this key'), 'a host key to decide about');
	await at(`/vms/${vms['gone-1']}?test=1`, page.getByLabel('failed'), 'a machine that cannot be reached');
	await at(`/vms/${vms['db-1']}?test=1`, page.getByText(/^Round trip/), 'a machine');
	await behind(named('button', 'Save one'), dash.dialog, 'a command for one machine');
	await dash.dismiss();
	await behind(named('button', 'Remove db-1'), dash.dialog, 'before a machine is removed');
}

/** On a phone the commands stand behind the machines. */
async function toCommands() {
	await dash.open('/');
	await named('checkbox', 'Choose all machines').check();
	if (told.phone) await named('button', /^Choose a command/).click();
}

async function commands() {
	await toCommands();
	await page.getByText(/not all could be read/).first().waitFor();
	await look('commands, one of which cannot be read');
	await dash.command('Odd one').first().click();
	await dash.form.getByRole('textbox', { name: 'Times' }).fill('9');
	await dash.run();
	await dash.form.getByText('Needed.').first().waitFor();
	await look('a form with errors');
	await dash.form.getByText('Options', { exact: true }).click();
	await dash.form.getByRole('textbox', { name: 'Canary first' }).fill('0%');
	await dash.form.getByRole('textbox', { name: 'Run as' }).fill('no body');
	await dash.form.getByRole('button', { name: 'Add a variable' }).click();
	await dash.form.getByRole('textbox', { name: 'Name of variable 1' }).fill('NOT A NAME');
	await dash.form.getByRole('alert').nth(2).waitFor();
	await look('options with errors');
	await toCommands();
	await dash.command('Odd one').first().click();
	await dash.form.getByRole('textbox', { name: 'Whom' }).fill('ada');
	await dash.form.getByRole('combobox', { name: 'Tone' }).selectOption('kind');
	await dash.form.getByLabel('Password').first().fill('secret');
	await dash.form.getByRole('region', { name: 'Preview' }).getByText('# web-1').waitFor();
	await look('a preview by machine');
	await dash.run();
	await dash.dialog.waitFor();
	await look('before a dangerous run');
	await toCommands();
	await dash.type('uptime');
	await dash.form.getByRole('button', { name: 'Save as template' }).click();
	await behind(dash.dialog.getByRole('button', { name: 'Save command' }), dash.dialog.getByText('Needed.'), 'a template that cannot be saved');
	await dash.open('/commands');
	await behind(named('button', 'Actions for Saved one'), item('Remove'), 'the menu of a command');
	await behind(item('Remove'), dash.dialog, 'before a command is removed');
	await dash.open('/');
	await page.keyboard.press('Control+k');
	await dash.dialog.getByRole('combobox').fill('o');
	await dash.dialog.getByRole('option').nth(5).waitFor();
	await look('the palette');
}

async function aRun({ running }) {
	await at(`/?job=${running}`, page.getByRole('log').getByText(/tick/), 'a run that goes on');
	await page.getByRole('region', { name: 'Progress by machine' }).getByRole('button', { name: /^web-1/ }).click();
	await page.getByRole('log', { name: 'Output of web-1' }).getByText(/tick/).first().waitFor();
	await look('a machine of a run that goes on');
	await behind(named('button', 'More for this job'), item(/^Force-close/), 'the menu of a run');
	await behind(item(/^Force-close/), dash.dialog, 'before a run is closed');
	await at(`/jobs/${running}`, page.getByRole('log').getByText(/tick/), 'a job that runs');
	await at('/jobs?status=running', named('list', 'Jobs'), 'jobs that run');
	await at('/jobs?q=nothing', page.getByText('No job fits'), 'no job that fits');
	await at('/overview', named('list', 'Figures'), 'an overview');
	await behind(named('button', 'Arrange'), named('button', 'Done'), 'an overview that is arranged');
}

async function whatCameOfIt({ cancelled, mixed }, vms) {
	await at(`/jobs/${cancelled}?vm=${vms['web-1']}`, named('region', 'Receipt'), 'a receipt');
	await behind(named('button', 'Retry'), item(/^All/), 'what can be run again');
	await at(`/jobs/${mixed}?vm=${vms['gone-1']}`, page.getByText('Unreachable').last(), 'a machine that was not reached');
	await dash.open(`/jobs/${mixed}?view=grouped`);
	await page.getByRole('list', { name: 'Groups of identical output' }).locator('[aria-expanded=false]').first().click();
	await look('groups of output');
	await dash.open(`/jobs/${mixed}?view=together`);
	await page.getByRole('log').getByText('line').first().waitFor();
	await behind(named('button', /Choose machines/), named('button', 'None'), 'machines to read together');
}

async function output({ mixed }, vms) {
	const lines = page.getByRole('log').getByText('line 2 of');
	await at(`/jobs/${mixed}?vm=${vms['web-1']}&line=2-4`, lines, 'lines that are marked');
	await named('button', 'Find in this output').click();
	await page.getByRole('textbox', { name: 'Find', exact: true }).fill('line 1');
	await page.keyboard.press('Enter');
	await page.getByText(/^\d+ of \d+$/).waitFor();
	await look('found in the output');
	await named('button', 'Regular expression').click();
	await page.getByRole('textbox', { name: 'Find', exact: true }).fill('(');
	await page.keyboard.press('Enter');
	await page.getByRole('search', { name: 'Find in this output' }).getByRole('alert').waitFor();
	await look('an expression that is none');
	await page.keyboard.press('Escape');
	await behind(named('button', 'How lines are shown'), page.getByRole('menuitemcheckbox').first(), 'how lines are shown');
	await page.keyboard.press('Escape');
	await behind(named('button', 'Download output'), named('link', /^Download/), 'what can be downloaded');
	await page.keyboard.press('Escape');
	await page.getByRole('button', { name: 'Line 3', exact: true }).click();
	await behind(page.getByRole('toolbar', { name: 'Marked lines' }).getByRole('button', { name: 'Details' }), dash.dialog, 'a line in detail');
}

async function searches() {
	await at('/logs?q=line&context=3', page.getByText(/hits in /), 'hits');
	await at('/logs?q=(&regex=true&range=custom', page.getByRole('alert'), 'a search that is misspelt');
}

async function plugins() {
	await at('/plugins/http-inventory', named('button', /^Grant http/), 'a plugin');
	await behind(named('button', /^Grant http/), dash.dialog, 'a right to grant');
	await behind(dash.dialog.getByRole('button', { name: 'Grant', exact: true }), dash.dialog.getByRole('alert'), 'a right that is not granted so');
	await dash.dismiss();
	await behind(named('button', 'Switch off'), dash.dialog, 'before a plugin is switched off');
	await dash.open('/plugins');
	await named('button', 'Install').click();
	await behind(dash.dialog.getByRole('button', { name: 'Install' }), dash.dialog.getByRole('alert'), 'a plugin that is not installed');
}

async function settings() {
	await dash.open('/settings');
	await named('button', 'Set a secret').first().click();
	await behind(dash.dialog.getByRole('button', { name: 'Set', exact: true }), dash.dialog.getByText('Needed').first(), 'a secret that is not set');
	await dash.dialog.getByRole('textbox', { name: 'Name' }).fill('sudo');
	await dash.dialog.getByLabel('Value').fill('x');
	await dash.dialog.getByRole('button', { name: 'Set', exact: true }).click();
	await behind(named('button', 'Remove sudo'), dash.dialog, 'before a secret is removed');
}

async function errors() {
	await at(`/jobs/${NOBODY}`, page.getByRole('main').getByText(/no job|could not be read|not here/i), 'a job that is not there');
	await at(`/?job=${NOBODY}`, page.getByText('The job could not be read'), 'a run that is not there');
	await at(`/vms/${NOBODY}`, page.getByText('This machine is not here'), 'a machine that is not there');
	await at('/plugins/nobody', page.getByText('This plugin is not here'), 'a plugin that is not there');
	await at('/nowhere', page.getByText('There is nothing at this address'), 'an address of nothing');
	await toCommands();
	await dash.type('uptime');
	await cut();
	await named('button', /^Connection: (Offline|Connecting)/).waitFor();
	await page.getByText('The host does not answer').first().waitFor();
	await look('a host that does not answer');
	await page.context().clearCookies();
	await page.goto(told.url);
	await named('heading', 'Sign in to Corral').waitFor();
	await page.getByRole('textbox', { name: 'Login link or token' }).fill('nonsense');
	await behind(named('button', 'Sign in'), page.getByRole('alert'), 'who is not let in');
}
