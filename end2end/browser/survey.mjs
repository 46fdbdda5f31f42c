// Goes through all pages by their links and looks at one of each kind.
//
// Takes: origin; screenshots, a folder; visits: who comes in, each with name, key (none: nobody is signed in), pages (looked
// at in any case: names and paths) and crawl (whether links are followed). Returns the pages and what is wrong with them.
import { drive, profile, signIn } from './chromium.mjs';
import { examine } from './examine.mjs';

/** How many pages at once. */
const TABS = 3;
/** How many pages whose addresses differ in one part are looked at. */
const SIBLINGS = 8;

/** Paths of pages of this server that the page leads to. */
async function links(page) {
  const found = await page
    .locator('a[href]:not([download])')
    .evaluateAll((all) => all.filter((a) => a.origin === window.location.origin).map((a) => a.pathname + a.search));
  return found.filter((path) => !/^\/(api|acme|auth)\/|^\/pki\/./.test(path));
}

/** The path without its ids and query: pages of a kind have one. */
function kind(path) {
  return path.split('?')[0].replaceAll(/\/(prof|iss)-[^/]+|\/[a-z]+-[0-9a-f]{32}/g, '/:id');
}

/** Pages to look at, one of each kind. */
class Queue {
  #waiting = [];
  #kinds = new Set();
  #siblings = new Map();
  #working = 0;
  #woken = [];

  /** `pages`: each of them is looked at. */
  constructor(pages) {
    for (const [name, path] of Object.entries(pages)) {
      this.#waiting.push({ name, path });
      this.#kinds.add(kind(path));
    }
  }

  add(paths) {
    for (const path of paths) {
      const its = kind(path);
      if (this.#kinds.has(its)) continue;
      this.#kinds.add(its);
      const parent = its.replace(/[^/]*$/, '');
      const siblings = this.#siblings.get(parent) ?? 0;
      this.#siblings.set(parent, siblings + 1);
      if (parent !== '/' && siblings >= SIBLINGS) continue;
      this.#waiting.push({ name: its.slice(1).replaceAll('/', '.').replaceAll(':', '') || 'first', path });
    }
  }

  /** The next one, or nothing when all have been looked at. */
  async next() {
    while (this.#waiting.length === 0) {
      if (this.#working === 0) return undefined;
      await new Promise((wake) => this.#woken.push(wake));
    }
    this.#working += 1;
    return this.#waiting.shift();
  }

  done() {
    this.#working -= 1;
    for (const wake of this.#woken.splice(0)) wake();
  }
}

await drive(async ({ origin, screenshots, visits }, browser) => {
  const seen = { pages: [], problems: [] };
  for (const { name, key, pages, crawl } of visits) {
    const context = await profile(browser, origin, seen.problems);
    if (key) await signIn(await context.newPage(), origin, key);
    const queue = new Queue(pages);
    const tabs = Array.from({ length: TABS }, async () => {
      const page = await context.newPage();
      for (let next; (next = await queue.next()); ) {
        const answer = await page.goto(origin + next.path);
        seen.pages.push(`${name} ${answer.status()} ${next.path}`);
        seen.problems.push(...(await examine(page, `${screenshots}/${name}.${next.name}`)));
        if (crawl) queue.add(await links(page));
        queue.done();
      }
    });
    await Promise.all(tabs);
    await context.close();
  }
  return seen;
});
