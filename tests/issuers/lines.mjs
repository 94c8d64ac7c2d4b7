// What both issuers share: arguments, and commands that come as lines on stdin and are answered by a line of JSON each.
import { createServer as http } from 'node:http';
import { createServer as https } from 'node:https';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

// --name value; every option has a default.
export function options(defaults) {
  const known = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]));
  return parseArgs({ options: known }).values;
}

// Listens on 127.0.0.1 with TLS where there is a certificate. listener() is asked for at each request, for it may be another then.
export async function listen({ cert, key, port, host }, listener) {
  const handle = (request, response) => listener()(request, response);
  const server = cert ? https({ cert: readFileSync(cert), key: readFileSync(key) }, handle) : http(handle);
  await new Promise((resolve, reject) => server.once('error', reject).listen(Number(port), '127.0.0.1', resolve));
  const number = server.address().port;
  return { port: number, issuer: `${cert ? 'https' : 'http'}://${host}:${number}` };
}

// commands: name => function(what follows the name). Ends with stdin, so nothing outlives who started it.
export function serve(ready, commands) {
  const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  let turn = Promise.resolve();
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [, name, rest] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    turn = turn.then(async () => say(await commands[name](rest))).catch((error) => say({ error: String(error) }));
  }).on('close', () => process.exit(0));
  say(ready);
}
