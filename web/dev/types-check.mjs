// Fails when the generated types in the tree are not those that openapi.json gives.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const held = new URL('../src/lib/core/clients/generated/', import.meta.url).pathname;
const fresh = mkdtempSync(join(tmpdir(), 'corral-types-'));
try {
  execFileSync('npx', ['openapi-ts'], { cwd: new URL('..', import.meta.url).pathname, env: { ...process.env, CORRAL_TYPES_OUT: fresh }, stdio: ['ignore', 'ignore', 'inherit'] });
  const wrong = readdirSync(fresh).filter((file) => readFileSync(join(fresh, file), 'utf8') !== readFileSync(join(held, file), 'utf8'));
  if (wrong.length > 0) throw new Error(`${wrong.join(', ')} differ from what web/openapi.json gives; npm run types writes them anew`);
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause);
  process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
