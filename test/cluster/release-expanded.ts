// The next release's schema: it only adds, so that this release can work beside it.

import { migrations as before, readableFrom as from } from '../../connector/sql/migrations.ts';

export const migrations: readonly (readonly string[])[] = [
  ...before,
  [
    `alter table reset add column ticket text`,
    `alter table job add column priority bigint not null default 0`,
    `create table ticket (tenant text not null, id text not null, primary key (tenant, id))`,
  ],
];
export const readableFrom = from;
