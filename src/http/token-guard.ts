import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';

/** Lets requests pass that carry `Authorization: Bearer <token>`; answers others with 401. */
export function tokenGuard(token: string): MiddlewareHandler {
  const expected = digest(Buffer.from(token, 'utf8'));
  return async (context, next) => {
    const [, given] = /^Bearer +(.*)$/i.exec(context.req.header('Authorization') ?? '') ?? [];
    // Headers come as one character for each byte. Digests have one length, and take one time.
    if (given !== undefined && timingSafeEqual(digest(Buffer.from(given, 'latin1')), expected)) {
      return next();
    }
    return context.json({ error: 'A token is needed: Authorization: Bearer …' }, 401, {
      'WWW-Authenticate': 'Bearer',
    });
  };
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
