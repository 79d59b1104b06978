import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A key of the server: its specification in KMS. */
export type KmsKeySpec = 'ECC_NIST_EDWARDS25519' | 'ECC_NIST_P256' | 'RSA_2048';

/** One request, as it arrived. */
export interface KmsRequest {
  readonly operation: string;
  readonly keyId: string;
}

/** What can go wrong with a request: an error's name, or no answer. */
export type KmsFault =
  | 'AccessDeniedException'
  | 'DisabledException'
  | 'ThrottlingException'
  | 'cut';

/** A server of the KMS API on loopback that signs with real keys. */
export interface KmsServer {
  readonly url: string;
  readonly requests: readonly KmsRequest[];
  /** Decides what goes wrong with a request; nothing by default. */
  fault: (request: KmsRequest) => KmsFault | null;
  /** Adds a key and returns its ARN. */
  addKey(spec: KmsKeySpec): string;
  close(): Promise<void>;
}

const REGION = 'eu-west-1';
const CREDENTIAL = new RegExp(
  `^AWS4-HMAC-SHA256 Credential=[^/]+/\\d{8}/${REGION}/kms/aws4_request,`,
);

/** KMS's algorithm for each specification; with it, what Node signs with. */
const ALGORITHMS: Readonly<Record<KmsKeySpec, { name: string; digest: string | null }>> = {
  ECC_NIST_EDWARDS25519: { name: 'ED25519_SHA_512', digest: null },
  ECC_NIST_P256: { name: 'ECDSA_SHA_256', digest: 'sha256' },
  RSA_2048: { name: 'RSASSA_PKCS1_V1_5_SHA_256', digest: 'sha256' },
};

interface Key {
  readonly spec: KmsKeySpec;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

class Refusal extends Error {
  readonly type: string;

  constructor(type: string) {
    super(type);
    this.type = type;
  }
}

/** Starts a server that knows GetPublicKey and Sign, and refuses what KMS refuses. */
export async function startKms(): Promise<KmsServer> {
  const requests: KmsRequest[] = [];
  const keys = new Map<string, Key>();
  const http = createServer((request, response) => {
    void handle(request, response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const server: KmsServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests,
    fault: () => null,
    addKey(spec) {
      const id = `1234abcd-12ab-34cd-56ef-${String(keys.size).padStart(12, '0')}`;
      const arn = `arn:aws:kms:${REGION}:111122223333:key/${id}`;
      keys.set(arn, { spec, ...generate(spec) });
      return arn;
    },
    async close() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, operation = ''] = /^TrentService\.(\w+)$/.exec(target(request)) ?? [];
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const input = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
    const seen = { operation, keyId: input['KeyId'] ?? '' };
    requests.push(seen);
    const fault = server.fault(seen);
    if (fault === 'cut') return void request.socket.destroy();
    try {
      if (fault !== null) throw new Refusal(fault);
      if (!CREDENTIAL.test(request.headers.authorization ?? '')) {
        throw new Refusal('InvalidSignatureException');
      }
      send(response, 200, answer(operation, input));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      send(response, 400, { __type: error.type, message: 'As KMS says it.' });
    }
  }

  function answer(operation: string, input: Record<string, string>): object {
    const key = keys.get(input['KeyId'] ?? '');
    if (key === undefined) throw new Refusal('NotFoundException');
    const { name, digest } = ALGORITHMS[key.spec];
    if (operation === 'GetPublicKey') {
      const der = key.publicKey.export({ format: 'der', type: 'spki' });
      return { PublicKey: der.toString('base64'), KeySpec: key.spec, KeyUsage: 'SIGN_VERIFY' };
    }
    if (operation !== 'Sign') throw new Refusal('UnknownOperationException');
    const message = Buffer.from(input['Message'] ?? '', 'base64');
    const isValid = input['MessageType'] === 'RAW' && input['SigningAlgorithm'] === name;
    if (!isValid || message.length === 0 || message.length > 4_096) {
      throw new Refusal('ValidationException');
    }
    return { Signature: sign(digest, message, key.privateKey).toString('base64') };
  }

  return server;
}

function target(request: IncomingMessage): string {
  return String(request.headers['x-amz-target'] ?? '');
}

function generate(spec: KmsKeySpec): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (spec) {
    case 'ECC_NIST_EDWARDS25519':
      return generateKeyPairSync('ed25519');
    case 'ECC_NIST_P256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'RSA_2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify(body));
}
