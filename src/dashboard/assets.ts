import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { CLIENT_SCRIPT } from './client-script.ts';
import { ICON_PATH, SCRIPT_PATH, STYLES_PATH } from './paths.ts';
import { ICON, STYLES } from './styles.ts';

const ASSETS = [
  [STYLES_PATH, 'text/css; charset=utf-8', STYLES],
  [SCRIPT_PATH, 'text/javascript; charset=utf-8', CLIENT_SCRIPT],
  [ICON_PATH, 'image/svg+xml', ICON],
] as const;

/** The style, the script and the icon. They hold no data, and browsers keep them until they change. */
export function createAssets(): Hono {
  const app = new Hono();
  for (const [path, type, text] of ASSETS) {
    const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    app.get(path, (context) => {
      const headers = { ETag: tag, 'Cache-Control': 'no-cache' };
      if (context.req.header('If-None-Match') === tag) return context.body(null, 304, headers);
      return context.body(text, 200, { ...headers, 'Content-Type': type });
    });
  }
  return app;
}
