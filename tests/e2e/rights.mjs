// What a plugin may is decided on its page: granted as far as it is said, taken back, switched off and on; each holds at once, and the page
// shows what became of it.
import assert from 'node:assert/strict';
import { launch, openPage } from './chromium.mjs';
import { inPage } from './script.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const NAME = 'Guest';

const browser = await launch();
const { page, faults } = await openPage(browser);
page.setDefaultTimeout(30_000);

await inPage(browser, page, async () => {
	await page.goto(told.setup_url);
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	await page.getByRole('link', { name: 'Plugins' }).click();
	await page.getByRole('link', { name: NAME }).first().click();
	await page.getByRole('heading', { name: NAME, level: 1 }).waitFor();
	await grants();
	await takesBack();
	await switches();
	// What the host refuses is a line on the console, and here it is refused on purpose.
	assert.deepEqual(faults.filter((fault) => !/422/.test(fault)), [], 'nothing went wrong in the page');
});

async function plugin() {
	const response = await page.context().request.get(new URL(`/api/plugins/${told.plugin}`, told.url).href);
	assert.ok(response.ok(), `${response.status()}`);
	return response.json();
}

async function isGranted(...expected) {
	assert.deepEqual((await plugin()).grants.map(({ grant }) => grant), expected);
}

/** Grants a right with what is typed; a host must be named, and a selector must be one. */
async function grants() {
	const dialog = page.getByRole('dialog', { name: /a right$/ });
	const scope = dialog.getByRole('textbox');
	await page.getByRole('button', { name: 'Grant vms' }).click();
	await scope.fill('=nonsense');
	await dialog.getByRole('button', { name: 'Grant' }).click();
	await dialog.getByText(/selector/).first().waitFor();
	await isGranted();
	await scope.fill('env=dev');
	await dialog.getByRole('button', { name: 'Grant' }).click();
	await dialog.waitFor({ state: 'hidden' });
	const list = page.getByRole('list', { name: 'Grants' });
	await list.getByText('vms:env=dev').waitFor();
	await page.getByRole('button', { name: 'Grant secrets' }).click();
	await scope.fill('token');
	await scope.press('Enter');
	await list.getByText('secrets:token').waitFor();
	await isGranted('vms:env=dev', 'secrets:token');
}

async function takesBack() {
	await page.getByRole('button', { name: 'Take back secrets:token' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
	await page.getByRole('button', { name: 'Take back secrets:token' }).waitFor({ state: 'detached' });
	await isGranted('vms:env=dev');
}

async function switches() {
	await page.getByRole('button', { name: 'Switch off' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click();
	const on = page.getByRole('button', { name: 'Switch on' });
	await on.waitFor();
	assert.equal((await plugin()).state, 'disabled');
	await on.click();
	await page.getByRole('button', { name: 'Switch off' }).waitFor();
	assert.equal((await plugin()).state, 'active');
	await isGranted('vms:env=dev');
}
