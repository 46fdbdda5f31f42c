// A whole task by the keyboard alone: to sign in, to find a certificate, and to copy its fingerprint.
//
// Takes: origin, key. Returns what it saw at each step.
import { drive, profile } from './chromium.mjs';

/** How many stops a page may have. */
const STOPS = 120;

/** Presses Tab until the focus is on `selector`; whatever has it on the way must be seen to have it. */
async function tabTo(page, selector) {
  const visited = [];
  for (let stop = 0; stop < STOPS; stop += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate((wanted) => {
      const element = document.activeElement;
      if (element === document.body) return { name: 'the page', shown: true };
      const { boxShadow, outlineStyle } = getComputedStyle(element);
      const { width, height, top } = element.getBoundingClientRect();
      return {
        name: `${element.tagName.toLowerCase()} ${element.innerText?.slice(0, 30) ?? ''}`,
        shown: (boxShadow !== 'none' || outlineStyle !== 'none') && width > 0 && height > 0 && top >= 0 && top < window.innerHeight,
        found: element.matches(wanted),
      };
    }, selector);
    visited.push(at.name);
    if (!at.shown) throw new Error(`${page.url()}: nobody sees that ${at.name} has the focus`);
    if (at.found) return;
  }
  throw new Error(`${page.url()}: ${selector} cannot be reached: ${visited.join(', ')}`);
}

await drive(async ({ origin, key }, browser) => {
  const seen = { problems: [] };
  const context = await profile(browser, origin, seen.problems, { permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  const go = async (selector) => {
    await tabTo(page, selector);
    await page.keyboard.press('Enter');
  };
  await page.goto(origin);
  await go('a[href="/sign-in"]');
  await page.waitForURL(`${origin}/sign-in`);
  await tabTo(page, '[name=api_key]');
  await page.keyboard.type(key);
  await page.keyboard.press('Enter');
  await page.locator('.me').first().waitFor();

  await go('.side a[href="/certificates"]');
  await page.waitForURL(`${origin}/certificates`);
  // Past the navigation.
  await page.keyboard.press('Tab');
  seen.first = await page.evaluate(() => document.activeElement.innerText);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  seen.second = await page.evaluate(() => document.activeElement.closest('main') !== null);
  await page.goto(`${origin}/certificates`);
  await go('.skip');
  await tabTo(page, '#filter-name');
  await page.keyboard.type('b.test');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/certificates?name=b.test**`);
  await go('#list tbody th a');
  await page.waitForURL(`${origin}/certificates/cert-*`);
  await go('.copy[aria-label="Copy SHA-256"]');
  await page.locator('.unseen', { hasText: 'Copied' }).waitFor({ state: 'attached' });
  seen.copied = await page.evaluate(() => navigator.clipboard.readText());

  // Around the page and out of it: nothing holds the focus.
  seen.stops = await page.evaluate(() => document.querySelectorAll('a[href], button, input, [tabindex], summary').length);
  let out = false;
  for (let stop = 0; stop <= seen.stops && !out; stop += 1) {
    await page.keyboard.press('Tab');
    out = await page.evaluate(() => document.activeElement === document.body);
  }
  seen.out = out;
  return seen;
});
