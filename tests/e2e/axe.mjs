// WCAG 2.2 AA by axe in a page as it is. The dashboard's own packages hold axe; nothing more is installed for it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(new URL('../../web/package.json', import.meta.url)).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** Colours that a command chose for its own output are its words, not ours. */
const NOT_OURS = [['[role=log] [class*=ansi]'], ['[role=log] span[style]'], ['[data-output] [class*=ansi]'], ['[data-output] span[style]']];

/** What is wrong with the page, a line for each kind; by some rules, if only they matter. */
export async function violations(page, rules = null) {
	if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
	const runOnly = rules ? { type: 'rule', values: rules } : TAGS;
	const found = await page.evaluate(([exclude, only]) => window.axe.run({ exclude }, { runOnly: only, preload: false }), [NOT_OURS, runOnly]);
	return found.violations.map(({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0].html.slice(0, 160)}`);
}
