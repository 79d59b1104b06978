import { isUtf8 } from 'node:buffer';
import { AwsJson1_1Protocol } from '@aws-sdk/core/protocols';

type Deserialize = AwsJson1_1Protocol['deserializeResponse'];
type Item = Record<string, unknown>;

/** The lists in the answers to the calls that make up a walk. */
const LIST_OF: Readonly<Record<string, string>> = {
  ListUsers: 'Users',
  ListUsersInGroup: 'Users',
  ListGroups: 'Groups',
};

const DATES = ['UserCreateDate', 'UserLastModifiedDate', 'CreationDate', 'LastModifiedDate'];

/**
 * The SDK's own protocol, but for the pages of a walk, which are parsed at once: going through each
 * item by the operation's schema takes three times as long as parsing it, and a walk is nothing but
 * pages. What comes out is the same: only dates, which are sent as epoch seconds, need converting.
 */
export class ListAnswersProtocol extends AwsJson1_1Protocol {
  override async deserializeResponse<Output extends Awaited<ReturnType<Deserialize>>>(
    ...[operation, context, response]: Parameters<Deserialize>
  ): Promise<Output> {
    const list = LIST_OF[operation.name];
    if (list === undefined || response.statusCode >= 300) {
      return super.deserializeResponse(operation, context, response);
    }
    const bytes = Buffer.from(await context.streamCollector(response.body));
    // To read it all the same would put U+FFFD in the place of what was sent.
    if (!isUtf8(bytes)) throw new TypeError('The answer is no UTF-8.');
    const text = bytes.toString('utf8');
    const answer = (text === '' ? {} : JSON.parse(text)) as Item;
    const items = answer[list];
    if (Array.isArray(items)) for (const item of items) convertDates(item as Item | null);
    return { ...answer, $metadata: this.deserializeMetadata(response) } as unknown as Output;
  }
}

function convertDates(item: Item | null): void {
  for (const name of DATES) {
    const seconds = item?.[name];
    if (seconds === undefined || seconds === null) continue;
    const date = typeof seconds === 'number' ? new Date(Math.round(seconds * 1000)) : null;
    if (date === null || Number.isNaN(date.getTime())) throw new TypeError(`${name} is no date.`);
    (item as Item)[name] = date;
  }
}
