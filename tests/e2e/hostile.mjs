// Enemies write wherever they can: names and labels of machines, templates, plugins with their README and what they say, output, errors, file
// names, addresses. All of it is put into a real host and looked for in its pages. Nothing may run, become an element or a link, ask another
// host, or be forbidden by the content policy only at the last moment; and every text must have been on a page, or nothing is proved.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, openPage } from './chromium.mjs';
import { Dashboard } from './dashboard.mjs';
import { allWereSeen, hostile, hostileWord, seesHarm, unharmed, watch } from './harm.mjs';
import { inPage } from './script.mjs';
import { say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);
const CLIPBOARD = 'what I copied myself';
/** So many elements would one line have. */
const LONG_LINE_PIECES = 20_000;
/** A name that an archive holds without more ado. */
const ENTRY_CHARS = 90;

/** As TOML, JSON and logfmt write a text. */
const quoted = (text) => JSON.stringify(text);

const browser = await launch();
const { page, faults } = await openPage(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
page.setDefaultTimeout(30_000);
const dash = new Dashboard(page, told);
await watch(page, faults, told.url);

await inPage(browser, page, async () => {
	await seesHarm(browser);
	await dash.signIn();
	await page.evaluate((text) => navigator.clipboard.writeText(text), CLIPBOARD);
	await machines();
	await commands();
	await plugins();
	const job = await output();
	await errors();
	await addresses(job);
	assert.equal(await page.evaluate(() => navigator.clipboard.readText()), CLIPBOARD, 'no output reached the clipboard');
	say(`${allWereSeen()} hostile texts were on pages, and stayed texts`);
	// What the host refuses or does not have is a line on the console, and here it is asked for on purpose.
	assert.deepEqual(faults.filter((fault) => !/status of 4\d\d|Not found: /.test(fault)), [], 'nothing went wrong in the page');
});

/** Opens an address, waits for something there, and looks. */
async function look(path, ready) {
	await dash.open(path);
	await ready.first().waitFor();
	await unharmed(page, path);
}

/** From an inventory, by the import dialog; and one that is refused is refused with its text. */
async function machines() {
	const [real, ...others] = told.vms;
	const host = { ansible_host: real.address, ansible_port: real.port, ansible_user: real.user, ansible_ssh_private_key_file: real.auth.identity_file };
	const note = hostile('label of a found machine').replaceAll(/[{}]/g, '');
	const found = { [hostileWord('found-machine')]: { ...host, note }, [hostileWord('refused machine')]: host };
	writeFileSync(join(told.inventory, 'inventory.yml'), JSON.stringify({ all: { hosts: found } }));
	await dash.open('/vms?import=1');
	const source = dash.dialog.getByRole('tab', { name: 'ansible-inventory' });
	await source.click();
	await dash.dialog.getByText('@found-machine@').first().waitFor();
	await unharmed(page, 'the import dialog');
	await dash.dialog.getByRole('button', { name: 'Import 2 machines' }).click();
	await dash.dialog.getByText('some could not be imported').waitFor();
	await unharmed(page, 'machines that could not be imported');
	await dash.dialog.getByRole('button', { name: 'Close' }).last().click();
	await page.getByRole('row', { name: /@found-machine@/ }).first().waitFor();
	for (const [at, vm] of others.entries()) {
		const name = hostileWord(`machine-${at + 1}`);
		await dash.api('POST', '/api/vms', { ...vm, name, labels: { role: hostile(`label ${at + 1}`).replaceAll(',', '').slice(0, 200) } });
	}
	await unharmed(page, 'the machines');
	await page.getByRole('link', { name: /@found-machine@/ }).first().click();
	await page.getByRole('button', { name: 'Trust this key' }).click();
	await page.getByText(/host key of @found-machine@.*is trusted/).first().waitFor();
	await unharmed(page, 'a machine whose key is trusted');
	await dash.go('VMs');
	await oneMachine();
	say('machines with hostile names and labels: found, listed, opened, changed and removed');
}

async function oneMachine() {
	await page.getByRole('link', { name: /@machine-2@/ }).first().click();
	await page.getByRole('heading', { level: 1, name: /@machine-2@/ }).waitFor();
	await unharmed(page, 'a machine');
	assert.match(await page.title(), /^@machine-2@/);
	await page.getByRole('button', { name: 'Edit' }).click();
	await dash.dialog.getByRole('textbox', { name: 'Name', exact: true }).waitFor();
	await unharmed(page, 'the form of a machine');
	await dash.dialog.getByRole('button', { name: 'Save', exact: true }).click();
	await page.getByText(/@machine-2@.*was changed/).first().waitFor();
	await unharmed(page, 'what is said of a change');
	await page.getByRole('button', { name: /^Remove @machine-2@/ }).click();
	await dash.dialog.getByText('It leaves the inventory').waitFor();
	await unharmed(page, 'before a machine is removed');
	await dash.dialog.getByRole('button', { name: 'Remove machine' }).click();
	await page.getByText(/@machine-2@.*was removed/).first().waitFor();
	await unharmed(page, 'after a machine is removed');
}

/** A template of a file with everything that one can have, a file that cannot be read, and a command that was saved. */
async function commands() {
	const said = (place) => hostile(`template ${place}`);
	const parameters = [
		{ name: 'word', title: said('parameter'), description: said('help'), default: said('default') },
		{ name: 'choice', type: 'enum', values: [said('value'), 'other'], description: 'Which', required: true },
		{ name: 'needed', description: said('help of what is needed'), pattern: '^[a-z]+$' }
	];
	const template = { id: 'odd', title: said('title'), description: said('description'), category: said('category'), dangerous: true, parameters, argv: ['printf', '%s\\n', '{{word}}', '{{choice}}', '{{needed}}'] };
	writeFileSync(join(told.templates, 'odd.yaml'), JSON.stringify(template));
	writeFileSync(join(told.templates, `${hostileWord('template file').replaceAll('/', '_')}.yaml`), `id: broken\ntitle: x\n"${hostileWord('template key').replaceAll('"', '')}": 1\n`);
	await dash.toRun();
	await dash.command('@template title@').first().waitFor();
	await page.getByText(/@template file@/).first().waitFor();
	await dash.machine(/@found-machine@/).check();
	await dash.command('@template title@').first().click();
	await unharmed(page, 'the form of a template');
	await dash.form.getByRole('textbox', { name: /^Needed/ }).fill('<b>');
	await dash.run();
	await dash.form.getByText(/Must match/).first().waitFor();
	await dash.form.getByRole('textbox', { name: /^Needed/ }).fill('fine');
	await dash.form.getByRole('combobox').selectOption({ index: 1 });
	await dash.form.getByRole('region', { name: 'Preview' }).getByText('@template default@').first().waitFor();
	await dash.run();
	await dash.dialog.getByRole('button', { name: /^Run on/ }).waitFor();
	await unharmed(page, 'the confirmation of a dangerous run');
	await dash.dialog.getByRole('button', { name: /^Run on/ }).click();
	await dash.stands('Succeeded');
	await dash.details();
	await unharmed(page, 'the job of a template');
	assert.match(await page.title(), /^@template title@/);
	await saved();
	await look('/commands', page.getByText('@template category@'));
	say('commands with hostile titles, texts, values and files: listed, filled in, confirmed, run and saved');
}

async function saved() {
	await dash.go('Commands');
	await page.getByRole('button', { name: 'Save a command' }).first().click();
	await dash.dialog.getByRole('textbox', { name: 'Title' }).fill(hostile('saved title').slice(0, 190));
	await dash.dialog.getByRole('textbox', { name: 'Shell text' }).fill(`: '${hostile('saved text').replaceAll("'", '')}'`);
	await dash.dialog.getByRole('textbox', { name: 'What it does' }).fill(hostile('saved description'));
	await unharmed(page, 'the form of a command');
	await dash.dialog.getByRole('button', { name: 'Save command' }).click();
	await page.getByText(/“@saved title@.*was saved/).first().waitFor();
	await unharmed(page, 'what is said of a command that was saved');
	await page.getByRole('button', { name: /^Actions for @saved title@/ }).click();
	await page.getByRole('menuitem', { name: 'Remove' }).click();
	await dash.dialog.getByText('Jobs that ran it stay').waitFor();
	await unharmed(page, 'before a command is removed');
	await dash.dismiss();
}

/** A README that tries every way of Markdown to a link, an image or an element. */
function readme() {
	const text = hostile('README');
	return `# ${text}

![image](http://127.0.0.1:1/image.png) <img src="/x" data-harm> [script](javascript:window.harmed=1) [Script](JaVaScRiPt&#58;window.harmed=1)
[data](data:text/html,<script>window.harmed=1</script>) [file](file:///etc/passwd) [scheme](//127.0.0.1:1/) [place](../../x) [vb](vbscript:x)
[quote](http://127.0.0.1:1/"onmouseover="window.harmed=1) [good](http://127.0.0.1:1/good) <http://127.0.0.1:1/angle> [ref][1]

[1]: javascript:window.harmed=1

| ${text.replaceAll('|', '')} | b |
| --- | --- |
| <b data-harm>x</b> | \`<b data-harm>\` |

- <iframe srcdoc="<script>parent.harmed=1</script>"></iframe>
> <style>body{display:none}</style>

\`\`\`html
<script>window.harmed=1</script>
\`\`\`
`;
}

function plugin(id, manifest) {
	const folder = join(told.plugins, id);
	mkdirSync(folder);
	copyFileSync(join(told.bundled, 'structured/plugin.wasm'), join(folder, 'plugin.wasm'));
	writeFileSync(join(folder, 'README.md'), readme());
	writeFileSync(join(folder, 'plugin.toml'), manifest);
}

async function plugins() {
	const head = (id, name) => `id = "${id}"\nname = ${quoted(name)}\nversion = "1.0.0"\napi = "0.1"\n`;
	const want = `[[wants]]\ncapability = "vms"\nreason = ${quoted(hostile('reason of a want'))}\n`;
	plugin('odd', `${head('odd', hostile('plugin'))}provides = ["log-filter"]\ndescription = ${quoted(hostile('plugin description'))}\n${want}[filter]\napply = "asked"\n`);
	plugin('spoilt', `${head('spoilt', 'Spoilt')}provides = [${quoted(hostile('kind of plugin'))}]\n`);
	await look('/plugins', page.getByRole('link', { name: /^@plugin@/ }));
	await page.getByRole('link', { name: /spoilt/ }).click();
	await page.getByText('@kind of plugin@').first().waitFor();
	await unharmed(page, 'a plugin that is broken');
	await look('/plugins/odd', page.getByRole('heading', { name: 'README' }));
	assert.match(await page.title(), /^@plugin@/);
	const links = await page.locator('main a[href^="http"]').evaluateAll((found) => found.map((link) => [link.textContent, link.getAttribute('href')]));
	assert.ok(links.some(([text]) => text === 'good') && links.every(([, href]) => href.startsWith('http://127.0.0.1:1/')), `only web addresses are links: ${JSON.stringify(links)}`);
	for (const text of ['script', 'Script', 'data', 'file', 'scheme', 'place', 'vb']) assert.equal(await page.getByRole('link', { name: text, exact: true }).count(), 0, `${text} is no link`);
	await page.getByRole('button', { name: 'Grant vms' }).click();
	await dash.dialog.getByRole('textbox').fill(`${hostile('selector').replaceAll(',', '')}=`);
	await dash.dialog.getByRole('button', { name: 'Grant', exact: true }).click();
	await dash.dialog.getByRole('alert').first().waitFor();
	await unharmed(page, 'a right that cannot be granted');
	await dash.dialog.getByRole('textbox').fill('');
	await dash.dialog.getByRole('button', { name: 'Grant', exact: true }).click();
	await page.getByText(/@plugin@.*was granted vms/).first().waitFor();
	await unharmed(page, 'what is said of a right');
	await install();
	say('plugins with hostile names, READMEs, manifests and files: listed, read, granted and refused');
}

/** A package by a name that means no good, whose content does not either. */
async function install() {
	await dash.go('Plugins');
	await page.getByRole('button', { name: 'Install' }).click();
	const file = join(told.packages, `${hostileWord('file of a package').replaceAll('/', '_')}.corral`);
	const folder = join(told.packages, 'content');
	mkdirSync(folder);
	writeFileSync(join(folder, hostileWord('file in a package').replaceAll('/', '_').slice(0, ENTRY_CHARS)), 'x');
	execFileSync('tar', ['-czf', file, '-C', folder, '.']);
	await dash.dialog.getByLabel('Package').setInputFiles(file);
	await dash.dialog.getByRole('button', { name: 'Install' }).click();
	await dash.dialog.getByText('@file in a package@').first().waitFor();
	await unharmed(page, 'a package that is refused');
	await dash.dismiss();
}

/** What a command writes: markup, everything that a terminal would obey, and fields for a filter to find. */
function script() {
	const osc = (text) => `\u001b]${text}\u0007`;
	const lines = [
		hostile('output'),
		`${osc(`0;${hostile('title by output')}`)}${osc('52;c;aGFybQ==')}${osc('8;;javascript:window.harmed=1')}click${osc('8;;')}${osc('8;;http://127.0.0.1:1/')}there${osc('8;;')}`,
		`\u001b[2J\u001b[1;31m${hostile('output in colour')}\u001b[0m\u001bP1;1|x\u001b\\\u001b_Gi=1;\u001b\\\u0000\u0007\u0008\u000b`,
		`time=1 level=error user=${quoted(hostile('annotation'))} path=/x`,
		`http://127.0.0.1:1/"><img/src=/x/data-harm> javascript:window.harmed=1 https://bank.example@127.0.0.1:1/`
	];
	const encoded = Buffer.from(`${lines.join('\n')}\n`).toString('base64');
	return `: ${hostile('typed').replaceAll(/[^@a-z ]/g, (sign) => `\\${sign}`)}\nbase64 -d <<'END'\n${encoded.replaceAll(/.{76}/g, '$&\n')}\nEND\nyes '<b data-harm>' | head -n ${LONG_LINE_PIECES} | tr -d '\\n'\necho $$`;
}

async function output() {
	await dash.toRun();
	await dash.machine(/@machine-1@/).check();
	await dash.machine(/@found-machine@/).check();
	await dash.type(script());
	await dash.form.getByText('Options', { exact: true }).click();
	await dash.form.getByRole('tablist', { name: 'Filter Structured logs' }).getByRole('tab', { name: 'On' }).click();
	await dash.run();
	await dash.stands('Succeeded');
	await page.getByRole('log').getByText('@output@').first().waitFor();
	await unharmed(page, 'output as it comes');
	const job = await dash.details();
	await page.getByRole('log').getByText('@output@').first().waitFor();
	await unharmed(page, 'output');
	assert.ok(!(await page.title()).includes('@title by output@'), 'output does not name the page');
	await lineDetails();
	await look(`${job}?view=grouped`, page.getByRole('list', { name: 'Groups of identical output' }));
	await look(`${job}?view=timeline`, page.getByRole('list', { name: 'When each machine was at work' }));
	await look(`${job}?view=together`, page.getByRole('log').getByText('@output@'));
	await look('/logs?q=onerror', page.getByText(/hits? in /));
	await page.getByText('@annotation@').first().waitFor();
	await unharmed(page, 'hits');
	await look('/jobs', page.getByRole('list', { name: 'Jobs' }));
	await look('/overview', page.getByRole('list', { name: 'Figures' }));
	say('hostile output: live, in its job, line by line, grouped, together and found');
	return job;
}

/** Each line as it was written and as it is shown, with what a filter found in it. */
async function lineDetails() {
	for (const line of [2, 4]) {
		await page.getByRole('button', { name: `Line ${line}`, exact: true }).click();
		await page.getByRole('toolbar', { name: 'Marked lines' }).getByRole('button', { name: 'Details' }).click();
		await dash.dialog.getByText('standard output').waitFor();
		for (const view of ['As shown', 'As written']) {
			await dash.dialog.getByRole('tab', { name: view }).click();
			await unharmed(page, `line ${line}, ${view}`);
		}
		await dash.dismiss();
	}
}

/** What goes wrong says so with the text that was wrong. */
async function errors() {
	const locked = await dash.api('POST', '/api/vms', { ...told.vms[2], name: 'locked', auth: { kind: 'key', identity_file: `/${hostileWord('key file')}` } });
	await look(`/vms/${locked.id}?test=1`, page.getByRole('list', { name: 'Steps of the connection test' }).getByText('@key file@'));
	const [vm] = (await dash.api('GET', '/api/vms')).items.filter(({ name }) => name.startsWith('@found-machine@'));
	const job = await dash.api('POST', '/api/jobs', { command: { argv: [hostile('program')] }, targets: { vms: [vm.id, locked.id] } });
	await look(`/jobs/${job.id}`, page.getByRole('status', { name: 'Job status' }).getByText(/Failed|Partly|Mixed/));
	await look(`/jobs/${job.id}?vm=${vm.id}`, page.getByRole('log').getByText('@program@'));
	const folder = await dash.api('POST', '/api/jobs', { command: { argv: ['true'] }, workdir: `/${hostile('folder')}`, targets: { vms: [vm.id] } });
	await look(`/jobs/${folder.id}`, page.getByRole('status', { name: 'Job status' }).getByText('Failed'));
	await page.getByText('@folder@').first().waitFor();
	await unharmed(page, 'a folder that is not there');
	say('errors that repeat what was wrong');
}

/** Who sends a link writes its address. */
async function addresses(job) {
	// What has a dot is asked for as a file, and the host has none of that name.
	const text = encodeURIComponent(hostile('address of a page').replaceAll(/[./]/g, ''));
	await look(`/logs?q=${encodeURIComponent(`(${hostile('search')}`)}&regex=true`, page.getByRole('alert'));
	await look(`/logs?q=${encodeURIComponent(hostile('search'))}&template=${text}&vm=${text}`, page.getByRole('search'));
	await look(`/${text}`, page.getByRole('link').first());
	for (const path of [`/jobs/${text}`, `/vms/${text}`, `/plugins/${text}`, `/?job=${text}`, `${job}?vm=${text}&line=${text}&view=${text}`, `/jobs?status=${text}`, `/vms?q=${text}`]) await look(path, page.getByRole('main'));
	await page.keyboard.press('Control+k');
	const field = dash.dialog.getByRole('combobox');
	for (const query of ['@machine', '@template', hostile('palette')]) {
		await field.fill(query);
		await dash.dialog.getByRole('option').first().waitFor();
		await unharmed(page, `the palette, ${query}`);
	}
	await page.goto(new URL(`/login?token=${text}`, told.url).href);
	await unharmed(page, 'a link to sign in that is none');
	say('addresses, searches and the palette');
}
