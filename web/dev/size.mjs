// Size of all scripts that the first page loads, gzipped; fails above the budget.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 250_000;
const BUILD = new URL('../build/', import.meta.url).pathname;
const IMMUTABLE = join(BUILD, '_app/immutable');
if (!existsSync(join(BUILD, 'index.html'))) {
  console.error('web/build is not there; npm run build first');
  process.exit(1);
}

const index = readFileSync(join(BUILD, 'index.html'), 'utf8');
const named = [...index.matchAll(/["'(](\/[^"')]+\.js)["')]/g)].map(([, path]) => join(BUILD, path));
// The page of `/`: SvelteKit's entry names it as soon as it has run.
const app = readdirSync(join(IMMUTABLE, 'entry')).map((file) => readFileSync(join(IMMUTABLE, 'entry', file), 'utf8')).join('\n');
const page = /"\/":\[(\d+)/.exec(app)?.[1] ?? '2';
const nodes = readdirSync(join(IMMUTABLE, 'nodes')).filter((file) => file.startsWith('0.') || file.startsWith(`${page}.`));

const seen = new Map();
const waiting = [...named, ...nodes.map((file) => join(IMMUTABLE, 'nodes', file))];
while (waiting.length > 0) {
  const file = waiting.pop();
  if (seen.has(file) || !existsSync(file)) continue;
  const text = readFileSync(file, 'utf8');
  seen.set(file, gzipSync(text, { level: 9 }).length);
  for (const [, path] of text.matchAll(/(?:from|import)\s*"(\.[^"]+\.js)"/g)) waiting.push(join(dirname(file), path));
}
const total = [...seen.values()].reduce((sum, size) => sum + size, 0);
for (const [file, size] of [...seen].sort((a, b) => b[1] - a[1]).slice(0, 8)) console.log(`${String(size).padStart(8)}  ${relative(BUILD, file)}`);
console.log(`${String(total).padStart(8)}  first load, ${seen.size} scripts, gzip (budget ${BUDGET_BYTES})`);
process.exit(total > BUDGET_BYTES ? 1 : 0);
