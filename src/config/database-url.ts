import type { Problem } from '../model/errors.ts';

const SSL_MODES = ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'];

/**
 * The parameters of a URL that set TLS, with their values; null for any value. The driver ignores
 * other parameters and would connect without TLS.
 */
const TLS_PARAMETERS: ReadonlyMap<string, readonly string[] | null> = new Map([
  ['ssl', ['true', '1', '0', 'no-verify']],
  ['sslcert', null],
  ['sslkey', null],
  ['sslmode', SSL_MODES],
  ['sslnegotiation', ['postgres', 'direct']],
  ['sslrootcert', null],
]);

/** libpq's form for sockets: credentials, then no host, or only a port. */
const WITHOUT_HOST = /^(postgres(?:ql)?:\/\/)([^/?#]*)@(?::(\d*))?(?=[/?#]|$)/;

/**
 * The URL of a database in standard form. libpq also accepts
 * `postgres://user:password@/database?host=/run/postgresql`, which URL parsers refuse: the
 * credentials and the port become parameters, which libpq accepts too.
 */
export function toStandardUrl(text: string): string {
  return withDatabaseInPath(withHostParameters(text));
}

/** libpq also takes the name of the database as a parameter, which the driver ignores. */
function withDatabaseInPath(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const name = url?.searchParams.get('dbname');
  if (!url || !name) return text;
  url.searchParams.delete('dbname');
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

function withHostParameters(text: string): string {
  const [whole, scheme = '', credentials = '', port] = WITHOUT_HOST.exec(text) ?? [];
  if (whole === undefined) return text;
  const standard = `${scheme}${text.slice(whole.length)}`;
  if (!URL.canParse(standard)) return text;
  const url = new URL(standard);
  const [, user, password] = /^([^:]*):?(.*)$/s.exec(credentials) ?? [];
  for (const [name, value] of Object.entries({ user, password, port })) {
    if (value && !url.searchParams.has(name)) url.searchParams.set(name, decode(value));
  }
  return url.href;
}

/** Keeps text that has a `%` outside an escape sequence. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The parts of a URL without which the driver would look for others. */
export interface UrlParts {
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
}

/** The parts that the URL of a database names, decoded. An IPv6 address has no brackets. */
export function readUrlParts(text: string): UrlParts {
  const url = new URL(text);
  const { searchParams } = url;
  const part = (name: string, inUrl: string) =>
    searchParams.get(name) || decode(inUrl) || undefined;
  return {
    host: part('host', url.hostname.replace(/^\[(.+)\]$/, '$1')),
    port: part('port', url.port),
    user: part('user', url.username),
    password: part('password', url.password),
    database: decode(url.pathname.slice(1)) || undefined,
  };
}

/** The URL with these parts where it names none. They become parameters, as sockets need. */
export function completeUrl(text: string, { database, ...others }: UrlParts): string {
  const named = readUrlParts(text);
  const url = new URL(text);
  for (const [name, value] of Object.entries(others)) {
    if (value && !named[name as keyof UrlParts]) url.searchParams.set(name, value);
  }
  if (database && !named.database) url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

/**
 * The URL with what it leaves out, from libpq's variables. PGSSLMODE counts only if the URL does not
 * set TLS itself. A variable that the URL overrides is not checked.
 */
export function applyLibpqVariables(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
): string {
  const url = new URL(text);
  const mode = env['PGSSLMODE'];
  const setsTls = [...url.searchParams.keys()].some((name) => TLS_PARAMETERS.has(name));
  if (mode !== undefined && !setsTls) {
    if (!SSL_MODES.includes(mode)) {
      const problem = `must be one of ${SSL_MODES.join(', ')}, not ${JSON.stringify(mode)}.`;
      problems.push({
        subject: 'PGSSLMODE',
        problem,
        remedy: 'Set it to verify-full, or unset it.',
      });
    }
    url.searchParams.set('sslmode', mode);
  }
  const { PGHOST: host, PGPORT: port } = env;
  const named = readUrlParts(text);
  if (!named.host && host !== undefined && isList(host)) {
    const problem = 'names several hosts.';
    problems.push({ subject: 'PGHOST', problem, remedy: 'Set it to one host.' });
  }
  if (!named.port && port !== undefined && !isPort(port)) {
    const problem = `must be a port from 1 to 65535, not ${JSON.stringify(port)}.`;
    problems.push({ subject: 'PGPORT', problem, remedy: 'Set it to one port, or unset it.' });
  }
  return completeUrl(url.href, {
    host,
    port,
    user: env['PGUSER'],
    password: env['PGPASSWORD'],
    database: env['PGDATABASE'],
  });
}

/** libpq's form for several hosts. */
const HOST_LIST = /^postgres(?:ql)?:\/\/(?:[^/?#]*@)?[^/?#@]*,[^/?#@]*(?:[/?#]|$)/i;

const isList = (host: string) => host.includes(',');
const isPort = (text: string) =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

/** The problem with the URL of a database, or null. It never quotes the URL. */
export function findDatabaseUrlProblem(text: string): string | null {
  const severalHosts = 'the URL names several hosts; name one.';
  if (HOST_LIST.test(text)) return severalHosts;
  const problem = findSchemeProblem(text, ['postgres:', 'postgresql:']);
  if (problem !== null) return problem;
  const { host = '', port = '5432' } = readUrlParts(text);
  if (isList(host)) return severalHosts;
  if (!isPort(port)) return 'the URL has an invalid port; valid are 1 to 65535.';
  for (const [name, value] of new URL(text).searchParams) {
    const values = TLS_PARAMETERS.get(name);
    if (values === undefined && /^(ssl|tls)/i.test(name)) {
      return `the URL has an unknown TLS parameter; known are ${[...TLS_PARAMETERS.keys()].join(', ')}.`;
    }
    if (values && !values.includes(value)) {
      return `the URL has an invalid ${name}; valid are ${values.join(', ')}.`;
    }
  }
  return null;
}

/** The problem with the form of a server's URL, or null. */
export function findSchemeProblem(text: string, protocols: readonly string[]): string | null {
  if (!URL.canParse(text)) return 'must be a URL.';
  if (protocols.includes(new URL(text).protocol)) return null;
  return `the URL must start with ${protocols.map((each) => `${each}//`).join(' or ')}.`;
}
