// How a script here talks to the test that started it: one JSON object a line, out on stdout, answers in on stdin.
import { createInterface } from 'node:readline';

/** Longer than all waits of a script together; a script must end whatever happens. */
const LIMIT_MS = 600_000;

const reader = createInterface({ input: process.stdin });
const lines = reader[Symbol.asyncIterator]();
setTimeout(() => {
	say('the script took too long');
	process.exit(1);
}, LIMIT_MS).unref();

/** Ends the conversation; without it the script would wait for more to be said. */
export function hangUp() {
	reader.close();
	process.stdin.destroy();
}

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
