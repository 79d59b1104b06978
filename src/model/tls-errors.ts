/** Why a TLS connection failed, and the fix. */
export interface TlsProblem {
  readonly problem: string;
  readonly remedy: string;
}

/** Node's codes for a certificate that is not signed by a trusted CA. */
const UNTRUSTED = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Node's other codes for a rejected certificate or a failed handshake. */
const OTHER_TLS = /^(CERT_|ERR_SSL_|ERR_TLS_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** Returns true if this is Node's code for a failed TLS connection. */
export function isTlsError(code: unknown): code is string {
  return typeof code === 'string' && (UNTRUSTED.has(code) || OTHER_TLS.test(code));
}

/**
 * Explains Node's code for a failed TLS connection. Returns null for any other code.
 *
 * @param caSetting the setting that adds a CA for this connection.
 */
export function explainTls(code: unknown, caSetting: string): TlsProblem | null {
  if (!isTlsError(code)) return null;
  if (UNTRUSTED.has(code)) {
    return {
      problem: `the server's certificate is not signed by a trusted CA (${code}).`,
      remedy: `If it is the right server, add its CA: ${caSetting}.`,
    };
  }
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return {
        problem: "the server's certificate has expired.",
        remedy: "Renew the certificate, or correct this machine's clock.",
      };
    case 'CERT_NOT_YET_VALID':
      return {
        problem: "the server's certificate is not valid yet.",
        remedy: "Correct this machine's clock, or wait.",
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        problem: "the server's certificate is for another host name.",
        remedy:
          'Use the host name of the certificate, or install a certificate for this name. Another server may have answered.',
      };
    default:
      return {
        problem: `the TLS connection failed (${code}).`,
        remedy: 'Check that the server accepts TLS on this port and has a certificate.',
      };
  }
}
