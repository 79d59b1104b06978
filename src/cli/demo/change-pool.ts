import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminRemoveUserFromGroupCommand,
  AdminUpdateUserAttributesCommand,
  CognitoIdentityProviderClient,
  CreateGroupCommand,
  DeleteGroupCommand,
  ListGroupsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
  UpdateGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';

const MODIFIED = 12;
const DISABLED = 5;
const DELETED = 6;
const CREATED = 8;
const LEFT = 4;

/** Deleting a larger group could take so many memberships away that the guard asks a person. */
const FEW_MEMBERS = 50;

/** Any credentials pass at the simulator. */
export const CREDENTIALS = { accessKeyId: 'simulated', secretAccessKey: 'simulated' };

/**
 * Lets a day pass in a simulated pool, through the ordinary API: users come, change and go, and so
 * do groups and memberships.
 *
 * @returns what was changed, in sentences for a person.
 */
export async function changePool(endpoint: string, poolId: string): Promise<string[]> {
  const [region = ''] = poolId.split('_');
  const client = new CognitoIdentityProviderClient({ region, endpoint, credentials: CREDENTIALS });
  try {
    return [await changeUsers(client, poolId), await changeGroups(client, poolId)];
  } finally {
    client.destroy();
  }
}

async function changeUsers(
  client: CognitoIdentityProviderClient,
  UserPoolId: string,
): Promise<string> {
  const listed = await client.send(new ListUsersCommand({ UserPoolId }));
  // Those who are disabled already could not be disabled.
  const enabled = (listed.Users ?? []).filter((user) => user.Enabled);
  const names = enabled.flatMap((user) => user.Username ?? []);
  for (const [index, Username] of names.splice(0, MODIFIED).entries()) {
    const UserAttributes = [
      { Name: 'email', Value: `moved-${index}@example.com` },
      { Name: 'email_verified', Value: 'false' },
    ];
    const change = { UserPoolId, Username, UserAttributes };
    await client.send(new AdminUpdateUserAttributesCommand(change));
  }
  for (const Username of names.splice(0, DISABLED)) {
    await client.send(new AdminDisableUserCommand({ UserPoolId, Username }));
  }
  for (const Username of names.splice(0, DELETED)) {
    await client.send(new AdminDeleteUserCommand({ UserPoolId, Username }));
  }
  return `${MODIFIED} users were given another e-mail address, ${DISABLED} were disabled, ${DELETED} deleted`;
}

async function changeGroups(
  client: CognitoIdentityProviderClient,
  UserPoolId: string,
): Promise<string> {
  const small = await smallGroups(client, UserPoolId);
  const GroupName = 'newcomers';
  const Description = 'Who came this week';
  await client.send(new CreateGroupCommand({ UserPoolId, GroupName, Description, Precedence: 5 }));
  for (let i = 1; i <= CREATED; i++) {
    const Username = `newcomer-${i}`;
    const UserAttributes = [{ Name: 'email', Value: `${Username}@example.com` }];
    await client.send(new AdminCreateUserCommand({ UserPoolId, Username, UserAttributes }));
    await client.send(new AdminAddUserToGroupCommand({ UserPoolId, Username, GroupName }));
  }
  const [described, deleted, left] = small;
  if (described) {
    const group = { UserPoolId, GroupName: described.name, Description: 'Reviewed this week' };
    await client.send(new UpdateGroupCommand(group));
  }
  if (deleted) {
    await client.send(new DeleteGroupCommand({ UserPoolId, GroupName: deleted.name }));
  }
  for (const Username of left?.members.slice(0, LEFT) ?? []) {
    const membership = { UserPoolId, Username, GroupName: left?.name };
    await client.send(new AdminRemoveUserFromGroupCommand(membership));
  }
  return (
    `${CREATED} users were created in a new group, a group got another description, ` +
    `another was deleted, and ${LEFT} members left a third`
  );
}

/** Groups with a few members, and who they are. */
async function smallGroups(
  client: CognitoIdentityProviderClient,
  UserPoolId: string,
): Promise<{ name: string; members: string[] }[]> {
  const { Groups } = await client.send(new ListGroupsCommand({ UserPoolId }));
  const groups = await Promise.all(
    (Groups ?? []).map(async ({ GroupName = '' }) => {
      const page = await client.send(new ListUsersInGroupCommand({ UserPoolId, GroupName }));
      return { name: GroupName, members: (page.Users ?? []).flatMap((u) => u.Username ?? []) };
    }),
  );
  return groups.filter(({ members }) => members.length >= LEFT && members.length <= FEW_MEMBERS);
}
