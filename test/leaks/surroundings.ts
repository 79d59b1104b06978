import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CliMirror } from '../support/cli-mirror.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { startSts } from '../support/sts-server.ts';
import { temporaryFolder } from '../support/temp.ts';
import { type Answer, type Listener, listenBefore } from './listener.ts';
import { fillWithMarks } from './marked-pool.ts';
import { Marks } from './marks.ts';

/** A mirror's pool, servers and credentials, all of them marked, with an ear before each server. */
export interface Surroundings {
  readonly marks: Marks;
  readonly service: Listener;
  readonly s3: S3Server;
  readonly store: Listener;
  readonly sts: Listener;
  /** What leads a command there, with its credentials. */
  readonly env: Readonly<Record<string, string>>;
  /** An AWS config file with a role that STS refuses. */
  readonly refusedRole: Readonly<Record<string, string>>;
  /** Refusals of the service by the name of the error; each quotes people and credentials. */
  refusal(type: string): Answer;
  /** Answers that are none of the API's. */
  readonly malformed: readonly Answer[];
  /** What S3 says to a wrong signature. */
  readonly wrongSignature: Answer;
  close(): Promise<void>;
}

const ROLE = 'arn:aws:iam::444455556666:role/mirror';

export async function openSurroundings(mirror: CliMirror): Promise<Surroundings> {
  const marks = new Marks();
  const people = fillWithMarks(mirror.pool, marks);
  const accessKey = marks.add('access key', `AKIA${randomBytes(8).toString('hex').toUpperCase()}`);
  const secretKey = marks.add('secret key', `${randomBytes(20).toString('base64')}/+x`);
  const sessionToken = marks.add('session token', randomBytes(60).toString('base64'));
  const externalId = marks.word('external id');
  marks.add('database password', decodeURIComponent(new URL(mirror.databaseUrl).password));

  const service = await listenBefore(mirror.proxy.url, { tokenMark: marks.word('page token') });
  const s3 = await startS3Server();
  const store = await listenBefore(s3.url);
  const stsServer = await startSts({ roles: [{ arn: ROLE, externalId: 'another' }] });
  const sts = await listenBefore(stsServer.url);
  const folder = await temporaryFolder();
  const file = join(folder.path, 'mirror.yaml');
  const role = `role: { arn: '${ROLE}', externalId: '${externalId}' }`;
  await writeFile(file, `pools:\n  ${mirror.poolId}:\n    ${role}\n`);

  const quoted = `${people} of ${accessKey} with ${secretKey} and ${sessionToken}`;
  const item = { Username: people, Attributes: [{ Name: 'email', Value: people }] };
  return {
    marks,
    service,
    s3,
    store,
    sts,
    env: {
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: service.url,
      AWS_ENDPOINT_URL_S3: store.url,
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
      AWS_SESSION_TOKEN: sessionToken,
      ARCHIVE_URL: 's3://archive/cognito',
    },
    refusedRole: { MIRROR_CONFIG: file },
    refusal: (type) => ({ status: 400, body: JSON.stringify({ __type: type, message: quoted }) }),
    malformed: [
      { status: 200, body: `{"Users":[{"Username":${people}` },
      { status: 200, body: `{"Users":"${people}"}` },
      { status: 200, body: JSON.stringify({ Users: [{ ...item, UserCreateDate: people }] }) },
      { status: 200, body: JSON.stringify({ Users: [{ ...item, Username: [people] }] }) },
      { status: 502, body: `<html>${quoted}</html>` },
      { status: 500, body: JSON.stringify({ __type: 'InternalErrorException', message: quoted }) },
    ],
    wrongSignature: {
      status: 403,
      body: `<Error><Code>SignatureDoesNotMatch</Code><Message>${quoted}</Message><AWSAccessKeyId>${accessKey}</AWSAccessKeyId><StringToSign>${quoted}</StringToSign></Error>`,
    },
    async close() {
      for (const each of [service, store, sts, s3, stsServer]) await each.close();
      await folder.remove();
    },
  };
}
