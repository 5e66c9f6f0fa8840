// Looks at a job's page while lines arrive and notes with every picture which line is the newest one drawn. Lines begin with
// `<number microseconds word>`; they are found by the role of what shows them, whatever else the page is like.
import { launch, openPage } from './chromium.mjs';
import { ask, hangUp, say } from './wire.mjs';

const told = JSON.parse(process.env.CORRAL_E2E);

const browser = await launch();
const { page } = await openPage(browser);
page.setDefaultTimeout(20_000);

try {
	await page.goto(told.setup_url);
	await page.getByRole('button', { name: 'Connection: Live' }).waitFor();
	await page.goto(`${told.url.replace(/\/$/, '')}/jobs/${told.job}`);
	await page.getByRole('log').getByText(/<\d{8} /).first().waitFor();
	const seen = await page.evaluate(watch, told.seconds * 1000);
	await ask('take', seen);
	say(`${seen.pictures.length} pictures with new lines`);
} catch (error) {
	await page.screenshot({ path: 'failure.png' }).catch(() => {});
	say('the page as it was: tests/e2e/failure.png');
	throw error;
} finally {
	await browser.close();
	hangUp();
}

/** Runs in the page. What is in the document when a picture is asked for is drawn with it at the latest. */
function watch(milliseconds) {
	const LINE = /<(\d{8}) (\d{16}) /g;
	const pictures = [];
	let drawn = 0;
	let newest = -1;
	return new Promise((resolve) => {
		const until = performance.now() + milliseconds;
		function picture() {
			const at = performance.timeOrigin + performance.now();
			drawn += 1;
			let found = -1;
			let written = 0;
			// Asked for anew each time: the page may show the lines in another element by now.
			const text = document.querySelector('[role=log]')?.textContent ?? '';
			for (const [, number, micros] of text.matchAll(LINE)) {
				if (Number(number) > found) [found, written] = [Number(number), Number(micros)];
			}
			if (found > newest) {
				newest = found;
				pictures.push({ at, newest, written });
			}
			if (performance.now() < until) requestAnimationFrame(picture);
			else resolve({ pictures, drawn, heap: performance.memory?.usedJSHeapSize ?? 0 });
		}
		requestAnimationFrame(picture);
	});
}
