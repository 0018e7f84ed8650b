// Mail by Graph's sendMail: the frozen bytes in Graph's form, and what each answer means.

import { expect, test } from 'vitest';
import { rightOf } from '../../connector/entra/right.ts';
import { tokensOf } from '../../connector/entra/tokens.ts';
import { graphMail, graphMailbox } from '../../connector/mail/graph.ts';
import type { Message } from '../../connector/mail/mail.ts';
import { resetMail } from '../../connector/mail/reset-mail.ts';
import { startStage } from '../directory/graph-stage.ts';
import type { Fault } from '../graph/fault-proxy.ts';
import { faults } from '../graph/faults.ts';

const mailbox = 'reset+pw@contoso.example';
const sendMail = /\/sendMail$/;

async function letter(): Promise<Message & { subject: string }> {
  const to = 'ada@mail.example';
  const messageId = '<1.a-b@contoso.example>';
  const { subject, bytes } = await resetMail({
    ...{
      organisation: 'Contoso Şirketi',
      person: { displayName: 'Ada Yılmaz', userPrincipalName: 'ada@contoso.example' },
    },
    ...{ link: 'https://reset.contoso.example/r/x#1.en.k3y', code: 'AAAA-BBBB', pin: false, locale: 'tr' as const },
    ...{ date: 0, expiresAt: 3_600_000, from: 'Contoso IT <reset+pw@contoso.example>', to, messageId },
  });
  return { envelope: { from: mailbox, to }, messageId, bytes, subject };
}

async function mailStage(limits = {}) {
  const stage = await startStage(limits);
  stage.service.people[mailbox] = { id: mailbox, mail: mailbox };
  const mail = graphMail(stage.tenant, mailbox, stage.admin);
  return { stage, mail, [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose]() };
}

test('the letter, with our Message-ID, never kept in Sent Items, accepted and no more', async () => {
  await using made = await mailStage();
  const message = await letter();
  const outcome = await made.mail.send(message);
  expect(outcome).toEqual({
    outcome: 'accepted',
    reply: '202 accepted by Exchange, not delivered (55555555-0000-4000-8000-000000000001)',
  });
  const [asked] = made.stage.asked('POST', sendMail);
  expect(asked?.path).toBe('/v1.0/users/reset%2Bpw%40contoso.example/sendMail');
  const sent = asked?.requestBody as { message: Record<string, unknown>; saveToSentItems: boolean };
  expect(sent.saveToSentItems).toBe(false);
  expect(sent.message).toMatchObject({
    subject: message.subject,
    internetMessageId: '<1.a-b@contoso.example>',
    from: { emailAddress: { address: mailbox, name: 'Contoso IT' } },
    toRecipients: [{ emailAddress: { address: 'ada@mail.example', name: 'Ada Yılmaz' } }],
    internetMessageHeaders: [{ name: 'X-Auto-Response-Suppress', value: 'DR, RN, NRN, OOF, AutoReply' }],
    body: { contentType: 'html', content: expect.stringContaining('https://reset.contoso.example/r/x#1.en.k3y') },
  });
  expect(sent.message).not.toHaveProperty('replyTo');
  expect(made.stage.entra.asked.map((one) => one.get('grant_type'))).toEqual(['client_credentials']);
  await made.mail.send(message);
  expect(made.stage.asked('POST', sendMail)[1]?.requestBody).toEqual(sent);
});

test.each<[string, Fault, object]>([
  ['throttled', faults.throttled(9), { outcome: 'later', code: 429 }],
  ['busy', faults.unavailable(), { outcome: 'later', code: 503 }],
  [
    'no such recipient',
    faults.graphError(400, 'ErrorInvalidRecipients', 'At least one recipient is not valid.'),
    { outcome: 'refused', code: 400 },
  ],
  [
    'no such mailbox',
    faults.graphError(404, 'ErrorInvalidUser', 'The requested user is invalid.'),
    { outcome: 'misconfigured', code: 404 },
  ],
  ['cut', faults.dropped(), { outcome: 'unknown' }],
  ['done, the answer lost', faults.committedThenDropped(), { outcome: 'unknown' }],
  ['silent', faults.silent(), { outcome: 'unknown' }],
  ['a fault of theirs', faults.serverError(500), { outcome: 'unknown' }],
])('%s', async (_, fault, expected) => {
  await using made = await mailStage({ write: 300 });
  // The admin's right would meet it as well.
  made.stage.proxy.fault({ path: sendMail, times: 2 }, fault);
  expect(await made.mail.send(await letter())).toMatchObject(expected);
});

test('what the connector itself may not, it does with the admin’s right', async () => {
  await using made = await mailStage();
  made.stage.proxy.fault({ path: sendMail }, faults.denied());
  expect(await made.mail.send(await letter())).toMatchObject({ outcome: 'accepted' });
  expect(made.stage.entra.asked.map((one) => one.get('grant_type'))).toEqual([
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
  ]);
  made.stage.proxy.fault({ path: sendMail, times: 2 }, faults.denied());
  expect(await made.mail.send(await letter())).toMatchObject({ outcome: 'misconfigured', code: 403 });
  const app = graphMail({ ...made.stage.tenant, as: 'app' }, mailbox, made.stage.admin);
  made.stage.proxy.fault({ path: sendMail }, faults.denied());
  expect(await app.send(await letter())).toMatchObject({ outcome: 'misconfigured', code: 403 });
  expect(made.stage.asked('POST', sendMail)).toHaveLength(5);
});

test('a right that is gone asks for a sign-in; a credential that is wrong for an operator', async () => {
  await using made = await mailStage();
  made.stage.proxy.fault({ path: sendMail }, faults.denied());
  const gone = { kind: 'grant', grant: { identity: 'none' }, keep: async () => {} } as const;
  const mail = graphMail(made.stage.tenant, mailbox, gone);
  await expect(mail.send(await letter())).rejects.toMatchObject({ code: 'signInAgain' });
  made.stage.entra.refusals.push({ status: 401, body: { error: 'invalid_client', error_codes: [7000222] } });
  const fresh = {
    ...made.stage.tenant,
    tokens: tokensOf({ ...made.stage.entra.deps(), graph: made.stage.proxy.origin }),
  };
  const app = graphMail({ ...fresh, as: 'app' }, mailbox, made.stage.admin);
  expect(await app.send(await letter())).toMatchObject({
    outcome: 'misconfigured',
    reply: expect.stringContaining('its client secret has expired (AADSTS7000222)'),
  });
  expect(rightOf({ ...fresh, as: 'app' }, gone).own).toBe(true);
});

test('verify looks at the mailbox and sends nothing', async () => {
  await using made = await mailStage();
  expect(await made.mail.verify()).toEqual({ ok: true });
  expect(await graphMail(made.stage.tenant, 'nobody@contoso.example', made.stage.admin).verify()).toEqual({
    ok: false,
    why: 'There is no mailbox nobody@contoso.example in the tenant',
  });
  made.stage.proxy.fault({ path: /users/ }, faults.dropped());
  expect(await made.mail.verify()).toMatchObject({ ok: false, why: expect.stringMatching(/did not answer/) });
  made.stage.proxy.fault({ path: /users/ }, faults.denied());
  expect(await made.mail.verify()).toEqual({ ok: true });
  expect(made.stage.asked('POST', sendMail)).toEqual([]);
  await made.mail.close();
});

test('the mailbox of the setting', () => {
  expect(graphMailbox('graph://reset@contoso.example')).toBe('reset@contoso.example');
  expect(graphMailbox('smtp://mail.example')).toBeUndefined();
});
