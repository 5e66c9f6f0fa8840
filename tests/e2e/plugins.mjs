// Plugins come and go on their page: a package that is broken is refused where it was chosen and changes nothing; a good one is installed,
// read about, granted what it wants, used by a job, replaced by a newer one and removed. The packages are made by `corral plugin pack`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, openPage } from './chromium.mjs';
import { Dashboard } from './dashboard.mjs';
import { inPage } from './script.mjs';
import { say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const README = `# Levels

Tells **levels** of lines. [Its home](https://levels.example/a?b=c), [its neighbour](../other.md), [no address](javascript:document.title='read').
`;

const browser = await launch();
const { page, faults } = await openPage(browser);
page.setDefaultTimeout(30_000);
const dash = new Dashboard(page, told);
const list = page.getByRole('list', { name: 'Plugins' });
const choosing = page.getByRole('dialog', { name: 'Install a plugin' });

await inPage(browser, page, async () => {
	await dash.signIn();
	for (const vm of told.vms) await dash.api('POST', '/api/vms', vm);
	await refusesWhatIsBroken();
	await installsAndReads();
	await grantsWhatItWants();
	await usesItsFilter();
	await takesAnotherVersion();
	await usesATemplate();
	await removes();
	// What the host refuses is a line on the console, and here it is refused on purpose.
	assert.deepEqual(faults.filter((fault) => !/status of 4\d\d/.test(fault)), [], 'nothing went wrong in the page');
});

/** A folder with a plugin: the component of a bundled one under another name. */
function folder(of, id, manifest, readme) {
	const place = join(told.packages, `${id}-${manifest.version ?? '0.1.0'}`);
	mkdirSync(place, { recursive: true });
	copyFileSync(join(told.bundled, of, 'plugin.wasm'), join(place, 'plugin.wasm'));
	const { name = id, version = '0.1.0', api = '0.1', kind = 'log-filter', more = '' } = manifest;
	writeFileSync(join(place, 'plugin.toml'), `id = "${id}"\nname = "${name}"\nversion = "${version}"\napi = "${api}"\nprovides = ["${kind}"]\n${more}`);
	if (readme) writeFileSync(join(place, 'README.md'), readme);
	return place;
}

function packed(place) {
	execFileSync(told.corral, ['plugin', 'pack', place, '-o', `${place}.corral`], { stdio: 'pipe' });
	return `${place}.corral`;
}

/** Packed by hand, as a package is that `corral plugin pack` would not make. */
function packedByHand(place, files = ['plugin.toml', 'plugin.wasm']) {
	execFileSync('tar', ['-czf', `${place}.tar.gz`, '-C', place, ...files]);
	return `${place}.tar.gz`;
}

function levels(version) {
	const wants = '[[wants]]\ncapability = "vms"\nreason = "to know the machines"\n[[wants]]\ncapability = "kv"\nreason = "to remember"\noptional = true\n';
	return packed(folder('structured', 'levels', { name: 'Levels', version, more: `[filter]\napply = "asked"\n${wants}` }, README));
}

async function choose(file) {
	if (!(await choosing.isVisible())) await page.getByRole('button', { name: 'Install' }).click();
	await choosing.getByLabel('Package').setInputFiles(file);
	await choosing.getByRole('button', { name: 'Install' }).click();
}

async function refusesWhatIsBroken() {
	await dash.go('Plugins');
	await list.getByRole('link').first().waitFor();
	const before = await list.getByRole('link').count();
	const text = join(told.packages, 'notes.corral');
	writeFileSync(text, 'this is no package');
	const half = join(told.packages, 'half.corral');
	const whole = readFileSync(levels('0.1.0'));
	writeFileSync(half, whole.subarray(0, whole.length / 2));
	const later = folder('structured', 'later', { api: '9.9' });
	const taken = folder('structured', 'redact', {});
	const hollow = folder('structured', 'hollow', {});
	writeFileSync(join(hollow, 'plugin.wasm'), 'no component');
	for (const [file, why] of [
		[text, /no package/],
		[half, /damaged/],
		[packedByHand(folder('structured', 'bare', {}), ['plugin.toml']), /plugin\.wasm is missing/],
		[packedByHand(later), /9\.9/],
		[packedByHand(taken), /belongs to a plugin that comes with Corral/],
		[packedByHand(hollow), /not WebAssembly/]
	]) {
		await choose(file);
		await dash.says(choosing.getByRole('alert').or(choosing), why);
		assert.ok(await choosing.isVisible(), 'the error stands where the package was chosen');
	}
	await choosing.getByRole('button', { name: 'Cancel' }).click();
	await choosing.waitFor({ state: 'hidden' });
	assert.equal(await list.getByRole('link').count(), before, 'nothing of them was kept');
	say('six broken packages were refused where they were chosen, each with its reason');
}

async function installsAndReads() {
	await choose(levels('0.1.0'));
	await page.getByRole('heading', { level: 1, name: 'Levels' }).waitFor();
	await choosing.waitFor({ state: 'hidden' });
	assert.equal(new URL(page.url()).pathname, '/plugins/levels');
	await dash.says(page.getByRole('region', { name: 'Figures' }), /Calls/);
	await page.getByText('Tells levels of lines').waitFor();
	const external = page.locator('main a[href^="http"]');
	assert.deepEqual(await external.evaluateAll((links) => links.map((link) => [link.textContent, link.getAttribute('href'), link.rel.includes('noopener')])), [['Its home', 'https://levels.example/a?b=c', true]], 'only web addresses of the README are links');
	await page.getByText('its neighbour').waitFor();
	say('installed a package; its figures and its README are there, with no link but to a web address');
}

async function grantsWhatItWants() {
	const heading = page.getByRole('heading', { level: 1, name: 'Levels' });
	await dash.says(heading, 'Blocked');
	await page.getByRole('button', { name: 'Grant vms' }).click();
	await dash.dialog.getByRole('button', { name: 'Grant' }).click();
	await dash.dialog.waitFor({ state: 'hidden' });
	await dash.says(heading, 'Active');
	await page.getByRole('list', { name: 'Grants' }).getByText('vms', { exact: true }).waitFor();
	say('granted what it cannot do without, and it serves');
}

async function usesItsFilter() {
	await dash.toRun();
	await dash.chooseAll();
	await dash.type("echo 'ERROR it broke'");
	await dash.form.getByText('Options', { exact: true }).click();
	await dash.form.getByRole('tablist', { name: 'Filter Levels' }).getByRole('tab', { name: 'On' }).click();
	await dash.run();
	await dash.stands('Succeeded');
	await dash.open('/plugins/levels');
	await dash.says(page.getByRole('region', { name: 'Figures' }), new RegExp(`annotated\\s*${told.machines}(?!\\d)`));
	await dash.open('/logs?level=error&q=broke');
	await page.getByText(new RegExp(`^${told.machines} hits in `)).waitFor();
	say('a job went through its filter, and its figures and the search know');
}

async function takesAnotherVersion() {
	await dash.go('Plugins');
	await choose(levels('0.2.0'));
	await page.getByText('levels · 0.2.0').waitFor();
	await dash.says(page.getByRole('heading', { level: 1, name: 'Levels' }), 'Active');
	await page.getByRole('list', { name: 'Grants' }).getByText('vms', { exact: true }).waitFor();
	say('a newer version took its place with what was granted');
}

async function usesATemplate() {
	await dash.go('Plugins');
	await choose(packed(folder('ops-pack', 'toolbox', { name: 'Toolbox', kind: 'command-template' })));
	await page.getByRole('heading', { level: 1, name: 'Toolbox' }).waitFor();
	await dash.toRun();
	await dash.chooseAll();
	await dash.command('Mounts').click();
	await dash.run();
	await dash.stands('Succeeded');
	say('a job ran a template of another one that was installed');
}

async function removes() {
	for (const [id, name] of [['levels', 'Levels'], ['toolbox', 'Toolbox']]) {
		await dash.go('Plugins');
		await list.getByRole('link', { name: new RegExp(`^${name}`) }).click();
		await page.getByRole('button', { name: `Remove ${name}` }).click();
		await dash.dialog.getByRole('button', { name: 'Cancel' }).click();
		await dash.dialog.waitFor({ state: 'hidden' });
		await page.getByRole('heading', { level: 1, name }).waitFor();
		await page.getByRole('button', { name: `Remove ${name}` }).click();
		await dash.dialog.getByRole('button', { name: 'Remove plugin' }).click();
		await page.waitForURL('**/plugins');
		await list.getByRole('link').first().waitFor();
		await list.getByRole('link', { name: new RegExp(`^${name}`) }).waitFor({ state: 'detached' });
		await dash.open(`/plugins/${id}`);
		await page.getByText('This plugin is not here').waitFor();
	}
	await dash.toRun();
	assert.equal(await dash.command('Mounts').count(), 0, 'its commands went with it');
	say('asked before they were removed, and they are gone with their commands');
}
