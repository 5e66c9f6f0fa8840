// What a person does after a job: sees who wrote what, runs again what failed, cancels and gets a receipt, gives up on a
// job and has the machines asked after all. Elements are found as a person finds them, by role and name.
import assert from 'node:assert/strict';
import { launch, openPage } from './chromium.mjs';
import { leaveRun } from './dashboard.mjs';
import { inPage } from './script.mjs';
import { ask, say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);

const browser = await launch();
const { page, faults } = await openPage(browser);
page.setDefaultTimeout(30_000);

await inPage(browser, page, async () => {
	await page.goto(told.setup_url);
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	await groupWhatWasWritten();
	await retryWhatFailed();
	await cancelWithReceipt();
	await checkWhatIsUnknown();
	assert.deepEqual(faults, [], 'nothing went wrong in the page');
});

/** Of machines with one file system, one makes the folder and fails; the next time nobody does. */
async function groupWhatWasWritten() {
	await run(`if mkdir ${told.folder}/once 2>/dev/null; then echo version 2; exit 3; fi; echo version 1`);
	await heading('Failed');
	await details();
	await page.getByRole('tab', { name: 'Grouped' }).click();
	const groups = page.getByRole('list', { name: 'Groups of identical output' }).locator('> li');
	await groups.nth(1).waitFor();
	assert.equal(await groups.count(), 2, 'two outputs');
	const most = await groups.nth(0).innerText();
	assert.ok(most.includes(`${told.machines - 1} machines`) && most.includes('version 1') && most.includes('exit 0'), most);
	const other = await groups.nth(1).innerText();
	assert.ok(other.includes('exit 3') && other.includes('differs'), other);
	const difference = await groups.nth(1).getByRole('region', { name: /^Difference/ }).innerText();
	assert.ok(/version 1/.test(difference) && /version 2/.test(difference), difference);
	say('saw the output grouped, with the difference of the one that failed');
}

async function retryWhatFailed() {
	await page.getByRole('button', { name: 'Retry', exact: true }).click();
	const unreachable = page.getByRole('menuitem', { name: /^Unreachable/ });
	assert.equal(await unreachable.getAttribute('aria-disabled'), 'true', 'nothing was unreachable');
	await page.getByRole('menuitem', { name: /^Failed/ }).click();
	await page.getByRole('progressbar', { name: '1 of 1 machines done' }).waitFor();
	await heading('Succeeded');
	await details();
	await page.getByRole('link', { name: 'retry of an earlier job' }).waitFor();
	say('ran again what had failed, and only that');
}

async function cancelWithReceipt() {
	await run(`${together('up')}; echo all are here; sleep 600 & sleep 600`);
	await page.getByRole('log').getByText('all are here').first().waitFor();
	await page.getByRole('button', { name: 'Cancel', exact: true }).click();
	await heading('Cancelled');
	await details();
	await page.getByRole('region', { name: 'Tasks' }).getByRole('button', { name: /^web-1/ }).first().click();
	const receipt = page.getByRole('region', { name: 'Receipt' });
	await receipt.waitFor();
	const text = await receipt.innerText();
	assert.match(text, /still there\s*0/, text);
	assert.match(text, /gone\s*[1-9]/, text);
	say('cancelled a run and got a receipt by machine');
}

async function checkWhatIsUnknown() {
	await run(`${together('waiting')}; echo waiting; while [ ! -e ${told.folder}/go ]; do sleep 0.1; done; echo went`);
	await page.getByRole('log').getByText('waiting').first().waitFor();
	await page.getByRole('button', { name: 'More for this job' }).click();
	await page.getByRole('menuitem', { name: /^Force-close/ }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Force-close' }).click();
	await heading('Unknown');
	await details();
	await page.getByText('How it ended is not known', { exact: true }).waitFor();
	await page.getByRole('button', { name: 'Check now', exact: true }).first().click();
	await heading('Running');
	await ask('go');
	await heading('Succeeded');
	await page.getByRole('log').getByText('went').first().waitFor();
	say('gave up on a run, asked the machines after all, and saw it end');
}

/** A command of machines with one file system that ends when all of them run it: whoever sees one go on knows of all. */
function together(name) {
	const here = `${told.folder}/${name}`;
	return `mkdir -p ${here}; : > ${here}/$$; while [ $(ls ${here} | wc -l) -lt ${told.machines} ]; do sleep 0.1; done`;
}

/** Types a command for all machines and runs it. */
async function run(script) {
	await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Run' }).click();
	await leaveRun(page);
	await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
	await page.getByRole('region', { name: 'Commands' }).getByRole('button', { name: /^Ad-hoc command/ }).click();
	const form = page.getByRole('form', { name: 'Run a command' });
	await form.getByRole('textbox', { name: 'Command' }).fill(script);
	// What is shown is what the host would run.
	await form.getByRole('region', { name: 'Preview' }).getByText(script, { exact: false }).waitFor();
	await form.getByRole('button', { name: `Run on ${told.machines} machines` }).click();
}

/** Waits until the heading says how the job stands. */
async function heading(status) {
	await page.getByRole('status', { name: 'Job status' }).getByText(status, { exact: true }).waitFor();
}

async function details() {
	await page.getByRole('link', { name: 'Details' }).click();
	await page.getByRole('region', { name: 'Tasks' }).waitFor();
}
