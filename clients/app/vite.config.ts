import path from 'node:path';
import { defineConfig } from 'vite';

/** platform/web-app.ts says where the build goes. */
export default defineConfig({
  root: import.meta.dirname,
  publicDir: path.join(import.meta.dirname, 'public'),
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
