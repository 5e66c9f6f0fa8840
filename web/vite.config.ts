import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { playwright } from '@vitest/browser-playwright';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/**
 * SvelteKit's generated root component carries one style attribute in markup (its route announcer). The host's content
 * security policy forbids those, so the attribute goes and a rule in app.css says the same.
 */
function announcerWithoutInlineStyle(): Plugin {
  return {
    name: 'announcer-without-inline-style',
    enforce: 'pre',
    transform(code, id) {
      if (!id.replaceAll('\\', '/').endsWith('/generated/root.svelte')) return null;
      return code.replace(/(id="svelte-announcer"[^>]*?)\sstyle="[^"]*"/, '$1');
    }
  };
}

const CHROMIUM_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** A test that takes longer than this hangs; a busy machine is slow. In milliseconds. */
const HANGS_MS = 60_000;

const host = process.env.CORRAL_URL ?? 'http://127.0.0.1:8477';

export default defineConfig({
  plugins: [announcerWithoutInlineStyle(), tailwindcss(), sveltekit()],
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 400,
    // Each icon by itself would be a request by itself.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'icons', test: /node_modules[\\/]@lucide/ }] } } }
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      // The host takes requests and sockets from its own address only.
      '/api': { target: host, ws: true, changeOrigin: true, headers: { origin: host } },
      '/login': { target: host, changeOrigin: true }
    }
  },
  test: {
    projects: [
      { extends: true, test: { name: 'plain', testTimeout: HANGS_MS, include: ['src/**/*.test.ts', 'dev/**/*.test.ts'], environment: 'node' } },
      {
        extends: true,
        // Found while a test runs, they would make the page load anew in the middle of it.
        optimizeDeps: { entries: ['src/**/*.browser.ts', 'src/**/*.svelte'], include: ['bits-ui', 'svelte/reactivity'] },
        test: {
          name: 'browser',
          testTimeout: HANGS_MS,
          include: ['src/**/*.browser.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: process.env.CORRAL_CHROMIUM ?? '/usr/bin/chromium', args: CHROMIUM_FLAGS } }),
            instances: [{ browser: 'chromium', viewport: { width: 1280, height: 800 } }]
          }
        }
      }
    ]
  },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : undefined
});
