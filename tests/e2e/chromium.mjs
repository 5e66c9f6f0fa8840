// Starts the machine's own Chromium; nothing is downloaded and nothing leaves this machine.
import { chromium } from 'playwright-core';

const FLAGS = [
	'--headless',
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync'
];

export function launch() {
	return chromium.launch({
		executablePath: process.env.CORRAL_CHROMIUM ?? '/usr/bin/chromium',
		args: FLAGS
	});
}

/** A page that keeps what went wrong in it: exceptions, errors on the console, requests off this machine. */
export async function openPage(browser, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
	const page = await context.newPage();
	const faults = [];
	page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
	page.on('console', (message) => {
		if (message.type() === 'error') faults.push(`console: ${message.text()}`);
	});
	page.on('request', (request) => {
		const { protocol, hostname } = new URL(request.url());
		if (protocol.startsWith('http') && !hostname.startsWith('127.') && hostname !== 'localhost') {
			faults.push(`asked ${hostname}`);
		}
	});
	return { page, faults };
}
