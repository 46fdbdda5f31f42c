// Comfort for browsers that run scripts; every page does all that it does without this.
//
// What it knows of pages is what they mark:
//   data-part   with an id: may be replaced by the same part of the page fetched anew
//   data-live   such a part that changes by itself, for as long as it has the mark
//   data-copy   a text worth copying, or another one in its place

const COPIED = '.crumbs > code, .fingerprint, .commands > pre, [data-copy]';
const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';
/** Milliseconds from the last key until a list is filtered. */
const TYPING = 300;
/** Milliseconds for which a page follows what it shows: a forgotten window must not keep its session alive. */
const FOLLOWED = 600_000;

const status = document.createElement('p');
status.setAttribute('role', 'status');
status.className = 'unseen';
document.body.append(status);

function say(words) {
  status.textContent = words;
}

/** What the server's markup leaves to scripts. */
function furnish(root) {
  for (const source of navigator.clipboard ? root.querySelectorAll(COPIED) : []) {
    const term = source.closest('dd')?.previousElementSibling ?? source.parentElement.querySelector('h3');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', `Copy ${term?.textContent ?? (source.closest('.crumbs') ? 'id' : 'this')}`);
    source.after(button);
  }
  // On a phone each row is a card, whose lines need their names. A matrix has a way of its own.
  for (const table of root.querySelectorAll('.scroll > table:has(thead):not(.matrix)')) {
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    for (const row of table.tBodies[0].rows) {
      for (const cell of row.cells) cell.dataset.label = names[cell.cellIndex] ?? '';
    }
    table.classList.add('labelled');
  }
}

async function copy(button) {
  const source = button.previousElementSibling;
  await navigator.clipboard.writeText(source.dataset.copy || source.textContent);
  button.textContent = 'Copied';
  say('Copied');
  setTimeout(() => {
    button.textContent = 'Copy';
    // Unless something else was said since.
    if (status.textContent === 'Copied') say('');
  }, 2000);
}

/** Whether somebody does something in there that a new one would undo. */
function busy(part) {
  const selection = getSelection();
  const selected = !selection.isCollapsed && part.contains(selection.anchorNode);
  return selected || (part.contains(document.activeElement) && document.activeElement.matches('input, select, textarea'));
}

function replace(part, fresh) {
  const focused = [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  const opened = [...part.querySelectorAll('details')].map((details) => details.open);
  fresh.querySelectorAll('details').forEach((details, i) => { details.open = opened[i] ?? details.open; });
  furnish(fresh);
  part.replaceWith(fresh);
  if (focused >= 0) fresh.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
}

/** Fetches a page and takes its parts from it; false where it has nothing to show. */
async function renew(url, signal) {
  const answer = await fetch(url, { headers: { accept: 'text/html' }, signal });
  // The session has ended.
  if (answer.redirected) return location.assign(url);
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of document.querySelectorAll('[data-part]')) {
    const fresh = page.getElementById(part.id);
    if (fresh && !busy(part)) replace(part, fresh);
  }
  return true;
}

async function follow() {
  const end = Date.now() + FOLLOWED;
  const word = () => document.querySelector('main .status')?.textContent ?? '';
  for (let pause = 1000; document.querySelector('[data-live]') && Date.now() < end; pause = Math.min(1.2 * pause, 10_000)) {
    await new Promise((over) => setTimeout(over, pause));
    if (document.hidden) await new Promise((seen) => addEventListener('visibilitychange', seen, { once: true }));
    const before = word();
    // The server may be away for a moment.
    const renewed = await renew(location.href).catch(() => true);
    if (!renewed) return;
    if (word() !== before) say(`Now ${word()}`);
  }
}

let typing;
let asked;

async function filter(form) {
  asked?.abort();
  const { signal } = (asked = new AbortController());
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value.trim()) url.searchParams.append(name, value.trim());
  const shown = await renew(url, signal).catch(() => false);
  if (signal.aborted) return;
  const list = document.getElementById('list');
  // What is half typed may be no number yet: the form says so when it is sent.
  if (!shown) return list?.classList.add('stale');
  history.replaceState(null, '', url);
  say(list?.querySelector('.pager span, .empty strong')?.textContent ?? '');
}

addEventListener('input', ({ target }) => {
  if (!target.form?.matches('.filters')) return;
  clearTimeout(typing);
  typing = setTimeout(filter, TYPING, target.form);
});
addEventListener('click', ({ target }) => {
  if (target.matches('.copy')) copy(target);
});
addEventListener('keydown', ({ key }) => {
  const menu = document.querySelector('.folded details[open]');
  if (key !== 'Escape' || !menu) return;
  menu.open = false;
  menu.querySelector('summary').focus();
});

furnish(document);
follow();
