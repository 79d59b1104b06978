/** Query parameters in which clients of Postgres and Redis accept secrets. */
const SECRET_PARAMETERS = ['password', 'sslpassword', 'token'];

/** The URL for a person to read: without its password. Text that is no URL is not shown at all. */
export function redactUrl(text: string): string {
  if (!URL.canParse(text)) return '(no URL)';
  const url = new URL(text);
  if (url.password !== '') url.password = '***';
  for (const name of SECRET_PARAMETERS) {
    if (url.searchParams.has(name)) url.searchParams.set(name, '***');
  }
  return url.href;
}
