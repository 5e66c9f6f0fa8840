// How a script here talks to the test that started it: one JSON object a line, out on stdout, answers in on stdin.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks the test to do something with the host and waits until it is done. */
export async function ask(what, more = {}) {
	process.stdout.write(`${JSON.stringify({ ask: what, ...more })}\n`);
	const { value, done } = await lines.next();
	if (done) throw new Error('the test is gone');
	return JSON.parse(value);
}

/** Says what holds, for the test's log. */
export function say(text) {
	process.stderr.write(`  ${text}\n`);
}
