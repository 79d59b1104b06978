/** Query parameters that contain secrets in URLs of Postgres and Redis. */
const SECRET_PARAMETERS = ['password', 'sslpassword', 'token'];

/** Hides the secrets of a URL. Text that is not a URL is hidden completely. */
export function redactUrl(text: string): string {
  if (!URL.canParse(text)) return '(not a URL)';
  const url = new URL(text);
  if (url.password !== '') url.password = '***';
  for (const name of SECRET_PARAMETERS) {
    if (url.searchParams.has(name)) url.searchParams.set(name, '***');
  }
  return url.href;
}
