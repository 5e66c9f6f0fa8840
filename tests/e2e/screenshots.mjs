// Takes the pictures of the documentation from a running demo: `cargo xtask screenshots`.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, openPage } from './chromium.mjs';

const OUT = new URL('../../docs/screenshots/', import.meta.url).pathname;
const READY_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'corral-screenshots-'));
const { demo, ready } = await startDemo();
const browser = await launch();
/** A job of which a part failed. */
let failed = '';
try {
	const dark = await openPage(browser, { colorScheme: 'dark' });
	await dark.page.goto(ready.setup_url);
	await earlierRuns(dark.page);
	await trouble(dark.page);
	await running(dark.page);
	const followed = new URL(dark.page.url()).search;
	const state = await dark.page.context().storageState();
	const light = await openPage(browser, { colorScheme: 'light', storageState: state });
	const both = [
		{ page: dark.page, theme: 'dark' },
		{ page: light.page, theme: 'light' }
	];
	await light.page.goto(new URL(`/${followed}`, ready.url).href);
	await light.page.getByRole('log').getByText('ERROR').first().waitFor();
	await pictures(both, 'run');
	await picture(dark.page, '', 'dashboard');
	await grouped(dark.page);
	const job = new URL(dark.page.url()).pathname;
	for (const [name, path] of Object.entries(screens(job))) {
		for (const { page } of both) await open(page, path);
		await pictures(both, name);
	}
	for (const { page } of both) await options(page);
	await pictures(both, 'run-options');
	for (const { page } of both) await palette(page);
	await pictures(both, 'palette');
	const phone = await openPage(browser, { colorScheme: 'dark', storageState: state, viewport: { width: 390, height: 844 } });
	for (const [name, path] of [['phone-run', '/'], ['phone-job', job], ['phone-overview', '/overview']]) {
		await open(phone.page, path);
		await picture(phone.page, 'dark/', name);
	}
} finally {
	await browser.close();
	demo.kill('SIGTERM');
	await new Promise((ended) => demo.once('exit', ended));
	rmSync(folder, { recursive: true, force: true });
}

/** Screens that are looked at by their address. */
function screens(job) {
	return {
		overview: '/overview',
		machines: '/vms',
		machine: () => '/vms',
		commands: '/commands',
		jobs: '/jobs',
		grouped: `${job}?view=grouped`,
		together: `${job}?view=together`,
		job: `/jobs/${failed}`,
		timeline: `/jobs/${failed}?view=timeline`,
		'over-time': `/jobs/${failed}?view=over-time`,
		logs: '/logs?q=error',
		plugins: '/plugins',
		plugin: '/plugins/redact',
		settings: '/settings'
	};
}

async function startDemo() {
	// What is set for this script is not meant for the host, which refuses variables that it does not know.
	const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CORRAL_'));
	const env = { ...Object.fromEntries(own), HOME: folder };
	const readyFile = join(folder, 'ready.json');
	const started = spawn(process.env.CORRAL_BIN, ['demo', '--ready-file', readyFile], {
		env,
		stdio: ['ignore', 'ignore', 'inherit']
	});
	const until = Date.now() + READY_MS;
	for (;;) {
		try {
			return { demo: started, ready: JSON.parse(readFileSync(readyFile, 'utf8')) };
		} catch (error) {
			if (started.exitCode !== null || Date.now() > until) throw error;
			await new Promise((later) => setTimeout(later, 50));
		}
	}
}

/** Some history, so that the pictures show what one sees after a day and not after a minute. */
async function earlierRuns(page) {
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	await page.getByRole('checkbox', { name: 'web-2, online' }).waitFor({ timeout: READY_MS });
	for (const [title, machines] of [
		['Uptime and load', ['cache-1', 'db-1', 'web-1', 'web-2']],
		['Status', ['web-1', 'web-2']],
		['Disk usage', ['db-1']]
	]) {
		await start(page, title, machines);
		await page.getByRole('progressbar', { name: /^(\d+) of \1 machines? done/ }).waitFor();
		await page.getByRole('button', { name: 'New run' }).click();
		await page.getByRole('button', { name: 'Clear' }).click();
	}
}

