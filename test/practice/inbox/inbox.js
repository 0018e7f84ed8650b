// The inbox page: draws the list, keeps it current, shows the chosen mail. The address's fragment is the mail's id.

/** @typedef {{ id: string, to: string, from: string, address: string, subject: string, preview: string, at: string }} Summary */
/** @typedef {Summary & { headers: string[], text: string, html: boolean }} Mail */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function part(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`#${id} is missing`);
  return found;
}

const list = part('list', HTMLUListElement);
const frame = part('html', HTMLIFrameElement);
const views = /** @type {const} */ (['html', 'text', 'headers']);
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const calendar = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium' });
let openSeen = false;

/** @param {string} id */
const linkTo = (id) => list.querySelector(`a[href="#${CSS.escape(id)}"]`);

/** @param {Summary} mail */
function add(mail) {
  if (linkTo(mail.id)) return;
  const link = document.createElement('a');
  link.href = `#${mail.id}`;
  for (const [name, text] of /** @type {const} */ ([
    ['to', mail.to],
    ['subject', mail.subject],
    ['preview', mail.preview],
  ])) {
    const span = document.createElement('span');
    span.className = name;
    span.textContent = text;
    if (name === 'to') span.dir = 'ltr';
    else span.dir = 'auto';
    link.append(span);
  }
  const time = document.createElement('time');
  time.dateTime = mail.at;
  const at = new Date(mail.at);
  time.textContent = (at.toDateString() === new Date().toDateString() ? clock : day).format(at);
  link.firstElementChild?.after(time);
  const item = document.createElement('li');
  item.append(link);
  list.prepend(item);
  part('empty', HTMLParagraphElement).hidden = true;
}

async function show() {
  const id = location.hash.slice(1);
  for (const link of list.querySelectorAll('a')) {
    if (link.hash === `#${id}`) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  const answer = id === '' ? undefined : await fetch(`/mails/${encodeURIComponent(id)}`);
  part('mail', HTMLElement).hidden = !answer?.ok;
  part('none', HTMLParagraphElement).hidden = Boolean(answer?.ok) || list.childElementCount === 0;
  if (!answer?.ok) return;
  const mail = /** @type {Mail} */ (await answer.json());
  part('subject', HTMLElement).textContent = mail.subject;
  part('from', HTMLElement).textContent = mail.from === mail.address ? mail.address : `${mail.from} <${mail.address}>`;
  part('to', HTMLElement).textContent = mail.to;
  const time = part('at', HTMLTimeElement);
  time.dateTime = mail.at;
  time.textContent = calendar.format(new Date(mail.at));
  part('text', HTMLPreElement).textContent = mail.text;
  part('headers', HTMLPreElement).textContent = mail.headers.join('\n');
  if (mail.html) frame.src = `/mails/${encodeURIComponent(id)}/html`;
  choose(mail.html ? 'html' : 'text');
  if (openSeen) part('subject', HTMLElement).focus();
  openSeen = true;
}

/** @param {string | undefined} view */
function choose(view) {
  for (const name of views) part(name, HTMLElement).hidden = name !== view;
  for (const button of document.querySelectorAll('[data-view]')) {
    button.setAttribute('aria-pressed', String(button instanceof HTMLElement && button.dataset.view === view));
  }
}

for (const button of document.querySelectorAll('[data-view]')) {
  button.addEventListener('click', () => button instanceof HTMLElement && choose(button.dataset.view));
}
addEventListener('hashchange', show);

// Opened before the list is asked for, so that no mail falls between the two.
const events = new EventSource('/mails/events');
events.addEventListener('message', (event) => {
  const mail = /** @type {Summary} */ (JSON.parse(event.data));
  add(mail);
  part('announce', HTMLParagraphElement).textContent = `New mail to ${mail.to}: ${mail.subject}`;
  if (location.hash === '') location.hash = mail.id;
});
const known = /** @type {Summary[]} */ (await (await fetch('/mails')).json());
for (const mail of known.reverse()) add(mail);
part('empty', HTMLParagraphElement).hidden = known.length > 0;
await show();
