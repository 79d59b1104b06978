/** The parameters by which the driver is told of TLS. Others it passes over, and connects without. */
const OF_TLS = ['ssl', 'sslcert', 'sslkey', 'sslmode', 'sslnegotiation', 'sslrootcert'];

const VALUES: Readonly<Record<string, readonly string[]>> = {
  ssl: ['true', '1', '0', 'no-verify'],
  sslmode: ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'],
};

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
