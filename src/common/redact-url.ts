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

/** Hides passwords in URLs and in `password=…`, anywhere in a text. */
export function scrubText(text: string): string {
  return (
    text
      .replaceAll(/(\b[a-z][\w+.-]*:\/\/[^\s:/@]*:)[^\s/]+@/gi, '$1***@')
      // A value that is hidden already is followed by the text around it, which stays.
      .replaceAll(/(\b(?:password|secret|token)=)(?!\*{3}(?:[\s&'")]|$))[^\s&'"]+/gi, '$1***')
  );
}
