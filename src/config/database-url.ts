/** The parameters by which a URL asks the driver for TLS. It ignores others, and connects without. */
const OF_TLS = ['ssl', 'sslcert', 'sslkey', 'sslmode', 'sslnegotiation', 'sslrootcert'];

const SSL_MODES = ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  ssl: ['true', '1', '0', 'no-verify'],
  sslmode: SSL_MODES,
  sslnegotiation: ['postgres', 'direct'],
};

/** libpq's form for sockets: credentials, then no host, or a port alone. */
const WITHOUT_HOST = /^(postgres(?:ql)?:\/\/)([^/?#]*)@(?::(\d*))?(?=[/?#]|$)/;

/**
 * The URL of a database in the form that URLs have everywhere. libpq also takes
 * `postgres://user:password@/database?host=/run/postgresql`, which the standard refuses: of it the
 * credentials and the port become parameters, as libpq takes them too.
 */
export function standardDatabaseUrl(text: string): string {
  const form = WITHOUT_HOST.exec(text);
  if (form === null) return text;
  const [whole, scheme = '', credentials = '', port] = form;
  const standard = `${scheme}${text.slice(whole.length)}`;
  if (!URL.canParse(standard)) return text;
  const url = new URL(standard);
  const colon = credentials.indexOf(':');
  const user = colon < 0 ? credentials : credentials.slice(0, colon);
  const parameters = { user, password: colon < 0 ? '' : credentials.slice(colon + 1), port };
  for (const [name, value] of Object.entries(parameters)) {
    if (value && !url.searchParams.has(name)) url.searchParams.set(name, decoded(value));
  }
  return url.href;
}

/** Text with a stray `%` stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The URL with the TLS that PGSSLMODE asks for, where it says nothing of TLS itself. Everything else
 * goes by the URL alone: an embedded Postgres must not be asked for TLS.
 */
export function withSslMode(url: string, mode: string | undefined): string {
  if (mode === undefined || asksForTls(url)) return url;
  const complete = new URL(url);
  complete.searchParams.set('sslmode', mode);
  return complete.href;
}

/** What is wrong with PGSSLMODE, where it counts for this URL; null where nothing is. */
export function sslModeProblem(url: string, mode: string | undefined): string | null {
  if (mode === undefined || SSL_MODES.includes(mode) || asksForTls(url)) return null;
  return `${JSON.stringify(mode)} is not one of ${SSL_MODES.join(', ')}.`;
}

function asksForTls(url: string): boolean {
  return [...new URL(url).searchParams.keys()].some((name) => OF_TLS.includes(name));
}

/**
 * What is wrong with what the URL of a database asks of TLS, quoting nothing of it; null where
 * nothing is. A slip there must not read as a wish for none.
 */
export function databaseUrlProblem(text: string): string | null {
  for (const [name, value] of new URL(text).searchParams) {
    if (/^(ssl|tls)/i.test(name) && !OF_TLS.includes(name)) {
      return `the URL has a parameter of TLS that there is not: there are ${OF_TLS.join(', ')}.`;
    }
    const values = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined;
    if (values !== undefined && !values.includes(value)) {
      return `the URL has a value of ${name} that there is not: there are ${values.join(', ')}.`;
    }
  }
  return null;
}
