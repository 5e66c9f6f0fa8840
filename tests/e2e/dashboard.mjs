// What a person does on the dashboard again and again, found as a person finds it: by role and name.

/** How long a click waits for a button that may be gone already, in milliseconds; the next look tells. */
const MAY_BE_GONE_MS = 2_000;

/** Leaves the run that is shown, if one is; the page may just be leaving it by itself. */
export async function leaveRun(page) {
	const again = page.getByRole('button', { name: 'New run' });
	await again.or(page.getByRole('region', { name: 'Commands' })).first().waitFor();
	while (await again.isVisible()) await again.click({ timeout: MAY_BE_GONE_MS }).catch(() => {});
}

export class Dashboard {
	constructor(page, told) {
		this.page = page;
		this.told = told;
		this.form = page.getByRole('form', { name: 'Run a command' });
		this.dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'));
	}

	async signIn() {
		await this.page.goto(this.told.setup_url);
		await this.isLive();
	}

	async isLive() {
		await this.page.getByRole('button', { name: 'Connection: Live', includeHidden: true }).waitFor();
	}

	/** Opens an address of the host, as somebody does who was sent it. */
	async open(path) {
		await this.page.goto(new URL(path, this.told.url).href);
		await this.isLive();
	}

	/** Goes to a place by the links that are always there. */
	async go(place) {
		await this.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: place }).click();
	}

	/** The page where machines and a command are chosen, without a job. */
	async toRun() {
		await this.go('Run');
		await leaveRun(this.page);
		await this.command('Ad-hoc command').waitFor();
	}

	machine(name) {
		return this.page.getByRole('group', { name: 'Machines to run on' }).getByRole('checkbox', { name });
	}

	async chooseAll() {
		await this.page.getByRole('checkbox', { name: 'Choose all machines' }).check();
	}

	/** A command of the list, by how its name begins or by a pattern. */
	command(title) {
		return this.page.getByRole('region', { name: 'Commands' }).getByRole('button', { name: title instanceof RegExp ? title : new RegExp(`^${title}`) });
	}

	/** Chooses to type a command, and types it. */
	async type(script) {
		await this.command('Ad-hoc command').click();
		await this.form.getByRole('textbox', { name: 'Command' }).fill(script);
	}

	/** Presses the form's button. */
	async run() {
		await this.form.getByRole('button', { name: /^Run on/ }).click();
	}

	/** Waits until the one job that the page is about stands so. */
	async stands(status) {
		await this.page.getByRole('status', { name: 'Job status' }).getByText(status, { exact: true }).waitFor();
	}

	/** Waits until something says what it should. */
	async says(locator, text) {
		await locator.filter({ hasText: text }).first().waitFor();
	}

	/** Leaves a dialog as it was. */
	async dismiss() {
		await this.page.keyboard.press('Escape');
		await this.dialog.waitFor({ state: 'hidden' });
	}

	/** From the live view to the job's own page; returns its address. */
	async details() {
		await this.page.getByRole('link', { name: 'Details' }).click();
		await this.page.getByRole('region', { name: 'Tasks' }).waitFor();
		return new URL(this.page.url()).pathname;
	}

	/** Asks the host itself, with the rights of who is signed in. */
	async api(method, path, data) {
		const { url } = this.told;
		const headers = { origin: new URL(url).origin, 'content-type': 'application/json' };
		const response = await this.page.context().request.fetch(new URL(path, url).href, { method, data: data && JSON.stringify(data), headers });
		if (!response.ok()) throw new Error(`${method} ${path}: ${response.status()} ${await response.text()}`);
		return response.status() === 204 ? null : response.json();
	}
}
