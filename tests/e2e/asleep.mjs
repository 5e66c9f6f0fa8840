// A laptop sleeps: the page's clock stands still and its connection dies without a word, while jobs run, machines come and the log grows. When
// it wakes the page is right again by itself: what is shown is the host's, without a reload.
import assert from 'node:assert/strict';
import { launch, openPage } from './chromium.mjs';
import { inPage } from './script.mjs';
import { say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const HOURS_MS = 3 * 3_600_000;

const browser = await launch();
const { page, faults } = await openPage(browser);
page.setDefaultTimeout(30_000);

/** While it is dead nothing of the old connections passes, in either direction, and nobody is told. */
let dead = false;
let born = 0;
await page.routeWebSocket(/\/api\/ws/, (socket) => {
	born += 1;
	const mine = born;
	const host = socket.connectToServer();
	let cut = false;
	const passes = () => {
		cut ||= dead;
		return !cut;
	};
	socket.onMessage((message) => passes() && host.send(message));
	host.onMessage((message) => passes() && socket.send(message));
	host.onClose(() => passes() && socket.close());
	socket.onClose(() => say(`the page gave up connection ${mine}`));
});

await inPage(browser, page, async () => {
	await page.clock.install();
	await page.goto(told.setup_url);
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	await page.evaluate(() => (window.neverReloaded = true));
	const job = await begin();
	await sleepAndWake(job);
	await cutAndReturn();
	assert.deepEqual(faults.filter((fault) => !/WebSocket/.test(fault)), [], 'nothing went wrong in the page');
});

async function api(method, path, data) {
	const response = await page.context().request.fetch(new URL(path, told.url).href, { method, data, headers: { origin: new URL(told.url).origin } });
	assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
	return response.status() === 204 ? null : response.json();
}

/** A run that goes on until a file is there. */
async function begin() {
	await page.getByRole('checkbox', { name: 'Choose all machines' }).check();
	await page.getByRole('region', { name: 'Commands' }).getByRole('button', { name: /^Ad-hoc command/ }).click();
	await page.getByRole('form', { name: 'Run a command' }).getByRole('textbox', { name: 'Command' }).fill('echo before; sleep 4; seq -f "meanwhile %g" 500; echo after');
	await page.getByRole('button', { name: /^Run on/ }).click();
	await page.getByRole('log').getByText('before').first().waitFor();
	return new URL(page.url()).searchParams.get('job');
}

async function sleepAndWake(job) {
	dead = true;
	await page.clock.pauseAt(new Date(Date.now() + 1000));
	await ended(job);
	await api('POST', '/api/vms', { name: 'newcomer', address: '127.0.0.1', user: 'nobody' });
	assert.equal(await page.getByRole('status', { name: 'Job status' }).getByText('Running').count(), 1, 'what is asleep knows nothing of it');
	// The lid opens: the clock has gone on, connections that were there are dead, new ones are not.
	dead = false;
	await page.clock.fastForward(HOURS_MS);
	await page.clock.resume();
	await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
	await page.getByRole('status', { name: 'Job status' }).getByText('Succeeded', { exact: true }).waitFor();
	await page.getByRole('checkbox', { name: /^newcomer/ }).waitFor();
	await page.getByRole('log').getByText('after', { exact: true }).first().waitFor();
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	assert.ok(await page.evaluate(() => window.neverReloaded), 'without a reload');
	assert.ok(born >= 2, 'by a new connection');
	say('slept for three hours with a dead connection; the page was right again by itself');
}

/** The connection is closed under the page; it says so, comes back and misses nothing. */
async function cutAndReturn() {
	const [newcomer] = (await api('GET', '/api/vms?q=newcomer')).items;
	await page.evaluate(() => dispatchEvent(new Event('online')));
	dead = true;
	await api('DELETE', `/api/vms/${newcomer.id}`);
	await page.clock.fastForward(20_000);
	await page.getByRole('button', { name: /^Connection: (Offline|Connecting)/ }).waitFor();
	dead = false;
	await page.clock.fastForward(60_000);
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	await page.getByRole('checkbox', { name: /^newcomer/ }).waitFor({ state: 'detached' });
	assert.ok(await page.evaluate(() => window.neverReloaded), 'without a reload');
	say('lost the connection, said so, and missed nothing when it was back');
}

async function ended(job) {
	for (;;) {
		const { status } = await api('GET', `/api/jobs/${job}`);
		if (!['queued', 'running'].includes(status)) return;
		await new Promise((later) => setTimeout(later, 100));
	}
}
