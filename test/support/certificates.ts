import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate with its private key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface ServerCertificateOptions {
  /** The names and IPv4 addresses that it is for: 127.0.0.1. */
  readonly hosts?: readonly string[];
  /** Whether its time is over. */
  readonly expired?: boolean;
}

/** An authority of a test's own. */
export interface Authority {
  /** What who trusts it is given, as PEM. */
  readonly cert: string;
  /** Makes a certificate for a server. */
  issue(options?: ServerCertificateOptions): Certificate;
}

/**
 * Makes an authority. Node makes no certificates, so these are written byte by byte, with as much of
 * RFC 5280 as Node, Postgres and Redis ask for.
 */
export function createAuthority(name: string): Authority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name, key: pair.privateKey };
  const lifetime = { from: daysFromNow(-2), to: daysFromNow(30) };
  return {
    cert: write({ issuer, subject: name, publicKey: pair.publicKey, ...lifetime, extension: CA }),
    issue({ hosts = ['127.0.0.1'], expired = false } = {}) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const cert = write({
        issuer,
        subject: 'a server',
        publicKey,
        from: lifetime.from,
        to: expired ? daysFromNow(-1) : lifetime.to,
        extension: alternativeNames(hosts),
      });
      return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}

interface Content {
  readonly issuer: { readonly name: string; readonly key: KeyObject };
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly from: Date;
  readonly to: Date;
  readonly extension: Buffer;
}

function write({ issuer, subject, publicKey, from, to, extension }: Content): string {
  const content = sequence(
    der(0xa0, integer(2)), // Version 3.
    integer(1, ...randomBytes(8)),
    ECDSA_WITH_SHA256,
    commonName(issuer.name),
    sequence(time(from), time(to)),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  );
  const signature = der(0x03, Buffer.of(0), sign('sha256', content, issuer.key));
  const base64 = sequence(content, ECDSA_WITH_SHA256, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** One value of ASN.1 by the distinguished encoding rules: tag, length, content. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag, ...lengthBytes(content.length)), content]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function integer(...bytes: number[]): Buffer {
  return der(0x02, Buffer.from(bytes));
}

/** An object identifier by the bytes of its content. */
function identifier(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** As UTCTime, which holds to 2049. */
function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function commonName(text: string): Buffer {
  return sequence(der(0x31, sequence(identifier('550403'), der(0x0c, Buffer.from(text)))));
}

function alternativeNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIPv4(host)
      ? der(0x87, Buffer.from(host.split('.').map(Number)))
      : der(0x82, Buffer.from(host)),
  );
  return sequence(identifier('551d11'), der(0x04, sequence(...names)));
}

const ECDSA_WITH_SHA256 = sequence(identifier('2a8648ce3d040302'));
const TRUE = der(0x01, Buffer.of(0xff));
/** Basic constraints, critical: it may sign others. */
const CA = sequence(identifier('551d13'), TRUE, der(0x04, sequence(TRUE)));

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000);
}
