import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

/** Folders of pdfjs-dist that are asked for by name while a PDF is drawn, and what they are called here. */
const FOLDERS = { cmaps: 'cmaps', fonts: 'standard_fonts', decoders: 'wasm' } as const;
/** Without WebAssembly, which the policy of the window does not allow, only the decoder in JavaScript is of use. */
const wanted = (name: string) => !name.endsWith('.wasm');

/** Puts the character maps, fonts and decoders of pdf.js beside the window, below `pdf/`. */
export function pdfAssets(): Plugin {
  const root = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));
  return {
    name: 'pdf-assets',
    generateBundle() {
      for (const [name, folder] of Object.entries(FOLDERS)) {
        for (const file of readdirSync(join(root, folder)).filter(wanted)) {
          this.emitFile({
            type: 'asset',
            fileName: `pdf/${name}/${file}`,
            source: readFileSync(join(root, folder, file)),
          });
        }
      }
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const [, name, file] = /^\/pdf\/(cmaps|fonts|decoders)\/([\w.-]+)$/.exec(request.url ?? '') ?? [];
        const path = name && file ? join(root, FOLDERS[name as keyof typeof FOLDERS], file) : '';
        if (path === '' || !existsSync(path)) return next();
        if (path.endsWith('.js')) response.setHeader('Content-Type', 'text/javascript');
        createReadStream(path).pipe(response);
      });
    },
  };
}
