import path from 'node:path';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

/**
 * Asks for the app's own script with the page, not when the first script has run: it is fetched, and compiled beside the main
 * thread, meanwhile.
 */
const startEarly: Plugin = {
  name: 'parley:start-early',
  transformIndexHtml: {
    order: 'post',
    handler(_html, { bundle = {} }) {
      const start = Object.values(bundle).find((it) => it.type === 'chunk' && it.isDynamicEntry && it.name === 'start');
      if (start === undefined) return [];
      const attrs = { rel: 'modulepreload', crossorigin: true, href: `/${start.fileName}` };
      return [{ tag: 'link', attrs, injectTo: 'head' }];
    },
  },
};

/** platform/web-app.ts says where the build goes. */
export default defineConfig({
  root: import.meta.dirname,
  publicDir: path.join(import.meta.dirname, 'public'),
  plugins: [startEarly],
  resolve: { alias: { '#proto': path.resolve(import.meta.dirname, '../../proto/gen') } },
  // Said here too: an image is built without tsconfig.json.
  oxc: { jsx: { runtime: 'automatic' } },
  build: {
    target: 'es2024',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    emptyOutDir: true,
    reportCompressedSize: false,
  },
});
