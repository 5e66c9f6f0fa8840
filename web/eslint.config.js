import globals from 'globals';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import boundaries from './dev/eslint-boundaries.js';
import svelteConfig from './svelte.config.js';

export default ts.config(
  { ignores: ['build/', '.svelte-kit/', 'node_modules/', 'src/lib/core/clients/generated/'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    plugins: { corral: boundaries },
    rules: {
      'corral/boundaries': 'error',
      'corral/no-cycles': 'error',
      'no-console': ['error', { allow: ['warn', 'error'] }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // The host serves the dashboard at the root of its address, always.
      'svelte/no-navigation-without-resolve': 'off',
      // Maps and sets within one calculation need no reactivity; those that are state are SvelteMap and SvelteSet.
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/no-at-html-tags': 'error'
    }
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } }
  },
  { files: ['dev/**', '*.config.*'], rules: { 'no-console': 'off' } }
);
