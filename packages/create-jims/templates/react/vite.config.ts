import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const SERVICE = `http://127.0.0.1:${process.env['JIMS_PORT'] ?? 8080}`;
/** The page and the service have one origin: what begins so goes to the service. */
const proxy = { '/api': { target: SERVICE, changeOrigin: false } };

export default defineConfig({
  root: 'page',
  plugins: [react()],
  build: { outDir: '../dist', emptyOutDir: true },
  server: { proxy },
  preview: { proxy },
});
