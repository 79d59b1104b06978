import type { Column } from '../../report/table.tsx';
import { Text } from '../../report/text.tsx';

export const EMAIL: Column<{ readonly email: string | null }> = {
  title: 'E-mail',
  cell: ({ email }) => (email === null ? '' : <Text value={email} />),
};

export const NAME: Column<{ readonly name: string | null }> = {
  title: 'Name',
  cell: ({ name }) => (name === null ? '' : <Text value={name} />),
};
