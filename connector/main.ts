// The connector's command: serve | check | setup | token | client | user | audit | migrate-database | version. Reads the environment, hands everything on as
// arguments, turns what went wrong into a sentence and an exit code (1: it failed, 2: it was asked for wrongly).

import { randomFillSync } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { problemSentence } from '#shared/messages/problem.ts';
import { Problem } from '#shared/problem.ts';
import { realNet } from './check/net.ts';
import { auditCommand } from './commands/audit.ts';
import { checkCommand } from './commands/check.ts';
import { clientCommand } from './commands/client.ts';
import { tokenCommand } from './commands/token.ts';
import { userCommand } from './commands/user.ts';
import { type Config, readConfig } from './config.ts';
import { KeyError } from './master-key.ts';
import { pooled } from './random.ts';
import { ExtensionError } from './scim/extensions.ts';
import { sealOnce } from './sealer.ts';
import { StartError } from './start-error.ts';
import { openState, type World } from './state.ts';

const manual = `Usage: node connector/main.ts COMMAND [OPTIONS]

  serve            open the doors: /api /scim/v2 /r /signin /healthz /readyz
                   (--restored: the database is a backup; see docs/backup.md)
  check            show every setting and try what they lead to     (--help for more)
  setup entra      register the connector in Microsoft Entra: as commands, or done     (--help for more)
  token create     make a token for directory sync     (--help for more)
  token list       show the tokens, never their secrets
  token rotate     make a second one for the same client
  token revoke     end one
  client create    make a client that fetches its tokens (OAuth 2.0)     (--help for more)
  client list      show the clients and what they have
  user create      make a person, such as the first administrator
  user role        give or take a role
  audit            show what was done and by whom, and whether the record is whole     (--help for more)
  migrate-database move everything from SQLite to Postgres, or back     (--help for more)
  version          print the version

Settings come from the environment (RR_…); "check" lists them all.`;

const world: World = {
  now: Date.now,
  random: pooled((bytes) => randomFillSync(bytes)),
  env: process.env,
};
const say = (line: string) => void process.stderr.write(`${line}\n`);
const print = (line: string) => void process.stdout.write(`${line}\n`);

// What is made here, the database and its copies, is for this user's eyes alone.
process.umask(0o077);

// The pages' scripts are made from TypeScript at start-up (node:module stripTypeScriptTypes); Node would say each time
// that this may change, which helps nobody who reads a service's output.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') say(`${warning.name}: ${warning.message}`);
});

/** A command line that can't be understood. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

function settings(): Config {
  const { config, lines } = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
  if (config) return config;
  const problems = lines.flatMap(({ problem }) => problem ?? []);
  throw new StartError(
    [...problems, 'Nothing was started. "node connector/main.ts check" shows all settings.'].join('\n'),
  );
}

/** Resolves with the first SIGINT or SIGTERM; the second one ends the process at once, as the shell would tell it. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const codes = { SIGINT: 130, SIGTERM: 143 };
    for (const [signal, code] of Object.entries(codes)) {
      process.on(signal, () => {
        if (asked) process.exit(code);
        asked = true;
        resolve();
      });
    }
  });
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

async function withState(command: (state: Awaited<ReturnType<typeof openState>>) => Promise<void>): Promise<void> {
  const state = await openState(settings(), world);
  try {
    await command(state);
  } finally {
    await state.sql.close();
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  const wantsHelp = rest.includes('--help') || rest.includes('-h');
  switch (command) {
    case undefined:
    case '--help':
    case '-h':
    case 'help':
      print(manual);
      return command === undefined ? 2 : 0;
    case 'version':
    case '--version':
      print(version());
      return 0;
    case 'serve':
      if (wantsHelp) return main(['help']);
      if (rest.some((option) => option !== '--restored'))
        throw new UsageError(`serve takes no option but --restored, and “${rest[0]}” was given.`);
      // Only here, since the doors are most of the code.
      await (await import('./commands/serve.ts')).serve(
        settings(),
        world,
        { say, stop: stopSignal() },
        { restored: rest.length > 0 },
      );
      return 0;
    case 'check': {
      const modeOf = (file: string) =>
        process.platform === 'win32' ? undefined : statSync(file, { throwIfNoEntry: false })?.mode;
      const deps = { env: process.env, world, net: realNet, modeOf };
      return checkCommand(rest, wantsHelp ? undefined : deps, { say, print });
    }
    case 'setup': {
      // Only here, since few need it and then once.
      const { setupCommand } = await import('./commands/setup.ts');
      const { setupDeps } = await import('./commands/setup-deps.ts');
      return setupCommand(rest, wantsHelp ? undefined : setupDeps(process.env), { say, print });
    }
    case 'migrate-database': {
      // Only here, since it is needed once.
      const { migrateDatabaseCommand } = await import('./commands/migrate-database.ts');
      const deps = wantsHelp ? undefined : { config: settings(), world, stop: stopSignal() };
      return migrateDatabaseCommand(rest, deps, { say, print });
    }
    case 'token':
    case 'client':
    case 'user':
    case 'audit': {
      const run = { token: tokenCommand, client: clientCommand, user: userCommand, audit: auditCommand }[command];
      if (wantsHelp) return run(rest, undefined, { say, print });
      let code = 0;
      await withState(async (state) => {
        code = await run(rest, { ...state, now: world.now, random: world.random }, { say, print });
        if (state.sql.writers === 'many') await sealOnce(state.sql, world.now());
      });
      return code;
    }
    default:
      throw new UsageError(`There is no command “${command}”.`);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    say(error.message);
    say(manual);
    process.exitCode = 2;
  } else if (error instanceof Problem) {
    say(problemSentence('en', error.code, error.details));
    process.exitCode = 1;
  } else if (error instanceof StartError || error instanceof KeyError || error instanceof ExtensionError) {
    say(error.message);
    process.exitCode = 1;
  } else {
    const code = (error as NodeJS.ErrnoException).code;
    say(`The connector stopped: ${error instanceof Error ? error.message : String(error)}`);
    if (code === undefined && process.env.RR_LOG_LEVEL === 'debug') say(String((error as Error).stack));
    process.exitCode = 1;
  }
}

// A command that is over has closed all that it opened; should something be left, it does not keep the process alive.
setTimeout(() => process.exit(), 2000).unref();
