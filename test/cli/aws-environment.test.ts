import { describe, expect, test } from 'vitest';
import { prepareAwsEnvironment } from '../../src/cli/aws-environment.ts';
import { problemsOf } from '../config/support.ts';

describe('the environment of the SDK', () => {
  test('uses AWS_DEFAULT_REGION if AWS_REGION is unset or empty', () => {
    for (const env of [{}, { AWS_REGION: '' }, { AWS_REGION: ' ' }]) {
      const own: NodeJS.ProcessEnv = { ...env, AWS_DEFAULT_REGION: 'eu-west-1' };
      prepareAwsEnvironment(own);
      expect(own.AWS_REGION).toBe('eu-west-1');
    }
    const both = { AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'eu-west-1' };
    prepareAwsEnvironment(both);
    expect(both.AWS_REGION).toBe('us-east-1');
  });

  test('drops empty AWS variables and keeps all others', () => {
    const env = { AWS_ENDPOINT_URL_S3: '', AWS_PROFILE: ' ', EMPTY: '', AWS_REGION: 'us-east-1' };
    prepareAwsEnvironment(env);
    expect(env).toEqual({ EMPTY: '', AWS_REGION: 'us-east-1' });
  });
});

test.each([
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_STS',
  'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER',
])('%s must be a URL with a scheme, and its value is not shown', (name) => {
  const remedy = 'Give a URL such as https://s3.example.com:9000.';
  for (const value of ['localhost:9000', 'user:secret@host', 'ftp://host', '//host']) {
    expect(problemsOf({ [name]: value })).toEqual([
      `${name}: the endpoint must start with http:// or https://. ${remedy}`,
    ]);
  }
  expect(problemsOf({ [name]: 'http://' })).toEqual([
    `${name}: the endpoint must be a valid URL. ${remedy}`,
  ]);
  for (const value of ['http://localhost:9000', 'https://s3.example.com/path', '']) {
    expect(problemsOf({ [name]: value })).toEqual([]);
  }
});
