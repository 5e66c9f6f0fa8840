import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

/** @type {import('@sveltejs/kit').Config} */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
  kit: {
    adapter: adapter({ fallback: 'index.html', pages: 'build', assets: 'build' }),
    // One page for every address: the host answers unknown paths with index.html, so links must not be relative to it.
    paths: { relative: false },
    output: { preloadStrategy: 'modulepreload' },
    version: { pollInterval: 0 },
    alias: { $lib: 'src/lib' }
  }
};
