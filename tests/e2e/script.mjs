// What every script that a test started does in the end. Importing this begins the conversation with the test.
import { hangUp, say } from './wire.mjs';

/** Does what a script is for, and ends it. Of a failure the page is kept and told as it was. */
export async function inPage(browser, page, work) {
	try {
		await work();
	} catch (error) {
		await page.screenshot({ path: 'failure.png' }).catch(() => {});
		say(`the page as it was: tests/e2e/failure.png\n${await page.locator('body').ariaSnapshot().catch(() => '')}`);
		throw error;
	} finally {
		await browser.close();
		hangUp();
	}
}
