/** Why a connection by TLS was not made, and what to do. */
export interface TlsProblem {
  readonly problem: string;
  readonly remedy: string;
}

/** Node's codes of a certificate that leads to no authority that is trusted. */
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

/** Other codes of a certificate that is refused, and of a handshake that failed. */
const OF_TLS = /^(CERT_|ERR_SSL_|ERR_TLS_|EPROTO$|HOSTNAME_MISMATCH$)/;

/** True where this is Node's code of a connection by TLS that was not made. */
export function isTlsError(code: unknown): code is string {
  return typeof code === 'string' && (UNTRUSTED.has(code) || OF_TLS.test(code));
}

/**
 * Explains such a code; null where it is of something else.
 *
 * @param authority how the file of a further authority is named for this connection.
 */
export function explainTls(code: unknown, authority: string): TlsProblem | null {
  if (!isTlsError(code)) return null;
  if (UNTRUSTED.has(code)) {
    return {
      problem: `the server's certificate is of no authority that is trusted here (${code}).`,
      remedy: `If the server is the right one, name the file of its authority: ${authority}.`,
    };
  }
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return {
        problem: "the server's certificate has expired.",
        remedy: "Renew it, or set this machine's clock.",
      };
    case 'CERT_NOT_YET_VALID':
      return {
        problem: "the server's certificate is not valid yet.",
        remedy: "Set this machine's clock, or wait.",
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        problem: "the server's certificate is for other host names than this one.",
        remedy:
          'Name the host as its certificate does, or give it a certificate for this name; what answers may be another server.',
      };
    default:
      return {
        problem: `no encrypted connection could be made (${code}).`,
        remedy: 'See that the server speaks TLS at this port, and has a certificate.',
      };
  }
}
