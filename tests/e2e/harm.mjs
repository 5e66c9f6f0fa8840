// Texts that mean no good, and how one sees that they did none. Each names the place where it was planted, so that it can be said of every
// place that its text was on a page and stayed a text.
import assert from 'node:assert/strict';

/** Turns what follows it around, and makes `exe.txt` of a name that ends otherwise. */
const TURNED = '\u202etxt.exe\u202c';
const ELEMENTS = '<img src=/x data-harm onerror="window.harmed=1"><script>window.harmed=1</script><svg data-harm onload="window.harmed=1"><b data-harm style="position:fixed">';

/** What was planted, by place. */
const planted = new Set();
const seen = new Set();

/** A text that means no good. */
export function hostile(place) {
	planted.add(place);
	return `@${place}@"'></title></textarea>${ELEMENTS}{{constructor}}\${1}${TURNED}`;
}

/** The same as a word: names have no blanks and no commas. */
export function hostileWord(place) {
	planted.add(place);
	return `@${place}@"'><img/src=/x/data-harm/onerror=window.harmed=1><script>window.harmed=1</script><svg/data-harm/onload=window.harmed=1>${TURNED}`;
}

/** The eyes are good: where such a text is taken for markup, all of it is seen. */
export async function seesHarm(browser) {
	const page = await browser.newPage();
	const look = async (text) => {
		await page.setContent(`<main>${text}</main>`);
		return (await page.evaluate(lookForHarm)).harm;
	};
	for (const link of ['javascript:window.harmed=1', '//127.0.0.1:1/', 'http://127.0.0.1:1/']) assert.notDeepEqual(await look(`<a href="${link}">x</a>`), [], link);
	const harm = await look(ELEMENTS);
	assert.ok(harm.length >= 4 && harm.includes('it ran'), `${harm}`);
	await page.close();
}

/** Keeps what a page does that it should not: from its first line on, whatever it loads later. */
export async function watch(page, faults, home) {
	await page.addInitScript(() => {
		addEventListener('securitypolicyviolation', (event) => console.error(`the policy forbade ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
	});
	const origin = new URL(home).origin;
	page.on('request', (request) => {
		const url = new URL(request.url());
		if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.origin.replace(/^ws/, 'http') !== origin) faults.push(`asked ${request.url()}`);
		if (url.pathname === '/x') faults.push('asked for what only an element of a hostile text would');
	});
	page.on('dialog', (dialog) => {
		faults.push(`a dialog: ${dialog.message()}`);
		void dialog.dismiss();
	});
	page.on('popup', () => faults.push('a window was opened'));
	page.on('download', () => faults.push('something was downloaded'));
}

/** Nothing hostile on the page became an element, a link or ran; remembers whose texts are shown, wherever they stand. */
export async function unharmed(page, where) {
	const { harm, shown } = await page.evaluate(lookForHarm);
	assert.deepEqual(harm, [], where);
	for (const place of planted) if (shown.includes(`@${place}@`)) seen.add(place);
}

/** Whatever was planted was on some page that was looked at. */
export function allWereSeen() {
	assert.deepEqual([...planted].filter((place) => !seen.has(place)), [], 'every hostile text was shown somewhere');
	return planted.size;
}

/** Runs in the page. */
function lookForHarm() {
	const told = (element) => element.outerHTML.slice(0, 200);
	const elements = '[data-harm], body img, body iframe, body object, body embed, body base, body meta, body style, main script, form[action], [onerror], [onload], [onclick], [srcdoc]';
	const links = [...document.querySelectorAll('a[href]')];
	const leadsOff = (link) => link.origin !== location.origin;
	const fields = [...document.querySelectorAll('input, textarea, option')].flatMap(({ value, text, placeholder }) => [value, text, placeholder]);
	const titles = [...document.querySelectorAll('[title], [aria-label]')].flatMap(({ title, ariaLabel }) => [title, ariaLabel]);
	return {
		harm: [
			...[...document.querySelectorAll(elements)].map(told),
			...links.filter((link) => !/^(\/|#|\?|https?:)/i.test(link.getAttribute('href')) || link.getAttribute('href').startsWith('//')).map(told),
			...links.filter((link) => leadsOff(link) && !/noopener/.test(link.rel)).map(told),
			...('harmed' in window ? ['it ran'] : [])
		],
		shown: [document.body.textContent, document.title, ...fields, ...titles].join('\n')
	};
}
