import { join } from 'node:path';
import { Linter } from 'eslint';
import { describe, expect, it } from 'vitest';
import boundaries from './eslint-boundaries.js';

const LIB = join(import.meta.dirname, '..', 'src', 'lib');

/** What the rules say of a text that would stand in that file. */
function said(file: string, text: string): string[] {
  const linter = new Linter({ configType: 'flat', cwd: join(import.meta.dirname, '..') });
  const config = { files: ['**/*.js', '**/*.ts'], plugins: { corral: boundaries }, rules: { 'corral/boundaries': 'error', 'corral/no-cycles': 'error' } } as Linter.Config;
  return linter.verify(text, config, { filename: join(LIB, file) }).map((message) => message.message);
}

describe('boundaries', () => {
  it('let a module in by its door only', () => {
    expect(said('modules/job/services/x.js', "import { VM_STORE } from '$lib/modules/vm';")).toEqual([]);
    expect(said('modules/job/services/x.js', "import { VmService } from '$lib/modules/vm/services/VmService';")).toEqual(['enter a module by its index.ts']);
    expect(said('modules/job/services/x.js', "import { VmService } from '../../vm/services/VmService';")).toEqual(['enter a module by its index.ts']);
    expect(said('modules/job/services/x.js', "export * from '$lib/modules/vm/types';")).toEqual(['enter a module by its index.ts']);
  });

  it('bind what is loaded later just so', () => {
    expect(said('modules/job/services/x.js', "const later = () => import('$lib/modules/vm/components/VMForm.svelte');")).toEqual(['enter a module by its index.ts']);
    expect(said('modules/vm/services/x.js', "const later = () => import('$lib/modules/job');")).toEqual(['module vm must not use module job']);
  });

  it('know who may use whom', () => {
    expect(said('modules/vm/services/x.js', "import { JOB_STORE } from '$lib/modules/job';")).toEqual(['module vm must not use module job']);
    expect(said('modules/nobody/x.js', "import { VM_STORE } from '$lib/modules/vm';")).toEqual(['module nobody must not use module vm']);
    expect(said('shared/utils/x.js', "import { UI_STATE } from '$lib/core/state';")).toEqual(['shared code knows neither core nor modules']);
    expect(said('core/state/x.js', "import { VM_STORE } from '$lib/modules/vm';")).toEqual(['core knows no modules; only the wiring does']);
    expect(said('core/container/deps.ts', "import { VM_STORE } from '$lib/modules/vm';")).toEqual([]);
  });
});

describe('no-cycles', () => {
  it('sees a circle through other files', () => {
    // The clients are imported by the state; the state from within the clients closes the circle.
    const circles = said('core/clients/index.ts', "import { createUiState } from '../state';");
    expect(circles).toHaveLength(1);
    expect(circles[0]).toContain('goes in a circle: core/state/index.ts → ');
    expect(said('core/clients/index.ts', "import { cx } from '$lib/shared/utils';")).toEqual([]);
  });
});
