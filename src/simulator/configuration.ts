import type { PoolSettings } from './records.ts';

/** One resource of a pool, with the service's names. Times are seconds since 1970. */
export type Resource = Record<string, unknown>;

/**
 * What belongs to a pool besides its users and groups. The maps and their resources can be changed; the
 * next request sees it.
 */
export interface PoolConfiguration {
  /** App clients by id, as DescribeUserPoolClient returns them. */
  readonly clients: Map<string, Resource>;
  /** Identity providers by name, as DescribeIdentityProvider returns them. */
  readonly providers: Map<string, Resource>;
  /** Resource servers by identifier. */
  readonly resourceServers: Map<string, Resource>;
  /** The look of the sign-in pages, by the id of a client, or `ALL`. */
  readonly ui: Map<string, Resource>;
  readonly tags: Map<string, string>;
  /** As DescribeUserPoolDomain returns it; null: the pool has none. */
  domain: Resource | null;
  /** As GetUserPoolMfaConfig returns it, without MfaConfiguration. */
  mfa: Resource;
  /** What DescribeUserPool returns in addition, such as SmsConfiguration. */
  pool: Resource;
}

/** A pool that was just created. */
export function emptyConfiguration(): PoolConfiguration {
  return {
    clients: new Map(),
    providers: new Map(),
    resourceServers: new Map(),
    ui: new Map(),
    tags: new Map(),
    domain: null,
    mfa: { SoftwareTokenMfaConfiguration: { Enabled: true } },
    pool: {},
  };
}

/** A pool in use: a web client with a secret, a mobile one without, a domain, and providers. */
export function generateConfiguration(settings: PoolSettings): PoolConfiguration {
  const { id, account, region, providers } = settings;
  const [, name = ''] = id.toLowerCase().split('_');
  const dates = {
    CreationDate: settings.createdAt / 1000,
    LastModifiedDate: settings.createdAt / 1000,
  };
  const sms = {
    SnsCallerArn: `arn:aws:iam::${account}:role/${name}-sms`,
    ExternalId: `${name}-sms-external-id`,
    SnsRegion: region,
  };
  const client = (ClientId: string, own: Resource): [string, Resource] => [
    ClientId,
    {
      UserPoolId: id,
      ClientId,
      ...dates,
      RefreshTokenValidity: 30,
      TokenValidityUnits: {},
      ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH', 'ALLOW_USER_SRP_AUTH'],
      SupportedIdentityProviders: ['COGNITO', ...providers.keys()],
      CallbackURLs: [`https://${name}.example.com/callback`],
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['email', 'openid'],
      AllowedOAuthFlowsUserPoolClient: true,
      PreventUserExistenceErrors: 'ENABLED',
      EnableTokenRevocation: true,
      ...own,
    },
  ];
  return {
    clients: new Map([
      client('1a2b3c4d5e6f7g8h9i0jklmnop', {
        ClientName: 'web',
        ClientSecret: `${name}1secret2of3the4web5client6`,
      }),
      client('2b3c4d5e6f7g8h9i0jklmnopqr', { ClientName: 'mobile' }),
    ]),
    providers: new Map(
      [...providers].map(([ProviderName, ProviderType]) => [
        ProviderName,
        {
          UserPoolId: id,
          ProviderName,
          ProviderType,
          ProviderDetails: providerDetails(ProviderType, name),
          AttributeMapping: { email: 'email', username: 'sub' },
          ...dates,
        },
      ]),
    ),
    resourceServers: new Map([
      [
        `https://api.${name}.example.com`,
        {
          UserPoolId: id,
          Identifier: `https://api.${name}.example.com`,
          Name: 'api',
          Scopes: [{ ScopeName: 'read', ScopeDescription: 'Read orders' }],
        },
      ],
    ]),
    ui: new Map([
      [
        'ALL',
        { UserPoolId: id, ClientId: 'ALL', CSS: '.logo { width: 8em }', CSSVersion: '1', ...dates },
      ],
    ]),
    tags: new Map([['team', 'identity']]),
    domain: {
      UserPoolId: id,
      AWSAccountId: account,
      Domain: `simulated-${name}`,
      S3Bucket: 'aws-cognito-prod-assets',
      CloudFrontDistribution: 'd111111abcdef8.cloudfront.net',
      Version: '20251120020000',
      Status: 'ACTIVE',
      CustomDomainConfig: {},
      ManagedLoginVersion: 1,
    },
    mfa: {
      SmsMfaConfiguration: {
        SmsAuthenticationMessage: 'Your code is {####}',
        SmsConfiguration: sms,
      },
      SoftwareTokenMfaConfiguration: { Enabled: true },
    },
    pool: {
      SmsConfiguration: sms,
      EmailConfiguration: { EmailSendingAccount: 'COGNITO_DEFAULT' },
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: false },
    },
  };
}

function providerDetails(type: string, name: string): Readonly<Record<string, string>> {
  switch (type) {
    case 'SAML':
      return { MetadataURL: `https://idp.${name}.example.com/metadata`, IDPSignout: 'true' };
    case 'SignInWithApple':
      return {
        client_id: `com.example.${name}`,
        team_id: 'A1B2C3D4E5',
        key_id: 'F6G7H8I9J0',
        private_key: `${name}+private+key+of+apple`,
        authorize_scopes: 'email name',
      };
    case 'OIDC':
      return {
        client_id: `${name}-oidc`,
        client_secret: `${name}-secret-of-oidc`,
        oidc_issuer: `https://oidc.${name}.example.com`,
        attributes_request_method: 'GET',
        authorize_scopes: 'openid email',
      };
    default:
      return {
        client_id: `${name}-${type.toLowerCase()}`,
        client_secret: `${name}-secret-of-${type.toLowerCase()}`,
        authorize_scopes: 'openid email',
      };
  }
}
