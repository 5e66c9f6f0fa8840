// Every control between "these machines" and "what came of it": machines chosen one by one, in a row, by group and by selector; what is
// suggested for them; a form with help, defaults, choices, a secret and its errors; what each machine would run; the question before what is
// dangerous; options with a filter and standard input; what was typed saved and run again; and the commands of one machine.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, openPage } from './chromium.mjs';
import { Dashboard } from './dashboard.mjs';
import { inPage } from './script.mjs';
import { say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const SECRET = 'swordfish-42';
const NAMES = ['web-1', 'web-2', 'db-1'];

/** For any machine, with a parameter of each kind; dangerous, so that it asks. */
const GREET = {
	id: 'greet',
	title: 'Greet',
	description: 'Says hello in several ways.',
	category: 'Tests',
	dangerous: true,
	parameters: [
		{ name: 'whom', description: 'Who is greeted', pattern: '^[a-z]+$' },
		{ name: 'times', type: 'integer', minimum: 1, maximum: 3, default: 2 },
		{ name: 'tone', type: 'enum', values: ['kind', 'curt'], description: 'How it sounds' },
		{ name: 'loud', type: 'boolean', default: false },
		{ name: 'password', secret: true, description: 'Goes in on standard input' }
	],
	argv: ['sh', '-c', 'read -r p; echo "$1 $2 $3 $4 on $5 with ${#p} signs"', 'sh', '{{whom}}', '{{times}}', '{{tone}}', '{{loud}}', '{{vm.name}}'],
	stdin: '{{password}}\n'
};
/** For machines with databases alone. */
const DUMP = { id: 'dump', title: 'Dump', description: 'Writes what is there.', category: 'Tests', applies_to: 'role=db', argv: ['echo', 'dumped {{vm.name}}'] };

const browser = await launch();
const { page, faults } = await openPage(browser);
page.setDefaultTimeout(30_000);
const dash = new Dashboard(page, told);
const preview = dash.form.getByRole('region', { name: 'Preview' });

await inPage(browser, page, async () => {
	await dash.signIn();
	for (const [at, name] of NAMES.entries()) await dash.api('POST', '/api/vms', { ...told.vms[at], name, labels: { role: name.split('-')[0] } });
	writeFileSync(join(told.templates, 'greet.yaml'), JSON.stringify(GREET));
	writeFileSync(join(told.templates, 'dump.yaml'), JSON.stringify(DUMP));
	await choosesMachines();
	await isSuggestedWhatFits();
	await fillsInTheForm();
	await isAskedAndRuns();
	await takesOptions();
	await savesWhatWasTyped();
	await keepsCommandsOfAMachine();
	assert.deepEqual(faults, [], 'nothing went wrong in the page');
});

async function areChosen(...names) {
	for (const name of NAMES) assert.equal(await dash.machine(new RegExp(`^${name},`)).isChecked(), names.includes(name), `${name} of ${names}`);
}

async function choosesMachines() {
	await dash.toRun();
	const machines = page.getByRole('complementary', { name: 'Machines' });
	const search = machines.getByRole('searchbox');
	for (const name of NAMES) await dash.machine(`${name}, online`).waitFor();
	await dash.machine(/^web-1,/).check();
	await areChosen('web-1');
	await dash.machine(/^web-2,/).check();
	await areChosen('web-1', 'web-2');
	await machines.getByRole('button', { name: 'Clear', exact: true }).click();
	await areChosen();
	// In the order of their names: from the first to the last.
	await dash.machine(/^db-1,/).click();
	await dash.machine(/^web-2,/).click({ modifiers: ['Shift'] });
	await areChosen(...NAMES);
	await machines.getByRole('button', { name: 'Clear', exact: true }).click();
	await search.fill('role=web');
	await dash.machine(/^db-1,/).waitFor({ state: 'detached' });
	await page.getByRole('checkbox', { name: 'Choose all that were found' }).check();
	await search.fill('=web');
	await machines.getByRole('alert').waitFor();
	await search.fill('');
	await areChosen('web-1', 'web-2');
	await machines.getByRole('combobox', { name: 'Group by label' }).selectOption('role');
	await machines.getByRole('button', { name: /^db/i }).click();
	await areChosen(...NAMES);
	await machines.getByRole('combobox', { name: 'Group by label' }).selectOption('none');
	await machines.getByRole('button', { name: 'Clear', exact: true }).click();
	say('chose machines one by one, from one to another, by selector and by group');
}

async function isSuggestedWhatFits() {
	const suggestions = page.getByRole('region', { name: 'Commands' }).getByRole('heading', { name: 'For these machines' });
	assert.equal(await suggestions.count(), 0, 'nothing is suggested for no machine');
	await dash.machine(/^db-1,/).check();
	await suggestions.waitFor();
	assert.equal(await dash.command('Dump').count(), 2, 'what is meant for it stands above, and in its place');
	await dash.machine(/^web-1,/).check();
	await suggestions.waitFor({ state: 'detached' });
	await dash.command(/^Dump.*not meant for all chosen machines/).click();
	await dash.form.getByText('1 machine may not suit this command').waitFor();
	say('was suggested what is meant for the machine, and told what is not');
}

async function fillsInTheForm() {
	await dash.command('Greet').click();
	const field = (name) => dash.form.getByRole('textbox', { name });
	await dash.form.getByText('Who is greeted').waitFor();
	assert.equal(await field('Times').inputValue(), '2', 'defaults are filled in');
	assert.equal(await dash.form.getByRole('switch', { name: 'Loud' }).getAttribute('aria-checked'), 'false');
	const secret = dash.form.getByLabel('Password', { exact: false }).first();
	assert.equal(await secret.getAttribute('type'), 'password', 'what is secret is not shown');
	await dash.run();
	await dash.form.getByText('Fill in what is marked.').first().waitFor();
	assert.equal(await dash.form.getByText('Needed.').count(), 3, 'whom, tone and password');
	await field('Whom').fill('ADA');
	await dash.form.getByText(/Must match/).waitFor();
	await field('Times').fill('7');
	await dash.form.getByText('Must be between 1 and 3.').waitFor();
	await field('Whom').fill('ada');
	await field('Times').fill('3');
	await dash.form.getByRole('combobox', { name: 'Tone' }).selectOption('curt');
	await dash.form.getByRole('switch', { name: 'Loud' }).click();
	await secret.fill(SECRET);
	for (const name of ['db-1', 'web-1']) await preview.getByText(new RegExp(`ada 3 curt true ${name}$`)).waitFor();
	assert.ok(!(await preview.innerText()).includes(SECRET), 'the preview does not show the secret');
	await preview.getByText('what 2 machines will run').waitFor();
	say('filled in a form: help, defaults, errors where they are, choices, a secret; and saw what each machine would run');
}

async function isAskedAndRuns() {
	await dash.run();
	await dash.dialog.getByText('2 machines').first().waitFor();
	await dash.dialog.getByText('db-1').first().waitFor();
	await dash.dismiss();
	assert.equal((await dash.api('GET', '/api/jobs')).items.length, 0, 'nothing ran yet');
	await dash.run();
	await dash.dialog.getByRole('button', { name: 'Run on 2 machines' }).click();
	await dash.stands('Succeeded');
	await page.getByRole('progressbar', { name: '2 of 2 machines done' }).waitFor();
	await page.getByRole('log').getByText(`ada 3 curt true on db-1 with ${SECRET.length} signs`).waitFor();
	await page.getByRole('region', { name: 'Progress by machine' }).getByRole('button', { name: /^web-1/ }).click();
	await page.getByRole('log', { name: 'Output of web-1' }).getByText('on web-1 with').waitFor();
	say('was asked before a dangerous run, and then saw it by machine');
}

async function takesOptions() {
	await dash.toRun();
	await dash.type('cat; echo; echo "level=error user=$WHO"');
	await dash.form.getByText('Options', { exact: true }).click();
	await dash.form.getByRole('textbox', { name: 'Standard input' }).fill('given on standard input');
	await dash.form.getByRole('tablist', { name: 'Filter Structured logs' }).getByRole('tab', { name: 'On' }).click();
	await dash.form.getByRole('button', { name: 'Add a variable' }).click();
	await dash.form.getByRole('textbox', { name: 'Name of variable 1' }).fill('NOT A NAME');
	await dash.form.getByRole('textbox', { name: 'Value of variable 1' }).fill('ada');
	await dash.form.getByRole('alert').first().waitFor();
	await dash.form.getByRole('textbox', { name: 'Name of variable 1' }).fill('WHO');
	await dash.form.getByRole('textbox', { name: 'Canary first' }).fill('1');
	await dash.form.getByRole('radio', { name: /^Direct/ }).check();
	await preview.getByRole('list', { name: 'Waves' }).getByText('1 machine').first().waitFor();
	await dash.run();
	await dash.stands('Succeeded');
	const path = await dash.details();
	await page.getByRole('log').getByText('given on standard input').waitFor();
	const [task] = (await dash.api('GET', `/api${path}`)).tasks;
	const { lines } = await dash.api('GET', `/api${path}/tasks/${task.vm_id}/log`);
	assert.equal(lines.find(({ text }) => text.includes('user=ada')).annotations.level, 'error', 'the filter saw its lines');
	await page.getByRole('list', { name: 'About this job' }).getByText('direct').waitFor();
	say('ran with standard input, a variable, a canary, directly and through a filter');
}

async function savesWhatWasTyped() {
	await dash.toRun();
	await dash.type('echo "saved on $(hostname)"');
	await dash.form.getByRole('button', { name: 'Save as template' }).click();
	await dash.dialog.getByRole('button', { name: 'Save command' }).click();
	await dash.dialog.getByText('Needed.').waitFor();
	await dash.dialog.getByRole('textbox', { name: 'Title' }).fill('Where am I');
	assert.equal(await dash.dialog.getByRole('textbox', { name: 'Shell text' }).inputValue(), 'echo "saved on $(hostname)"');
	await dash.dialog.getByRole('button', { name: 'Save command' }).click();
	await dash.dialog.waitFor({ state: 'hidden' });
	await dash.go('Commands');
	await page.getByRole('tab', { name: /^Saved/ }).click();
	await page.getByRole('button', { name: 'Run Where am I' }).click();
	await dash.form.getByRole('heading', { name: 'Where am I' }).waitFor();
	await dash.run();
	await dash.stands('Succeeded');
	await page.getByRole('log').getByText('saved on').first().waitFor();
	say('saved what was typed under a name, and ran it again from there');
}

/** Made on the machine's page, suggested for that machine alone, run there, and removed. */
async function keepsCommandsOfAMachine() {
	await dash.go('VMs');
	await page.getByRole('link', { name: /^db-1/ }).click();
	await page.getByRole('button', { name: 'Save one' }).click();
	await dash.dialog.getByRole('textbox', { name: 'Title' }).fill('Only here');
	await dash.dialog.getByRole('textbox', { name: 'Shell text' }).fill('echo only here');
	assert.ok(await dash.dialog.getByRole('checkbox', { name: /^Only for db-1/ }).isChecked());
	await dash.dialog.getByRole('button', { name: 'Save command' }).click();
	const own = page.getByRole('list', { name: 'Commands of this machine' });
	await own.getByText('Only here', { exact: true }).waitFor();
	await own.getByRole('button', { name: 'Run Only here' }).click();
	await dash.form.getByRole('heading', { name: 'Only here' }).waitFor();
	await areChosen('db-1');
	assert.equal(await dash.command('Only here').count(), 2, 'it is suggested for this machine');
	await dash.run();
	await dash.stands('Succeeded');
	await page.getByRole('log').getByText('only here').first().waitFor();
	await dash.go('VMs');
	await page.getByRole('link', { name: /^db-1/ }).click();
	await page.getByRole('list', { name: 'Jobs on this machine' }).getByText('Only here').first().waitFor();
	await page.getByRole('button', { name: 'Actions for Only here' }).click();
	await page.getByRole('menuitem', { name: 'Remove' }).click();
	await dash.dialog.getByRole('button', { name: 'Remove command' }).click();
	await own.getByText('Only here', { exact: true }).waitFor({ state: 'detached' });
	say('kept a command of one machine: saved, seen, run and removed');
}
