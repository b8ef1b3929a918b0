import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The page and the service have one origin: what begins so goes to the service. */
const proxy = { '/api': { target: 'http://127.0.0.1:8080', changeOrigin: false } };

export default defineConfig({
  root: 'page',
  plugins: [react()],
  build: { outDir: '../dist', emptyOutDir: true },
  server: { proxy },
  preview: { proxy },
});
