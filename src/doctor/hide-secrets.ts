import { scrubText } from '../common/redact-url.ts';
import type { DoctorContext } from './context.ts';

/** Variables that hold a secret, or a URL with one. */
const SECRET_NAMES =
  /^(MIRROR_HASH_KEY|MIRROR_HTTP_\w*TOKEN|MIRROR_PING_URL|MIRROR_WEBHOOK_(URL|SECRET)|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|PGPASSWORD)$/;

/** Shorter texts occur in words. */
const SHORTEST = 6;

/**
 * Hides the secrets of the settings in a text, wherever they came from. No check shows one; this catches
 * what a server or library quotes.
 */
export function hideSecrets({ config, env, access }: DoctorContext): (text: string) => string {
  const { credentials } = access;
  const given = typeof credentials === 'object' ? credentials : null;
  const secrets = [
    config.hashKey,
    config.http.token,
    config.http.viewToken,
    config.webhookUrl,
    config.webhookSecret,
    config.pingUrl,
    ...[...config.file.pools.values()].map(({ pingUrl }) => pingUrl),
    given?.secretAccessKey,
    given?.sessionToken,
    ...passwords(config.databaseUrl),
    ...passwords(config.redisUrl),
    ...Object.entries(env).flatMap(([name, value]) => {
      if (value === undefined) return [];
      return SECRET_NAMES.test(name) ? [value] : passwords(value);
    }),
  ];
  const hidden = [...new Set(secrets)]
    .filter((secret) => typeof secret === 'string' && secret.length >= SHORTEST)
    .sort((a, b) => (b as string).length - (a as string).length) as string[];
  return (text) =>
    hidden.reduce((shown, secret) => shown.replaceAll(secret, '***'), scrubText(text));
}

/** The password of a URL, as it is written and decoded. */
function passwords(text: string | null): string[] {
  if (text === null || !/^[a-z][\w+.-]*:\/\//i.test(text) || !URL.canParse(text)) return [];
  const { password, searchParams } = new URL(text);
  const all = [password, searchParams.get('password') ?? ''];
  return all.flatMap((each) => [each, decode(each)]);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
