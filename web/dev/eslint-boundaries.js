// Two rules of this project's architecture.
//
// boundaries: a module is entered by its index.ts only; which module may use which is written down here; `shared` knows
//             neither core nor modules, `core` no modules except in the wiring.
// no-cycles:  no file reaches itself through imports.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';

const LIB = join(import.meta.dirname, '..', 'src', 'lib');
const WIRING = join(LIB, 'core', 'container', 'deps.ts');

/** Modules that each module may use. */
const USES = {
  secret: [],
  vm: ['secret'],
  log: [],
  plugin: [],
  command: [],
  job: ['command', 'log', 'vm'],
  overview: ['command', 'job', 'plugin', 'vm'],
  search: ['command', 'job', 'log', 'vm'],
  execution: ['command', 'job', 'log', 'plugin', 'secret', 'vm']
};

/** The file that an import means, or null for a package. */
function resolveImport(from, source) {
  const base = source.startsWith('$lib') ? join(LIB, source.slice(4)) : source.startsWith('.') ? resolve(dirname(from), source) : null;
  if (!base) return null;
  for (const candidate of [base, `${base}.ts`, `${base}.js`, `${base}.svelte`, join(base, 'index.ts')]) {
    if (existsSync(candidate) && statSync(candidate).isFile()) return candidate;
  }
  return base;
}

function placeOf(file) {
  if (!file.startsWith(LIB + sep)) return { layer: 'app' };
  const [layer, module] = file.slice(LIB.length + 1).split(sep);
  return layer === 'modules' ? { layer, module } : { layer };
}

function problemOf(from, target) {
  const here = placeOf(from);
  const there = placeOf(target);
  if (from === WIRING) return null;
  if (here.layer === 'shared' && there.layer !== 'shared' && there.layer !== 'app') return 'shared code knows neither core nor modules';
  if (here.layer === 'core' && there.layer === 'modules') return 'core knows no modules; only the wiring does';
  if (there.layer !== 'modules' || here.module === there.module) return null;
  if (here.layer === 'modules' && !USES[here.module]?.includes(there.module)) return `module ${here.module} must not use module ${there.module}`;
  return null;
}

function entersByTheDoor(from, target) {
  const here = placeOf(from);
  const there = placeOf(target);
  return there.layer !== 'modules' || here.module === there.module || target === join(LIB, 'modules', there.module, 'index.ts');
}

const visitor = (check) => ({
  ImportDeclaration: (node) => check(node, node.source.value),
  ExportNamedDeclaration: (node) => node.source && check(node, node.source.value),
  ExportAllDeclaration: (node) => check(node, node.source.value)
});

const boundaries = {
  meta: { type: 'problem', schema: [] },
  create: (context) => {
    const check = (node, source) => {
      const target = resolveImport(context.filename, source);
      if (!target) return;
      const problem = problemOf(context.filename, target);
      if (problem) context.report({ node, message: problem });
      else if (!entersByTheDoor(context.filename, target)) context.report({ node, message: 'enter a module by its index.ts' });
    };
    // What is loaded later is bound by the same rules.
    return { ...visitor(check), ImportExpression: (node) => typeof node.source.value === 'string' && check(node, node.source.value) };
  }
};

const known = new Map();
/** Files that a file imports for more than types. */
function importsOf(file) {
  if (known.has(file)) return known.get(file);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const found = [];
  for (const [, clause, source] of text.matchAll(/(?:^|\n)\s*(?:import|export)\s+((?:type\s)?[^'";]*?)\s*(?:from\s*)?['"]([^'"]+)['"]/g)) {
    if (clause.startsWith('type ')) continue;
    const target = resolveImport(file, source);
    if (target && target !== file) found.push(target);
  }
  known.set(file, found);
  return found;
}

function pathBack(start, from) {
  const seen = new Set([from]);
  const waiting = [[from]];
  while (waiting.length > 0) {
    const path = waiting.shift();
    for (const next of importsOf(path.at(-1))) {
      if (next === start) return path;
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push([...path, next]);
    }
  }
  return null;
}

const noCycles = {
  meta: { type: 'problem', schema: [] },
  create: (context) =>
    visitor((node, source) => {
      if (node.importKind === 'type' || node.exportKind === 'type') return;
      const target = resolveImport(context.filename, source);
      if (!target) return;
      const path = target === context.filename ? [] : pathBack(context.filename, target);
      if (path) context.report({ node, message: `goes in a circle: ${path.map((file) => file.slice(LIB.length + 1)).join(' → ')}` });
    })
};

export default { rules: { boundaries, 'no-cycles': noCycles } };