/** Not all goes well in a fleet: a machine that does not answer, runs that fail on some, one that takes too long, one that is ended. */
async function trouble(page) {
	const api = (method, path, body) =>
		page.evaluate(
			async ([method, path, body]) => {
				const answer = await fetch(path, { method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
				if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
				return answer.json();
			},
			[method, path, body]
		);
	const ended = async (job) => {
		for (;;) {
			const { status } = await api('GET', `/api/jobs/${job.id}`);
			if (status !== 'queued' && status !== 'running') return;
			await new Promise((later) => setTimeout(later, 100));
		}
	};
	const [some] = (await api('GET', '/api/vms')).items.filter((vm) => vm.name === 'web-1');
	await api('POST', '/api/vms', { name: 'web-3', address: '127.0.0.1', port: 1, user: some.user, labels: { env: 'prod', region: 'eu-west', role: 'web' }, auth: some.auth });
	const disk = 'echo "reading /var"; case $PWD in *db-1*) sleep 0.6; echo "E: 96 % of /var is in use" >&2; exit 1;; esac; echo "/var is fine"';
	for (const body of [
		{ template: { id: 'templates/deploy', args: { version: '2.15.0' } }, targets: { selector: 'role=web,!web-3' } },
		{ command: { script: disk }, targets: { selector: 'env=prod,!web-3' } },
		{ command: { script: 'apt-get --simulate --quiet=2 upgrade | tail -3' }, targets: { selector: 'env=prod' } },
		{ template: { id: 'templates/deploy', args: { version: '2.15.1' } }, targets: { selector: 'role=web,!web-3' } },
		{ command: { script: 'sleep 600' }, targets: { selector: 'role=cache' }, timeout_seconds: 1 },
		{ command: { script: disk }, targets: { selector: 'env=prod,!web-3' } },
		{ command: { script: disk }, targets: { selector: 'env=prod,!web-3' }, parallelism: 1 }
	]) await ended(await api('POST', '/api/jobs', body));
	const long = await api('POST', '/api/jobs', { command: { script: 'echo copying; sleep 600' }, targets: { selector: 'env=staging' } });
	await new Promise((later) => setTimeout(later, 1500));
	await api('POST', `/api/jobs/${long.id}/cancel`, {});
	await ended(long);
	failed = (await api('GET', '/api/jobs?status=failed')).items.find((job) => job.parallelism === 1).id;
}

async function running(page) {
	await start(page, 'Follow the log', ['db-1', 'edge-1', 'web-1', 'web-2']);
	await page.getByRole('log').getByText('ERROR').first().waitFor();
	// The lines that came while the command was being started, and a few new ones.
	await page.waitForTimeout(3500);
}

/** The same command on several machines, one of which answers otherwise. */
async function grouped(page) {
	await newRun(page);
	await adHoc(page, ['cache-1', 'db-1', 'edge-1', 'web-1', 'web-2'], 'printf "PRETTY_NAME=Debian 12\\nkernel 6.1\\n"; case $PWD in *db-1*) echo "pending updates: 3";; *) echo "pending updates: 0";; esac');
	await page.getByRole('button', { name: /^Run on/ }).click();
	await page.getByRole('link', { name: 'Details' }).click();
	await page.getByRole('main').getByText('Succeeded', { exact: true }).first().waitFor();
	await page.getByRole('tab', { name: 'Grouped' }).click();
	await page.getByText('pending updates: 3').first().waitFor();
}

/** How a run goes over its machines. */
async function options(page) {
	await newRun(page);
	await adHoc(page, ['cache-1', 'db-1', 'edge-1', 'web-1', 'web-2'], 'systemctl restart nginx');
	await page.getByText('Options', { exact: true }).click();
	await page.getByLabel(/canary/i).first().fill('1');
}

async function newRun(page) {
	await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Run' }).click();
	for (const name of ['New run', 'Clear']) {
		const button = page.getByRole('button', { name, exact: true });
		if (await button.isVisible()) await button.click();
	}
}

async function adHoc(page, machines, script) {
	for (const machine of machines) await page.getByRole('checkbox', { name: `${machine}, online` }).check();
	await page.getByRole('region', { name: 'Commands' }).getByRole('button', { name: /^Ad-hoc command/ }).click();
	await page.getByRole('form', { name: 'Run a command' }).getByRole('textbox', { name: 'Command' }).fill(script);
}

async function start(page, title, machines) {
	for (const machine of machines) await page.getByRole('checkbox', { name: `${machine}, online` }).check();
	const commands = page.getByRole('region', { name: 'Commands' });
	// Two plugins may call theirs the same.
	await commands.getByRole('button', { name: new RegExp(`^${title}`) }).first().click();
	await page.getByRole('form', { name: 'Run a command' }).getByRole('button', { name: /^Run on/ }).click();
}

/** A screen by its address, or by what a person does first, when it shows what it has. */
async function open(page, path) {
	await page.goto(new URL(typeof path === 'function' ? path() : path, ready.url).href);
	await page.getByRole('button', { name: 'Connection: Live', includeHidden: true }).waitFor();
	if (typeof path === 'function') await page.locator('tbody tr').first().getByRole('link').click();
	if (typeof path === 'string' && path.startsWith('/logs')) await page.getByText(/^\d+ hits in /).waitFor();
	await page.waitForLoadState('networkidle').catch(() => {});
}

async function palette(page) {
	await open(page, '/overview');
	await page.keyboard.press('Control+k');
	await page.getByRole('combobox', { name: 'Search machines, commands, jobs' }).fill('web');
}

async function pictures(pages, name) {
	for (const { page, theme } of pages) await picture(page, `${theme}/`, name);
}

async function picture(page, place, name) {
	mkdirSync(join(OUT, place), { recursive: true });
	// Whatever fades in has done so.
	await page.waitForTimeout(600);
	await page.screenshot({ path: join(OUT, `${place}${name}.png`) });
	process.stdout.write(`  docs/screenshots/${place}${name}.png\n`);
}
