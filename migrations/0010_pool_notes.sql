-- Up Migration

-- What the mirror remembers of a pool between snapshots.
CREATE TABLE mirror.pools (
  pool_id text COLLATE "C" PRIMARY KEY,
  -- When COGNITO_POOLS=all listed it last; null where it never did.
  listed_at timestamptz,
  -- Whether it has users that no shard holds: it is then read in one chain.
  single_chain boolean NOT NULL DEFAULT false,
  -- By how many users its last reading in one chain fell short of the service's estimate.
  short bigint NOT NULL DEFAULT 0
);
