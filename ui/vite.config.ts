import { fileURLToPath } from 'node:url';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

import { pdfAssets } from './pdfAssets.ts';

// `--mode mock` builds the window on the scripted transport, for looking at it in a browser; any other build
// leaves that transport out.
export default defineConfig(({ mode }) => ({
  plugins: [svelte(), svelteTesting(), pdfAssets()],
  worker: { format: 'es' },
  resolve: { alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) } },
  clearScreen: false,
  server: { port: 1420, strictPort: true, host: 'localhost' },
  define: { __MOCK__: JSON.stringify(mode !== 'production') },
  build: {
    outDir: mode === 'mock' ? 'node_modules/.mock-dist' : 'dist',
    target: ['es2022', 'safari16.4', 'chrome111'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    // A machine that builds at the same time is slow; a test that hangs still ends.
    testTimeout: 30_000,
  },
}));
